import Matching
import Model

/// What the store held at one moment, as far as a range of time goes: its segments and its heads.
///
/// Segments and frozen heads do not change. The head that takes writes does; what a selection takes of it is
/// taken under the store's lock at once.
struct StoreView {
    private let store: Store
    /// In the order of their sequence.
    private let segments: [Segment]
    /// In the order of writing; the last one may still take writes.
    private let heads: [(head: Head, tombstones: Tombstones)]
    /// The deletes that may concern a segment, by its file; none of most.
    private let tombstones: [String: Tombstones]
    /// What readers should know about damaged files.
    private let warnings: [String]
    private let retention: RetentionClasses
    private let now: Timestamp

    /// The view of `store` in its present `state`.
    init(_ store: Store, _ state: Store.State, _ range: TimeRange, now: Timestamp) {
        self.store = store
        segments = state.segments.filter { $0.record.range.overlaps(range) }
        // Nothing in the head that takes writes was there before a delete.
        heads =
            state.frozen.map { ($0.head, state.tombstones.concerning($0.sequence, range)) }
            + [(state.head, Tombstones())]
        var tombstones: [String: Tombstones] = [:]
        if !state.tombstones.isEmpty {
            for segment in segments {
                let some = state.tombstones(concerning: segment)
                if !some.isEmpty { tombstones[segment.record.file] = some }
            }
        }
        self.tombstones = tombstones
        warnings = state.damages.filter { $0.range.overlaps(range) }.map(\.text)
        retention = state.retention
        self.now = now
    }

    /// The series that satisfy `matchers` and have samples in `range`, by source in the order of writing, and
    /// what their reader should know; of each source only the first `cut` in label order.
    ///
    /// The budget is charged for them as long as `memory` lives.
    func select(
        _ matchers: [CompiledMatcher],
        _ range: TimeRange,
        _ budget: QueryBudget,
        cut: Int = .max
    ) throws(SourceError) -> (sources: [SelectedSource], warnings: [String], memory: SelectionMemory) {
        try budget.checkpoint()
        var memory = SelectionMemory(budget)
        // First: while segments are read from disk, the head goes on.
        var ofHeads: [SelectedSource] = []
        for (head, tombstones) in heads {
            ofHeads.append(select(in: head, tombstones, matchers, range, budget, cut, &memory))
            if let failure = memory.failure { throw failure }
        }
        var sources: [SelectedSource] = []
        var warnings = warnings
        for segment in segments {
            do throws(StorageError) {
                sources.append(try select(in: segment, matchers, range, budget, cut, &memory))
            } catch {
                note(error, segment, &warnings)
            }
            if let failure = memory.failure { throw failure }
            try budget.checkpoint()
        }
        return (sources + ofHeads, warnings, memory)
    }

    /// A time before which no series that satisfies `matchers` has a sample; nil if there is no such series,
    /// or a segment cannot be read.
    func start(of matchers: [CompiledMatcher], _ budget: QueryBudget) throws(SourceError) -> Timestamp? {
        var start: Timestamp?
        for (head, _) in heads where head.sampleCount > 0 {
            let found = matching(matchers, in: head)
            for one in guarded({ head.snapshots(of: found, in: .all) }) {
                start = min(start ?? .max, Timestamp(millis: one.series.minMillis))
            }
        }
        for segment in segments.sorted(by: { $0.record.range.start < $1.record.range.start }) {
            try budget.checkpoint()
            // Segments that begin later have nothing earlier.
            if let start, start <= segment.record.range.start { break }
            do throws(StorageError) {
                var reader = Segment.Reader()
                for (place, ordinal) in try segment.index.series(matching: matchers).enumerated() {
                    if place % StoreView.portion == 0, StoreView.isOver(budget) { break }
                    for chunk in try segment.chunks(of: ordinal, &reader) {
                        start = min(start ?? .max, Timestamp(millis: chunk.minMillis))
                    }
                }
            } catch {
                segment.note(error)
                return nil
            }
        }
        try budget.checkpoint()
        return start
    }

