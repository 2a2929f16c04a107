import Matching
import Model
import PromQL

/// The values of metrics from what is stored: each series is read once for all metrics that share it, or not
/// at all where the source has states of the intervals.
package struct RawAggregates: AggregateSource {
    /// The time before which samples of a series may have expired; nil if nothing expires.
    package typealias Horizon = @Sendable (Labels) -> Int64?

    /// How far before the first cut the last value of a counter is looked for at first at least, in
    /// milliseconds.
    private static let lookbackMillis: Int64 = 900_000

    /// A counter that begins this shortly after the time before which samples may have expired may be older.
    private static let horizonMarginMillis: Int64 = 2 * 86_400_000

    let source: any SeriesSource
    private let engine: @Sendable () -> Engine
    private let horizon: Horizon
    private let kept: KeptBuckets?
    private let extents: ExtentFinder

    /// Values of the samples in `source`.
    ///
    /// - Parameters:
    ///   - source: The samples.
    ///   - engine: Evaluates the expressions of `promql` metrics.
    ///   - kept: Where the values of `promql` metrics are kept; nil: nowhere.
    ///   - horizon: Which samples may have expired, so that the oldest one left is not taken for the first.
    package init(
        source: any SeriesSource,
        engine: @escaping @Sendable () -> Engine = { Engine() },
        kept: KeptBuckets? = nil,
        horizon: @escaping Horizon = { _ in nil }
    ) {
        self.source = source
        self.engine = engine
        self.kept = kept
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

    package func keptExtent(of metric: MetricDefinition, budget: QueryBudget) throws(SourceError) -> Extent? {
        try kept?.extent(of: metric, budget: budget)
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
            if let table = try kept?.table(request, budget: budget) {
                tables[index] = table
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

    /// How far before the first cut the last value of a counter is looked for at first: little compared with
    /// what is read anyway, and where that is much a whole bucket, of which there may be a state.
    ///
    /// Behind the newest value there is nothing to read, however long a period still goes on.
    private static func lookbackMillis(of cuts: [Int64], newest: Int64) -> Int64 {
        let length = min(cuts.last ?? cuts[0], newest) - cuts[0]
        return switch length {
        case ..<RollupLevel.day.millis: lookbackMillis
        case ..<(16 * RollupLevel.day.millis): RollupLevel.hour.millis
        default: RollupLevel.day.millis
        }
    }

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
            let cuts = fold.request.cuts
            let newest = fold.request.extent.newest
            let lookback =
                fold.needsPredecessor ? RawAggregates.lookbackMillis(of: cuts, newest: newest) : 0
            start = min(start, cuts[0] - lookback)
            end = max(end, cuts.last ?? cuts[0])
        }
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: end - 1))
        var groups = intervals(of: folds, from: start)
        let heldByteCount = groups.reduce(0) { $0 + $1.heldByteCount }
        try budget.charge(bytes: heldByteCount)
        defer { budget.release(bytes: heldByteCount) }
        let set = try source.select(SelectRequest(matchers: shared, range: range), budget: budget)
        var older = OlderValues(matchers: shared, before: start)
        var created = CreatedTimes(source: source, range: range)
        var column = SampleColumn()
        for index in 0..<set.count {
            try budget.checkpoint()
            let labels = set.labels(at: index)
            let takers = folds.map { $0.takes(labels) }
            guard takers.contains(true) else { continue }
            var heldCount: Int?
            defer { budget.release(samples: heldCount ?? 0) }
            for group in groups.indices {
                guard groups[group].members.contains(where: { takers[$0] }) else { continue }
                let before: Double?
                if let known = try groups[group].ask(set, index) {
                    before = known
                } else {
                    if heldCount == nil {
                        try set.read(index, into: &column)
                        try budget.charge(samples: column.count)
                        budget.noteScanned(samples: column.count)
                        heldCount = column.count
                    }
                    before = groups[group].fold(column)
                }
                // Without samples in the intervals there is nothing that rose either.
                guard let firstMillis = groups[group].firstMillis else { continue }
                for member in groups[group].members where takers[member] {
                    var last: Double?
                    if folds[member].needsPredecessor {
                        last = before
                        let oldest = folds[member].request.extent.oldest
                        if last == nil {
                            last = try older.value(of: labels, source, notBefore: oldest, budget)
                        }
                    }
                    let isFirstKnown = last == nil && isFirstKnown(labels, firstMillis)
                    var began: Int64?
                    // The metric's oldest series are as old as it is, whenever they began.
                    if isFirstKnown, folds[member].wantsBirth,
                        firstMillis > folds[member].request.extent.oldest
                    {
                        began = try created.start(of: labels, firstSampleAt: firstMillis, budget: budget)
                    }
                    folds[member].add(
                        labels,
                        groups[group].states,
                        from: groups[group].first,
                        before: last,
                        isFirstKnown: isFirstKnown,
                        createdMillis: began
                    )
                }
            }
        }
        for (member, fold) in zip(family.members, folds) {
            var table = fold.table()
            // What is wrong with samples shows when they are read.
            table.add(warnings: set.warnings)
            table.add(warnings: older.warnings)
            tables[member] = table
        }
    }

    /// What the requests want states of: each list of intervals once.
    private func intervals(of folds: [AggregateFold], from start: Int64) -> [IntervalStates] {
        var groups: [IntervalStates] = []
        var groupOf: [[Int64]: Int] = [:]
        for (member, fold) in folds.enumerated() {
            let cuts = fold.request.cuts
            let group = groupOf[cuts] ?? groups.count
            if group == groups.count {
                groups.append(IntervalStates(cuts: cuts, start: start))
                groupOf[cuts] = group
            }
            groups[group].add(member: member, fold)
        }
        return groups
    }

    /// Whether the oldest number of a series, which is the first of the intervals, is the first that it ever
    /// had.
    private func isFirstKnown(_ labels: Labels, _ firstMillis: Int64) -> Bool {
        guard let horizon = horizon(labels) else { return true }
        return firstMillis > horizon + RawAggregates.horizonMarginMillis
    }

    private func compile(_ matchers: [Matcher]) throws(SourceError) -> [CompiledMatcher] {
        do throws(RegexError) {
            return try CompiledMatcher.compile(matchers)
        } catch {
            throw .badMatcher(error.description)
        }
    }
}
