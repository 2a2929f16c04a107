import Model

/// The series that tell of active alerts: `ALERTS` and `ALERTS_FOR_STATE`.
enum AlertSeries {
    /// The label that holds the alert's name.
    static let nameLabel = "alertname"

    /// The samples of the active alerts of `rule`, in label order.
    ///
    /// As in Prometheus they have all labels of the rule, so one whose template yields nothing stays as it
    /// was written.
    static func samples(of book: AlertBook, rule: Rule) -> [RecordedSeries] {
        let base = Labels(rule.labels)
        var series: [RecordedSeries] = []
        for alert in book.alerts.values where alert.state != .inactive {
            var builder = LabelsBuilder(base)
            for label in alert.labels { builder.set(label.name, label.value) }
            builder.set(nameLabel, rule.name)
            builder.set(Labels.metricName, "ALERTS_FOR_STATE")
            let seconds = alert.activeAt.floored(toMillis: 1000).millis / 1000
            series.append(RecordedSeries(labels: builder.build(), value: Double(seconds)))
            builder.set(Labels.metricName, "ALERTS")
            builder.set("alertstate", alert.state.rawValue)
            series.append(RecordedSeries(labels: builder.build(), value: 1))
        }
        return series.sorted { $0.labels < $1.labels }
    }
}
