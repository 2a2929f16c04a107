import Model
import Synchronization

/// Remembers the values of ranges whose data have come, so that an open period costs what is new of it.
///
/// A range up to half an hour ago counts as closed. Its value stays until a write tells of samples before its
/// end; open ranges are put together from the longest closed part that is known and what comes after it.
package final class CachedAggregates: AggregateSource {
    /// How far back from now ranges are closed, in milliseconds.
    private static let openMillis: Int64 = 1_800_000
    /// How long what was read of open ranges may be used again if nothing is written, in milliseconds.
    private static let recentMillis: Int64 = 10_000
    /// How long the oldest value of a metric may be relied on if nothing older is written, in milliseconds.
    private static let extentMillis: Int64 = 60_000
    /// Of how many metrics that is remembered.
    private static let extentLimit = 10_000
    /// The most values that are remembered.
    private static let valueLimit = 500_000

    private struct Key: Hashable {
        var metric: MetricDefinition.Identity
        var label: String?
        var start: Int64
    }

    /// The value of a closed range, by group.
    private struct Entry {
        var groups: [String]
        var values: [Double?]
        /// What was told of the data behind them.
        var warnings: [String]
    }

    private struct State {
        /// By where ranges begin: the closed ranges that are known, by their ends.
        var entries: [Key: [Int64: Entry]] = [:]
        var valueCount = 0
        /// The time from which on no sample is in a range that is remembered.
        var latestReach = Int64.min
        /// The time from which on no sample is in a closed range that anybody has asked for.
        var askedReach = Int64.min
        /// The oldest late write that has not been allowed for: values that it is in still have to go.
        var unsettled = Int64.max
        /// How many writes have come that lay before `askedReach`, so that what is being read may lack them.
        var lateCount = 0
        /// How many writes have come.
        var writeCount = 0
        /// When metrics had values, as far as nothing older has been written since.
        var extents: [[MetricSelector]: KnownExtent] = [:]
        /// The latest of their oldest values.
        var latestOldest = Int64.min
        /// The oldest writes since each reading of an extent that is under way began.
        var readings: [Int: Int64] = [:]
        var readingCount = 0
        /// What was read since the last write: open ranges by their ends, and when series have values.
        var recent = Recent()

        /// Begins a reading of an extent, and tells what is known of it.
        mutating func beginReading(_ selectors: [MetricSelector], at now: Int64) -> (Int, Extent?) {
            readingCount += 1
            readings[readingCount] = .max
            guard let known = extents[selectors], now < known.until else { return (readingCount, nil) }
            return (readingCount, known.extent)
        }

        /// Ends it, and keeps what was found if no write since may have made it wrong.
        mutating func endReading(
            _ reading: Int,
            _ selectors: [MetricSelector],
            _ known: Extent?,
            _ found: Extent?,
            at now: Int64
        ) {
            let oldestWrite = readings.removeValue(forKey: reading) ?? .min
            guard let found, oldestWrite >= found.oldest else {
                extents[selectors] = nil
                return
            }
            // Samples expire without a write, so that the oldest one is looked for again now and then.
            let until = known == nil ? now + CachedAggregates.extentMillis : extents[selectors]?.until
            if extents.count >= CachedAggregates.extentLimit { extents = [:] }
            latestOldest = max(latestOldest, found.oldest)
            extents[selectors] = KnownExtent(extent: found, until: until ?? now)
        }

        /// Forgets what has become wrong or too old; whoever reads does that, so that writes cost nothing.
        mutating func refresh(at now: Int64) {
            recent.refresh(at: now, writeCount)
            guard unsettled < .max else { return }
            for (key, entries) in entries {
                let lead = key.metric.leadMillis ?? 0
                let kept = entries.filter { $0.key + lead <= unsettled }
                guard kept.count < entries.count else { continue }
                self.entries[key] = kept.isEmpty ? nil : kept
                valueCount -= entries.values.reduce(0) { $0 + $1.values.count }
                valueCount += kept.values.reduce(0) { $0 + $1.values.count }
            }
            latestReach = min(latestReach, unsettled)
            unsettled = .max
        }
    }

    private struct KnownExtent {
        var extent: Extent
        /// Until when the oldest value may be relied on, in milliseconds.
        var until: Int64
    }

    /// What holds until the next write, and not for long.
    private struct Recent {
        /// How many writes there were before.
        var writeCount = 0
        /// Until when it may be used, in milliseconds.
        var until = Int64.min
        var entries: [Key: [Int64: Entry]] = [:]
        var extents: [[MetricSelector]: Extent?] = [:]

        /// Forgets what is too old.
        mutating func refresh(at now: Int64, _ writeCount: Int) {
            guard
                writeCount != self.writeCount || now >= until || now < until - CachedAggregates.recentMillis
            else { return }
            self = Recent(writeCount: writeCount, until: now + CachedAggregates.recentMillis)
        }
    }

    private let base: any AggregateSource
    private let clock: @Sendable () -> Timestamp
    private let state = Mutex(State())

    /// A memory before `base`; whoever writes samples has to call `noteWrite`.
    package init(_ base: any AggregateSource, now: @escaping @Sendable () -> Timestamp) {
        self.base = base
        clock = now
    }

    package func noteWrite(oldest millis: Int64) {
        base.noteWrite(oldest: millis)
        state.withLock { state in
            state.writeCount += 1
            for (reading, oldest) in state.readings where millis < oldest { state.readings[reading] = millis }
            if millis < state.latestOldest {
                state.extents = [:]
                state.latestOldest = .min
            }
            if millis < state.askedReach { state.lateCount += 1 }
            guard millis < state.latestReach else { return }
            state.unsettled = min(state.unsettled, millis)
        }
    }

    package func extent(
        of selectors: [MetricSelector],
        now: Int64,
        known: Extent?,
        budget: QueryBudget
    ) throws(SourceError) -> Extent? {
        let time = clock().millis
        let (recent, writeCount) = state.withLock { state in
            state.recent.refresh(at: time, state.writeCount)
            return (state.recent.extents[selectors], state.writeCount)
        }
        if let recent { return recent }
        let (reading, before) = state.withLock { $0.beginReading(selectors, at: time) }
        var found: Extent?
        defer {
            state.withLock { state in
                state.endReading(reading, selectors, before, found, at: time)
                if found != nil, state.writeCount == writeCount {
                    state.recent.extents[selectors] = .some(found)
                }
            }
        }
        found = try base.extent(of: selectors, now: now, known: known ?? before, budget: budget)
        return found
    }

    package func keptExtent(of metric: MetricDefinition, budget: QueryBudget) throws(SourceError) -> Extent? {
        try base.keptExtent(of: metric, budget: budget)
    }

    package func hasHistograms(in selectors: [MetricSelector], now: Int64, budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        try base.hasHistograms(in: selectors, now: now, budget: budget)
    }

    package func values(
        ofLabel label: String,
        in selectors: [MetricSelector],
        budget: QueryBudget
    ) throws(SourceError) -> [String] {
        try base.values(ofLabel: label, in: selectors, budget: budget)
    }

    package func tables(
        _ requests: [AggregateRequest],
        budget: QueryBudget
    ) throws(SourceError) -> [AggregateTable] {
        let grain = ExpressionBuckets.bucketMillis
        let time = clock().millis
        let closed = (time - CachedAggregates.openMillis).floored(by: grain) * grain
        let (lateCount, writeCount) = state.withLock { state in
            state.refresh(at: time)
            // Closed ranges of an expression that looks ahead end earlier by as much.
            state.askedReach = max(state.askedReach, closed)
            return (state.lateCount, state.writeCount)
        }
        var plans: [Plan] = []
        for request in requests { plans.append(plan(request, closed)) }
        let open = plans.compactMap(\.request)
        var answers = try base.tables(open, budget: budget)[...]
        var tables: [AggregateTable] = []
        for (request, plan) in zip(requests, plans) {
            let answer = plan.request == nil ? nil : answers.popFirst()
            let (table, learnt, recent) = plan.table(answer, request)
            tables.append(table)
            remember(learnt, request, lateCount)
            keep(recent, request, writeCount)
        }
        return tables
    }

    // MARK: - Plans

    /// How one request is answered.
    private struct Plan {
        /// One range: what is known of its beginning, and the parts that are read.
        struct Piece {
            var known: Entry?
            /// The range of the request to `base` that goes up to where ranges are closed, and where that is.
            var closed: (index: Int, end: Int64)?
            /// The range of the request to `base` behind that.
            var open: Int?
        }

        var pieces: [Piece] = []
        var request: AggregateRequest?

        /// Puts the values together; `learnt` are closed ranges that were not known.
        func table(_ answer: AggregateTable?, _ request: AggregateRequest) -> (
            AggregateTable, learnt: [(start: Int64, end: Int64, entry: Entry)],
            recent: [(start: Int64, end: Int64, entry: Entry)]
        ) {
            var groupIndex: [ByteText: Int] = [:]
            var groups: [String] = []
            func index(_ group: String) -> Int {
                if let index = groupIndex[ByteText(group)] { return index }
                groupIndex[ByteText(group)] = groups.count
                groups.append(group)
                return groups.count - 1
            }
            for group in answer?.groups ?? [] { _ = index(group) }
            for piece in pieces { for group in piece.known?.groups ?? [] { _ = index(group) } }
            if request.label == nil { _ = index("") }
            let aggregation = request.metric.aggregation
            let empty: Double? = aggregation.isZeroWhenEmpty ? 0 : nil
            var values = [[Double?]](repeating: [], count: groups.count)
            var learnt: [(start: Int64, end: Int64, entry: Entry)] = []
            var recent: [(start: Int64, end: Int64, entry: Entry)] = []
            var table = AggregateTable()
            table.add(warnings: answer?.warnings ?? [])
            for (position, piece) in pieces.enumerated() {
                // What has no part in the piece is empty; a part without a value may be null for sums, too.
                var merged = [Double??](repeating: .none, count: groups.count)
                table.add(warnings: piece.known?.warnings ?? [])
                let old = piece.known?.warnings ?? []
                let warnings = old + (answer?.warnings ?? []).filter { !old.contains($0) }
                for (group, value) in zip(piece.known?.groups ?? [], piece.known?.values ?? []) {
                    merged[index(group)] = .some(value)
                }
                func add(_ part: Int) {
                    for (row, group) in (answer?.groups ?? []).enumerated() {
                        let place = index(group)
                        let value = answer?.values[row][part] ?? nil
                        merged[place] = .some(
                            merged[place].map { Plan.merge($0, value, aggregation) } ?? value
                        )
                    }
                }
                if let (part, end) = piece.closed {
                    add(part)
                    let start = request.cuts[request.ranges[position].lowerBound]
                    let values = merged.map { $0 ?? empty }
                    let entry = Entry(groups: groups, values: values, warnings: warnings)
                    learnt.append((start, end, entry))
                }
                if let open = piece.open {
                    add(open)
                    let range = request.ranges[position]
                    recent.append(
                        (
                            request.cuts[range.lowerBound], request.cuts[range.upperBound],
                            Entry(groups: groups, values: merged.map { $0 ?? empty }, warnings: warnings)
                        )
                    )
                }
                for group in groups.indices { values[group].append(merged[group] ?? empty) }
            }
            let order = groups.indices.sorted { ByteText(groups[$0]) < ByteText(groups[$1]) }
            table.groups = order.map { groups[$0] }
            table.values = order.map { values[$0] }
            return (table, learnt, recent)
        }

        private static func merge(_ left: Double?, _ right: Double?, _ aggregation: Aggregation) -> Double? {
            guard let left, let right else {
                // A sum is null where there is nothing but native histograms.
                let other = left ?? right
                return aggregation.isZeroWhenEmpty && other == 0 ? nil : other
            }
            switch aggregation {
            case .sum, .count: return left + right
            case .min: return min(left, right)
            case .max: return max(left, right)
            case .first, .last, .timeAverage: return right
            }
        }
    }

    private func plan(_ request: AggregateRequest, _ closedForAll: Int64) -> Plan {
        let aggregation = request.metric.aggregation
        // An expression that looks ahead is closed later; one about a fixed time never is.
        let closed = request.metric.leadMillis.map { closedForAll - $0 } ?? .min
        let canSplit = [.sum, .count, .min, .max].contains(aggregation)
        var plan = Plan()
        var wanted: [Bucket] = []
        func read(_ start: Int64, _ end: Int64) -> Int {
            wanted.append(Bucket(start: start, end: end))
            return wanted.count - 1
        }
        for range in request.ranges {
            let (start, end) = (request.cuts[range.lowerBound], request.cuts[range.upperBound])
            // The last sample of a mean over time weighs more as the watermark moves on.
            let isSettled = aggregation != .timeAverage || request.extent.newest >= end
            let closedEnd = isSettled ? min(end, canSplit || end <= closed ? closed : .min) : .min
            var piece = Plan.Piece()
            let whole = Key(metric: request.metric.identity, label: request.label, start: start)
            if let recent = state.withLock({ $0.recent.entries[whole]?[end] }) {
                piece.known = recent
                plan.pieces.append(piece)
                continue
            }
            guard closedEnd > start else {
                piece.open = read(start, end)
                plan.pieces.append(piece)
                continue
            }
            let known = state.withLock { state in
                state.entries[whole]?.filter { $0.key <= closedEnd && (canSplit || $0.key == closedEnd) }
                    .max { $0.key < $1.key }
            }
            piece.known = known?.value
            let from = known?.key ?? start
            if from < closedEnd { piece.closed = (read(from, closedEnd), closedEnd) }
            if closedEnd < end { piece.open = read(closedEnd, end) }
            plan.pieces.append(piece)
        }
        guard !wanted.isEmpty else { return plan }
        let cuts = Set(wanted.flatMap { [$0.start, $0.end] }).sorted()
        var indexOfCut: [Int64: Int] = [:]
        for (index, cut) in cuts.enumerated() { indexOfCut[cut] = index }
        plan.request = AggregateRequest(
            metric: request.metric,
            extent: request.extent,
            label: request.label,
            cuts: cuts,
            ranges: wanted.map { (indexOfCut[$0.start] ?? 0)..<(indexOfCut[$0.end] ?? 0) }
        )
        return plan
    }

    /// Keeps what was read of open ranges until the next write.
    private func keep(
        _ recent: [(start: Int64, end: Int64, entry: Entry)],
        _ request: AggregateRequest,
        _ writeCount: Int
    ) {
        guard !recent.isEmpty else { return }
        state.withLock { state in
            guard state.writeCount == writeCount else { return }
            for (start, end, entry) in recent {
                let key = Key(metric: request.metric.identity, label: request.label, start: start)
                state.recent.entries[key, default: [:]][end] = entry
            }
        }
    }

    private func remember(
        _ learnt: [(start: Int64, end: Int64, entry: Entry)],
        _ request: AggregateRequest,
        _ lateCount: Int
    ) {
        guard !learnt.isEmpty else { return }
        state.withLock { state in
            // What was read may lack a write that has come since.
            guard state.lateCount == lateCount else { return }
            if state.valueCount > CachedAggregates.valueLimit {
                state.entries = [:]
                state.valueCount = 0
            }
            for (start, end, entry) in learnt {
                let key = Key(metric: request.metric.identity, label: request.label, start: start)
                var entries = state.entries[key] ?? [:]
                state.valueCount -= entries.values.reduce(0) { $0 + $1.values.count }
                CachedAggregates.thin(&entries)
                entries[end] = entry
                state.entries[key] = entries
                state.valueCount += entries.values.reduce(0) { $0 + $1.values.count }
                state.latestReach = max(state.latestReach, end + (key.metric.leadMillis ?? 0))
            }
        }
    }

    /// Leaves out some of many parts of a period: the later, the fewer, so that a late sample costs little.
    private static func thin(_ entries: inout [Int64: Entry]) {
        guard entries.count >= 12 else { return }
        for (place, end) in entries.keys.sorted(by: >).enumerated() where place > 2 && place % 2 == 0 {
            entries[end] = nil
        }
    }
}
