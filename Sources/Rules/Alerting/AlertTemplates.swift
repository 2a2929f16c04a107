import Model
import PromQL

/// The templates of an alerting rule's labels and annotations, parsed once.
package struct AlertTemplates: Sendable {
    /// By the names of the labels, in their order; an empty value removes a label.
    private var labels: [(name: String, value: AlertTemplate)]
    /// By the names of the annotations, in their order.
    private var annotations: [(name: String, value: AlertTemplate)]

    /// Parses the templates of the alert `name`.
    init(labels: [Label], annotations: [Label], alert name: String) {
        self.labels = labels.map { ($0.name, AlertTemplate($0.value, alert: name)) }
        self.annotations = annotations.map { ($0.name, AlertTemplate($0.value, alert: name)) }
    }

    /// What cannot be parsed: whether it is a label, its name, and why.
    var problems: [(isLabel: Bool, name: String, problem: TemplateError)] {
        labels.compactMap { label in label.value.problem.map { (true, label.name, $0) } }
            + annotations.compactMap { annotation in
                annotation.value.problem.map { (false, annotation.name, $0) }
            }
    }

    /// The alerts that the value of an expression stands for; they would be active since `time`.
    ///
    /// - Throws: If the value is no vector or scalar, or if two alerts would have the same labels.
    func instances(
        of value: QueryValue,
        alert name: String,
        at time: Timestamp,
        settings: AlertSettings,
        setting: TemplateSetting
    ) throws(RuleError) -> [Alert] {
        let samples = try TemplateSample.samples(of: value)
        var alerts: [Alert] = []
        var seen: Set<Labels> = []
        for sample in samples {
            let data = TemplateData(
                labels: sample.labels,
                externalLabels: settings.externalLabels,
                externalURL: settings.externalURL,
                value: sample.value
            )
            var builder = LabelsBuilder(sample.labels)
            builder.set(Labels.metricName, "")
            for label in labels { builder.set(label.name, label.value.expand(data, setting)) }
            builder.set(AlertSeries.nameLabel, name)
            let labels = builder.build()
            guard seen.insert(labels).inserted else { throw .duplicateAlert }
            alerts.append(
                Alert(
                    labels: labels,
                    annotations: annotations.map { Label($0.name, $0.value.expand(data, setting)) },
                    value: sample.value,
                    activeAt: time
                )
            )
        }
        return alerts
    }
}
