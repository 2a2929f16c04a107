import Matching
import Model
import PromQL

/// The values of metrics from raw samples: each series is decoded once for all metrics that share it.
package struct RawAggregates: AggregateSource {
    /// The time before which samples of a series may have expired; nil if nothing expires.
    package typealias Horizon = @Sendable (Labels) -> Int64?

    /// How far before the first cut the last value of a counter is looked for at first, in milliseconds.
    private static let lookbackMillis: Int64 = 900_000
    /// How much further each time it is looked for after that.
    private static let lookbackGrowth: Int64 = 24
    /// A counter that begins this shortly after the time before which samples may have expired may be older.
    private static let horizonMarginMillis: Int64 = 2 * 86_400_000

    let source: any SeriesSource
    private let engine: @Sendable () -> Engine
    private let horizon: Horizon
    private let extents: ExtentFinder

    /// Values of the samples in `source`.
    ///
    /// - Parameters:
    ///   - source: The samples.
    ///   - engine: Evaluates the expressions of `promql` metrics.
    ///   - horizon: Which samples may have expired, so that the oldest one left is not taken for the first.
    package init(
        source: any SeriesSource,
        engine: @escaping @Sendable () -> Engine = { Engine() },
        horizon: @escaping Horizon = { _ in nil }
    ) {
        self.source = source
        self.engine = engine
        self.horizon = horizon
        extents = ExtentFinder(source: source)
    }

    package func extent(
        of selectors: [MetricSelector],
        now: Int64,
        known: Extent?,
        budget: QueryBudget
    ) throws(SourceError) -> Extent? {
        var extent: Extent?
        if let known {
            // A metric goes on from where it was, so that only what is new is read.
            for selector in selectors {
                let newest = try extents.newest(selector, from: known.newest, budget: budget)
                extent = Extent.union(extent, newest.map { Extent(oldest: known.oldest, newest: $0) })
            }
            if extent != nil { return extent }
        }
        for selector in selectors {
            extent = Extent.union(extent, try extents.extent(of: selector, now: now, budget: budget))
        }
        return extent
    }

    package func hasHistograms(in selectors: [MetricSelector], now: Int64, budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        for selector in selectors {
            if try extents.hasHistograms(selector, now: now, budget: budget) { return true }
        }
        return false
    }

    package func noteWrite(oldest millis: Int64) {}

    package func values(
        ofLabel label: String,
        in selectors: [MetricSelector],
        budget: QueryBudget
    ) throws(SourceError) -> [String] {
        let request = LabelRequest(selections: selectors.map(\.matchers))
        return try source.labelValues(label, request, budget: budget).items
    }

    package func tables(
        _ requests: [AggregateRequest],
        budget: QueryBudget
    ) throws(SourceError) -> [AggregateTable] {
        var tables = [AggregateTable?](repeating: nil, count: requests.count)
        var families: [Family] = []
        var familyOf: [ByteText: Int] = [:]
        for (index, request) in requests.enumerated() {
            guard case .promql(let expression) = request.metric.source else {
                guard let selector = request.metric.source.selectors.first else { continue }
                let key = Family.key(of: selector)
                if let family = familyOf[key] {
                    families[family].members.append(index)
                } else {
                    familyOf[key] = families.count
                    families.append(Family(members: [index]))
                }
                continue
            }
            let buckets = ExpressionBuckets(expression: expression, source: source, engine: engine())
            tables[index] = try buckets.table(request, budget: budget)
        }
        for family in families {
            try read(family, requests, into: &tables, budget: budget)
        }
        return tables.map { $0 ?? AggregateTable() }
    }

    // MARK: - Families

    /// Requests whose series may be the same: those of one metric name.
    private struct Family {
        var members: [Int]

        static func key(of selector: MetricSelector) -> ByteText {
            let name = selector.matchers.first { $0.name == Labels.metricName && $0.kind == .equal }
            // Whatever else is selected is shared only by the same selector.
            return ByteText(name.map { "=\($0.value)" } ?? selector.text)
        }
    }

    private func read(
        _ family: Family,
        _ requests: [AggregateRequest],
        into tables: inout [AggregateTable?],
        budget: QueryBudget
    ) throws(SourceError) {
        let selectors = family.members.compactMap { requests[$0].metric.source.selectors.first }
        let isOne = Set(selectors).count == 1
        var folds: [AggregateFold] = []
        for (member, selector) in zip(family.members, selectors) {
            folds.append(
                AggregateFold(requests[member], matchers: isOne ? nil : try compile(selector.matchers))
            )
        }
        let shared =
            isOne
            ? selectors[0].matchers
            : selectors[0].matchers.filter { $0.name == Labels.metricName && $0.kind == .equal }
        var start = Int64.max
        var end = Int64.min
        for fold in folds {
            let first = fold.request.cuts[0]
            start = min(start, fold.needsPredecessor ? first - RawAggregates.lookbackMillis : first)
            end = max(end, fold.request.cuts.last ?? first)
        }
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: end - 1))
        let set = try source.select(SelectRequest(matchers: shared, range: range), budget: budget)
        var older = OlderValues(matchers: shared, before: start)
        var created = CreatedTimes(source: source, range: range)
        var column = SampleColumn()
        for index in 0..<set.count {
            let labels = set.labels(at: index)
            let takers = folds.indices.filter { folds[$0].takes(labels) }
            guard !takers.isEmpty else { continue }
            try set.read(index, into: &column)
            guard !column.isEmpty else { continue }
            try budget.charge(samples: column.count)
            defer { budget.release(samples: column.count) }
            budget.noteScanned(samples: column.count)
            for taker in takers {
                let before = try predecessor(folds[taker], labels, column, &older, budget)
                let isFirstKnown = before == nil && isFirstKnown(labels, column)
                var began: Int64?
                if isFirstKnown, let time = folds[taker].birth(column) {
                    began = try created.start(of: labels, firstSampleAt: time, budget: budget)
                }
                folds[taker].add(
                    labels,
                    column,
                    before: before,
                    isFirstKnown: isFirstKnown,
                    createdMillis: began
                )
            }
        }
        for (member, fold) in zip(family.members, folds) { tables[member] = fold.table() }
    }

    /// The last value of a counter before the first cut.
    private func predecessor(
        _ fold: AggregateFold,
        _ labels: Labels,
        _ column: SampleColumn,
        _ older: inout OlderValues,
        _ budget: QueryBudget
    ) throws(SourceError) -> Double? {
        guard fold.needsPredecessor else { return nil }
        let times = column.timestamps.span
        var index = SeriesFold.lowerBound(times, fold.request.cuts[0], from: 0)
        // Without samples behind the cut there is nothing that rose.
        guard index < column.count else { return 0 }
        while index > 0 {
            index -= 1
            if !column.values[index].isNaN { return column.values[index] }
        }
        return try older.value(of: labels, source, notBefore: fold.request.extent.oldest, budget)
    }

    /// Whether the oldest sample of a series is the first that it ever had.
    private func isFirstKnown(_ labels: Labels, _ column: SampleColumn) -> Bool {
        guard let horizon = horizon(labels), let first = column.timestamps.first else { return true }
        return first > horizon + RawAggregates.horizonMarginMillis
    }

    private func compile(_ matchers: [Matcher]) throws(SourceError) -> [CompiledMatcher] {
        do throws(RegexError) {
            return try CompiledMatcher.compile(matchers)
        } catch {
            throw .badMatcher(error.description)
        }
    }

    /// The last values of series before a time, found by looking further and further back.
    private struct OlderValues {
        let matchers: [Matcher]
        let before: Int64
        /// The values of the last samples that were looked for, by series.
        private var values: [Labels: Double] = [:]
        /// From where on the values are known.
        private var knownFrom: Int64
        private var reach = RawAggregates.lookbackMillis

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
                let (next, overflow) = reach.multipliedReportingOverflow(by: RawAggregates.lookbackGrowth)
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
            let set = try source.select(
                SelectRequest(
                    matchers: matchers,
                    range: TimeRange(Timestamp(millis: start), Timestamp(millis: knownFrom - 1))
                ),
                budget: budget
            )
            var column = SampleColumn()
            for index in 0..<set.count {
                let labels = set.labels(at: index)
                guard values[labels] == nil else { continue }
                try set.read(index, into: &column)
                budget.noteScanned(samples: column.count)
                if let last = column.values.last(where: { !$0.isNaN }) { values[labels] = last }
            }
            knownFrom = start
        }
    }
}