    /// The series that satisfy `matchers` and have samples in `range` which have not expired.
    ///
    /// - Returns: The series, what the reader should know about damaged segments, and what is charged for the
    ///   series: who keeps them keeps it as long.
    func series(
        _ matchers: [CompiledMatcher],
        _ range: TimeRange,
        _ budget: QueryBudget
    ) throws(SourceError) -> (series: SelectedSeries, warnings: [String], memory: [HeldMemory]) {
        var (sources, warnings, memory) = try select(matchers, range, budget)
        let series = SelectedSeries(sources, in: range, retention, now: now, &memory) {
            StoreView.isOver(budget)
        }
        if let failure = memory.failure { throw failure }
        try budget.checkpoint()
        return (series, warnings, memory.held)
    }

    /// The first `count` series in label order of those that `series` finds.
    ///
    /// - Returns: The label sets, and what the reader should know about damaged segments.
    func firstSeries(
        _ count: Int,
        _ matchers: [CompiledMatcher],
        _ range: TimeRange,
        _ budget: QueryBudget
    ) throws(SourceError) -> (labels: [Labels], warnings: [String]) {
        // Some of those that are looked at may have expired; then more are.
        var cut = max(count, StoreView.leastCut)
        while true {
            let (sources, warnings, memory) = try select(matchers, range, budget, cut: cut)
            defer { withExtendedLifetime(memory.held) {} }
            // Behind the last one of a source that was cut there may be others.
            let bounds = sources.filter(\.isCut).map(\.lastLabels)
            let bound = bounds.compactMap(\.self).min()
            let isKnown = !bounds.contains(nil)
            var found: [Labels] = []
            var reader = Segment.Reader()
            SeriesMerge.run(sources, isOver: { found.count >= count || StoreView.isOver(budget) }) {
                labels,
                places in
                guard found.count < count, bound.map({ labels <= $0 }) ?? true else { return }
                let series = StoredSeries(
                    parts: places.map { sources[Int($0.source)].part(at: Int($0.place)) },
                    times: retention.times(of: labels),
                    now: now
                )
                if series.isLive(in: range, &reader) { found.append(labels) }
            }
            try budget.checkpoint()
            if isKnown, found.count >= count || bound == nil { return (found, warnings) }
            cut = cut.multipliedReportingOverflow(by: 8).overflow ? .max : cut * 8
        }
    }

    /// Calls `body` with each index and the series that satisfy any of `selections` and have samples in
    /// `range`; nil stands for all series of the index.
    ///
    /// - Returns: What the reader should know about damaged segments.
    func forEachIndex(
        _ selections: [[CompiledMatcher]]?,
        _ range: TimeRange,
        _ budget: QueryBudget,
        _ body: (any SeriesIndex, [UInt32]?) throws(StorageError) -> Void
    ) throws(SourceError) -> [String] {
        var warnings = warnings
        for segment in segments {
            try budget.checkpoint()
            do throws(StorageError) {
                var series: [UInt32]?
                if selections != nil || !isInside(segment.record.range, range) {
                    var found: [[UInt32]] = []
                    for selection in selections ?? [[]] {
                        found.append(try segment.index.series(matching: selection))
                    }
                    series = try withSamples(SortedNumbers.union(found), in: segment, range, budget)
                }
                if let tombstones = tombstones[segment.record.file] {
                    let dead = try tombstones.dead(in: segment, range)
                    series = SortedNumbers.subtracting(
                        series ?? Array(0..<UInt32(segment.seriesCount)),
                        dead
                    )
                }
                if series?.isEmpty != true { try body(segment.index, series) }
            } catch {
                note(error, segment, &warnings)
            }
        }
        for (head, tombstones) in heads where head.sampleCount > 0 {
            try budget.checkpoint()
            let found = (selections ?? [[]]).map { matching($0, in: head) }
            let dead = dead(in: head, tombstones, range)
            do throws(StorageError) {
                try guarded { () throws(StorageError) in
                    let isWhole = range.start.millis <= head.minMillis && head.maxMillis <= range.end.millis
                    if selections == nil && isWhole && dead.isEmpty { return try body(head.index, nil) }
                    let series = SortedNumbers.subtracting(SortedNumbers.union(found), dead)
                        .filter { head.hasSamples($0, in: range) }
                    if !series.isEmpty { try body(head.index, series) }
                }
            } catch {
                // Heads are in memory.
                preconditionFailure("BUG: \(error)")
            }
        }
        return warnings
    }

