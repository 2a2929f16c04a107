import Model
import PromQL

/// What a recording rule yields at past slots.
struct PastValues: Sendable {
    /// The values by series and slot; nil where a series has none.
    private(set) var series: [Labels: [Double?]] = [:]
    /// The slots at which the rule fails; there everything stays as it was.
    private(set) var failed: [Bool]

    private let slots: PastSlots
    private let rule: Rule

    /// Evaluates `rule` at `slots`, whose samples lie `offsetMillis` before them.
    ///
    /// A range query does it if it yields the same as instant queries. If one fails the slots are halved
    /// until those are left that fail by themselves.
    ///
    /// - Throws: If the evaluation was cancelled.
    init(
        _ rule: Rule,
        at slots: PastSlots,
        offsetMillis: Int64,
        limit: Int,
        query: PastQuery,
        budget: @Sendable () -> QueryBudget
    ) throws {
        self.slots = slots
        self.rule = rule
        failed = Array(repeating: false, count: slots.count)
        let stepwise = RuleReads(rule.expr, lookbackMillis: 0).dependsOnQuery
        var open = [0..<slots.count]
        while let range = open.popLast() {
            do {
                let isSingle = stepwise || range.count == 1
                if stepwise, range.count > 1 {
                    open += range.reversed().map { $0..<($0 + 1) }
                    continue
                }
                let times = (slots.slot(range.lowerBound), slots.slot(range.upperBound - 1))
                let start = times.0.advanced(byMillis: -offsetMillis)
                let end = times.1.advanced(byMillis: -offsetMillis)
                let found =
                    isSingle
                    ? try query.instant(rule.expr, at: start, budget: budget())
                    : try query.range(
                        rule.expr,
                        from: start,
                        through: end,
                        stepMillis: slots.intervalMillis,
                        budget: budget()
                    )
                take(found, from: range.lowerBound, startMillis: start.millis)
            } catch {
                if case PromQLError.source(.cancelled) = error { throw error }
                if range.count == 1 {
                    failed[range.lowerBound] = true
                } else {
                    let middle = range.lowerBound + range.count / 2
                    open.append(middle..<range.upperBound)
                    open.append(range.lowerBound..<middle)
                }
            }
        }
        if limit > 0 { applyLimit(limit) }
        for index in slots.indices where failed[index] {
            for labels in series.keys { series[labels]?[index] = nil }
        }
    }

    private mutating func take(_ found: [PastSeries], from index: Int, startMillis: Int64) {
        for one in found {
            var builder = LabelsBuilder(one.labels)
            builder.set(Labels.metricName, rule.name)
            for label in rule.labels { builder.set(label.name, label.value) }
            let labels = builder.build()
            var values = series.removeValue(forKey: labels) ?? Array(repeating: nil, count: slots.count)
            for (millis, value) in zip(one.column.timestamps, one.column.values) {
                let place = index + Int((millis - startMillis) / slots.intervalMillis)
                guard values.indices.contains(place) else { continue }
                // Two series became the same, or a sample is a histogram, which stays as it was recorded.
                if values[place] != nil || !one.column.histograms.isEmpty { failed[place] = true }
                values[place] = value
            }
            series[labels] = values
        }
    }

    private mutating func applyLimit(_ limit: Int) {
        for index in slots.indices {
            let count = series.values.count { $0[index] != nil }
            if count > limit { failed[index] = true }
        }
    }
}

extension PastSlots {
    /// The numbers of the slots.
    var indices: Range<Int> { 0..<count }
}
