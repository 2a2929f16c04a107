import Model

/// The last values of series before a time, found by looking further and further back.
struct OlderValues {
    /// How far is looked, in milliseconds, before `growth`.
    private static let reachMillis: Int64 = 900_000
    /// How much further each time.
    private static let growth: Int64 = 24

    let matchers: [Matcher]
    let before: Int64
    /// The values of the last samples that were looked for, by series.
    private var values: [Labels: Double] = [:]
    /// What the source warns of.
    private(set) var warnings: [String] = []
    /// From where on the values are known.
    private var knownFrom: Int64
    private var reach = OlderValues.reachMillis

    init(matchers: [Matcher], before: Int64) {
        self.matchers = matchers
        self.before = before
        knownFrom = before
    }

    mutating func value(
        of labels: Labels,
        _ source: any SeriesSource,
        notBefore oldest: Int64,
        _ budget: QueryBudget
    ) throws(SourceError) -> Double? {
        while values[labels] == nil, knownFrom > oldest {
            let (next, overflow) = reach.multipliedReportingOverflow(by: OlderValues.growth)
            reach = overflow ? .max : next
            let (start, low) = before.subtractingReportingOverflow(reach)
            try read(from: low ? .min : start, source, budget)
        }
        return values[labels]
    }

    private mutating func read(
        from start: Int64,
        _ source: any SeriesSource,
        _ budget: QueryBudget
    ) throws(SourceError) {
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: knownFrom - 1))
        let set = try source.select(SelectRequest(matchers: matchers, range: range), budget: budget)
        var column = SampleColumn()
        var states: [WindowState] = []
        for index in 0..<set.count {
            let labels = set.labels(at: index)
            guard values[labels] == nil else { continue }
            if try set.states(of: index, in: [range], .ends, into: &states) {
                if let state = states.first, !state.isEmpty { values[labels] = state.lastValue }
                continue
            }
            try set.read(index, into: &column)
            budget.noteScanned(samples: column.count)
            if let last = column.values.last(where: { !$0.isNaN }) { values[labels] = last }
        }
        warnings += set.warnings
        knownFrom = start
    }
}