    // MARK: - Private

    /// How many series are looked at between two questions whether to go on.
    private static let portion = 1024
    /// How many series of a source are looked at if only a few are wanted.
    private static let leastCut = 64

    /// Whether the query is to stop.
    private static func isOver(_ budget: QueryBudget) -> Bool {
        do throws(SourceError) { try budget.checkpoint() } catch { return true }
        return false
    }

    private func note(_ error: StorageError, _ segment: Segment, _ warnings: inout [String]) {
        segment.note(error)
        let text = Store.warning(about: segment)
        if !warnings.contains(text) { warnings.append(text) }
    }

    private func select(
        in segment: Segment,
        _ matchers: [CompiledMatcher],
        _ range: TimeRange,
        _ budget: QueryBudget,
        _ cut: Int,
        _ memory: inout SelectionMemory
    ) throws(StorageError) -> SelectedSource {
        let matching = try segment.index.series(matching: matchers)
        var reader = Segment.Reader()
        let isOver = { StoreView.isOver(budget) }
        let tombstones = tombstones[segment.record.file] ?? Tombstones()
        if isInside(segment.record.range, range), tombstones.isEmpty, matching.count <= cut {
            guard memory.add(bytes: matching.count * MemoryLayout<UInt32>.stride) else { return .none }
            let labels = try SelectedLabels(of: segment, matching, &reader, &memory, isOver: isOver)
            return SelectedSource(segment, ordinals: matching, labels)
        }
        var ordinals: [UInt32] = []
        var deleted: [Int: [TimeRange]] = [:]
        var isCut = false
        for (place, ordinal) in matching.enumerated() {
            // Who asked looks at the budget again and throws what is wrong.
            if place % StoreView.portion == 0, isOver() { break }
            if try !segment.hasChunks(of: ordinal, in: range, &reader) { continue }
            guard ordinals.count < cut else {
                isCut = true
                break
            }
            if !tombstones.isEmpty {
                let ranges = tombstones.ranges(of: try segment.labels(of: ordinal, &reader))
                if !ranges.isEmpty {
                    if try !segment.hasLive(ordinal, in: range, ranges, &reader) { continue }
                    deleted[ordinals.count] = ranges
                }
            }
            ordinals.append(ordinal)
        }
        guard memory.add(bytes: ordinals.count * MemoryLayout<UInt32>.stride) else { return .none }
        let labels = try SelectedLabels(of: segment, ordinals, &reader, &memory, isOver: isOver)
        return SelectedSource(segment, ordinals: ordinals, labels, deleted: deleted, isCut: isCut)
    }

    private func withSamples(
        _ series: [UInt32],
        in segment: Segment,
        _ range: TimeRange,
        _ budget: QueryBudget
    ) throws(StorageError) -> [UInt32] {
        if isInside(segment.record.range, range) { return series }
        var reader = Segment.Reader()
        var found: [UInt32] = []
        for (place, ordinal) in series.enumerated() {
            if place % StoreView.portion == 0, StoreView.isOver(budget) { break }
            if try segment.hasChunks(of: ordinal, in: range, &reader) { found.append(ordinal) }
        }
        return found
    }

