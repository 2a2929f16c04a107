import Model
import PromQL

/// One sample that a recording rule yields; its time is the evaluation's.
struct RecordedSeries: Hashable, Sendable {
    var labels: Labels
    var value: Double
    /// The native histogram, if the sample is one.
    var histogram: NativeHistogram?

    /// What the recording rule `rule` makes of the value of its expression.
    ///
    /// The metric name is replaced by that of the rule, then the rule's labels are set over those of the
    /// result. A `limit` of 0 or less is none. Throws if the value is no vector or scalar, if series become
    /// the same, or if there are more than `limit`.
    static func make(of value: QueryValue, rule: Rule, limit: Int) throws(RuleError) -> [RecordedSeries] {
        var recorded: [RecordedSeries] = []
        switch value {
        case .scalar(_, let number):
            recorded = [RecordedSeries(labels: relabel(.empty, rule), value: number)]
        case .vector(let samples):
            recorded.reserveCapacity(samples.count)
            for sample in samples {
                let labels = relabel(sample.labels, rule)
                recorded.append(
                    RecordedSeries(labels: labels, value: sample.value, histogram: sample.histogram)
                )
            }
        default:
            throw .notAVector
        }
        if Set(recorded.map(\.labels)).count < recorded.count { throw .duplicateLabelSet }
        if limit > 0, recorded.count > limit {
            throw .limitExceeded(limit: limit, seriesCount: recorded.count)
        }
        return recorded
    }

    private static func relabel(_ labels: Labels, _ rule: Rule) -> Labels {
        var builder = LabelsBuilder(labels)
        builder.set(Labels.metricName, rule.name)
        for label in rule.labels { builder.set(label.name, label.value) }
        return builder.build()
    }
}