    private func isInside(_ inner: TimeRange, _ outer: TimeRange) -> Bool {
        outer.start <= inner.start && inner.end <= outer.end
    }

    /// The series of a head of which no sample in `range` is left, numbers rising.
    private func dead(in head: Head, _ tombstones: Tombstones, _ range: TimeRange) -> [UInt32] {
        if tombstones.isEmpty { return [] }
        let touched = SortedNumbers.union(
            tombstones.all.flatMap { $0.selections.map { matching($0, in: head) } }
        )
        // A frozen head does not change.
        return guarded { head.snapshots(ofEach: touched) }
            .filter { !$0.series.hasLive(in: range, tombstones.ranges(of: $0.labels)) }
            .map(\.number)
    }

    private func select(
        in head: Head,
        _ tombstones: Tombstones,
        _ matchers: [CompiledMatcher],
        _ range: TimeRange,
        _ budget: QueryBudget,
        _ cut: Int,
        _ memory: inout SelectionMemory
    ) -> SelectedSource {
        let matching = matching(matchers, in: head)
        let isMore = matching.count > cut
        let chosen = isMore ? first(cut, of: matching, in: head, range, budget) : matching
        let isCut = isMore && chosen.count == cut
        guard memory.add(seriesOfHead: chosen.count) else { return .none }
        let found = guarded { head.snapshots(of: chosen, in: range) }
        for one in found where !memory.add(one.labels) { return .none }
        // Places are sorted, by labels alone: what a series has is much to move about.
        let labels = found.map(\.labels)
        let order = labels.indices.sorted { labels[$0] < labels[$1] }
        var heads: [HeadSeries] = []
        var live: [Labels] = []
        var deleted: [Int: [TimeRange]] = [:]
        heads.reserveCapacity(order.count)
        live.reserveCapacity(order.count)
        for place in order {
            if !tombstones.isEmpty {
                let ranges = tombstones.ranges(of: labels[place])
                if !ranges.isEmpty {
                    if !found[place].series.hasLive(in: range, ranges) { continue }
                    deleted[heads.count] = ranges
                }
            }
            heads.append(found[place].series)
            live.append(labels[place])
        }
        return SelectedSource(heads: heads, live, deleted: deleted, isCut: isCut)
    }

    /// The first `count` in label order of `series` of a head that have samples in `range`.
    ///
    /// Most are only compared with the last one of those that are first so far; none but these are kept.
    private func first(
        _ count: Int,
        of series: [UInt32],
        in head: Head,
        _ range: TimeRange,
        _ budget: QueryBudget
    ) -> [UInt32] {
        var least: [(number: UInt32, labels: Labels)] = []
        var bound: Labels?
        var rest = series[...]
        // Who asked looks at the budget again and throws what is wrong.
        while !rest.isEmpty, !StoreView.isOver(budget) {
            let portion = rest.prefix(StoreView.portion)
            rest = rest.dropFirst(portion.count)
            least += guarded {
                portion.filter { head.hasSamples($0, in: range) }.map { ($0, head.labels($0)) }
            }.filter { one in bound.map { one.1 < $0 } ?? true }
            guard least.count / 2 >= count || rest.isEmpty else { continue }
            least.sort { $0.labels < $1.labels }
            least.removeLast(max(0, least.count - count))
            if least.count == count { bound = least.last?.labels }
        }
        return least.prefix(count).map(\.number)
    }

    private func matching(_ matchers: [CompiledMatcher], in head: Head) -> [UInt32] {
        // Regular expressions are tried outside of the lock.
        var pending = guarded { head.index.prepare(matchers) }
        pending.evaluate()
        return guarded { head.index.finish(pending) }
    }

    /// Runs `body` while no write changes a head.
    private func guarded<Value, Failure>(_ body: () throws(Failure) -> Value) throws(Failure) -> Value {
        try store.state.withLock { _ throws(Failure) in try body() }
    }
}
