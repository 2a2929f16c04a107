import Model
import PromQL
import Synchronization
import Telemetry

/// Keeps the values of `promql` metrics per 5-minute bucket as samples in the store.
///
/// Values are computed when they are asked for first, and read from then on; where the samples that they were
/// made of have expired they remain. What makes that safe is the order of writing. A write that may change
/// buckets first writes marks that doubt them, and only then its samples; the store's log keeps that order,
/// so that there is no moment at which a killed daemon would find changed samples and a trusted old value.
/// Doubted buckets are computed anew, unless samples that they need have expired: then the kept value is the
/// best there is. A reader registers before it evaluates, and keeps nothing that a write may have changed
/// since, or one that was on its way then.
package final class KeptBuckets: Sendable {
    /// The time before which samples of a series may have expired; nil if nothing of it expires.
    package typealias Horizon = @Sendable (Labels) -> Int64?

    /// What is known of one metric; all of it are sets of buckets.
    struct Entry {
        /// Those that were computed.
        var computed = BucketRanges()
        /// Those of them that are to be computed again.
        var doubted = BucketRanges()
        /// Those of them in which the expression gave native histograms.
        var withHistograms = BucketRanges()
        /// Those of them that begin behind the newest sample that the expression read.
        var beyond = BucketRanges()

        /// What a sample says of the bucket at `start`.
        func mark(of start: Int64, isDoubted: Bool) -> KeptMark {
            KeptMark(
                isDoubted: isDoubted,
                hasHistograms: withHistograms.contains(start),
                isBeyond: beyond.contains(start)
            )
        }

        /// Notes what a sample says.
        mutating func note(_ mark: KeptMark, _ start: Int64) {
            let bucket = start..<(start + ExpressionBuckets.bucketMillis)
            func set(_ ranges: inout BucketRanges, _ isIn: Bool) {
                if isIn { ranges.insert(bucket) } else { ranges.remove(bucket) }
            }
            computed.insert(bucket)
            set(&doubted, mark.isDoubted)
            set(&withHistograms, mark.hasHistograms)
            set(&beyond, mark.isBeyond)
        }
    }

    /// A write that is on its way.
    fileprivate struct Write {
        var id: Int
        var oldest: Int64
    }

    /// A reader that may keep what it computes.
    fileprivate struct Reading {
        var series: KeptSeries
        /// The buckets that a write may have changed since it began.
        var disturbed: BucketRanges
    }

    struct State {
        var entries: [KeptSeries: Entry] = [:]
        var watch = KeptWatch([], EngineOptions())
        /// No bucket that is kept or being computed depends on samples from here on.
        fileprivate var reach = Int64.min
        /// Whether there are buckets of unknown metrics that could not be doubted.
        fileprivate var hasUndoubtedStrangers = false
        fileprivate var writes: [Write] = []
        fileprivate var readings: [Int: Reading] = [:]
        fileprivate var lastID = 0
        /// From which bucket on metrics can be computed as a whole, and until when that may be relied on.
        var firstWhole: [KeptSeries: (bucket: Int64, until: Int64)] = [:]

        fileprivate mutating func nextID() -> Int {
            lastID += 1
            return lastID
        }
    }

    /// The samples that expressions read, without the kept values.
    let source: any SeriesSource
    /// All samples.
    let store: any SeriesSource
    let sink: any SampleSink
    let engine: @Sendable () -> Engine
    let horizon: Horizon
    let mayExpire: @Sendable () -> Bool
    let clock: @Sendable () -> Timestamp
    let computedCount: Counter
    private let doubtedCount: Counter
    let state = Mutex(State())
    private let mayHaveSeries = Atomic(true)

    /// The values kept in a store.
    ///
    /// - Parameters:
    ///   - store: The store.
    ///   - sink: The store, too; nothing that keeps names free is before it.
    ///   - engine: Evaluates the expressions.
    ///   - horizon: Which samples may have expired.
    ///   - mayExpire: Whether any samples may expire.
    ///   - registry: Where the metrics are registered.
    ///   - now: The clock.
    package init(
        store: any SeriesSource,
        sink: any SampleSink,
        engine: @escaping @Sendable () -> Engine,
        horizon: @escaping Horizon = { _ in nil },
        mayExpire: @escaping @Sendable () -> Bool = { true },
        registry: Registry,
        now: @escaping @Sendable () -> Timestamp
    ) {
        source = VisibleSource(store, showsNamed: false)
        self.store = store
        self.sink = sink
        self.engine = engine
        self.horizon = horizon
        self.mayExpire = mayExpire
        clock = now
        computedCount = registry.counter(
            "sextant_kpi_buckets_computed_total",
            help: "Buckets of promql metrics whose values were computed and kept."
        )
        doubtedCount = registry.counter(
            "sextant_kpi_buckets_doubted_total",
            help: "Kept buckets of promql metrics to compute again, as late samples or deletes concern them."
        )
    }

    /// Whether the store may hold kept values.
    package var mayHaveKept: Bool { mayHaveSeries.load(ordering: .relaxed) }

    /// Finds out what is kept; before the first sample is written or read.
    ///
    /// - Throws: Why the store cannot be read.
    package func load() throws(SourceError) {
        try state.withLock { state throws(SourceError) in try load(&state) }
    }

    /// Knows these definitions from now on.
    ///
    /// What is kept of others is doubted, because nobody can tell what writes mean for it; should they come
    /// back, it is computed again where that can be done.
    package func replace(by metrics: [MetricDefinition]) {
        let watch = KeptWatch(metrics, engine().options)
        if !watch.spans.isEmpty { mayHaveSeries.store(true, ordering: .relaxed) }
        state.withLock { state in
            state.watch = watch
            noteReach(&state)
            for (reading, known) in state.readings where watch.spans[known.series] == nil {
                state.readings[reading]?.disturbed = .all
            }
            var strangers: [KeptSeries: BucketRanges] = [:]
            for series in state.entries.keys where watch.spans[series] == nil { strangers[series] = .all }
            // If the store does not take it, the next write that it takes tries again.
            state.hasUndoubtedStrangers = true
            if (try? doubt(strangers, &state)) != nil { state.hasUndoubtedStrangers = false }
        }
    }

    // MARK: - Writes

    /// A write between the moment at which it doubts buckets and the one at which readers see its samples.
    package struct Change: Sendable {
        fileprivate let id: Int
        fileprivate var marks: StagedWrite?

        /// Whether there is anything to wait for.
        package var hasMarks: Bool { marks != nil }

        /// Returns when it is durable that the buckets are doubted; to be called once at most.
        ///
        /// - Throws: That it is not, and will not be.
        package func waitUntilDurable() async throws(SinkError) { try await marks?.waitUntilDurable() }
    }

    /// Has to be called before `batch` is written, and `end` when readers see it or it was refused; samples
    /// for the present cost next to nothing.
    ///
    /// - Throws: Why the write must not be made: what it changes could not be doubted.
    package func begin(_ batch: SampleBatch, oldest: Int64) throws(SinkError) -> Change {
        let (id, limit, watch) = state.withLock { state in
            let id = state.nextID()
            state.writes.append(Write(id: id, oldest: oldest))
            let mayMatter = oldest < state.reach || state.hasUndoubtedStrangers
            return (id, state.reach, mayMatter ? state.watch : nil)
        }
        guard let watch else { return Change(id: id) }
        return try doubt(watch.affected(by: batch, before: limit), id)
    }

    /// Has to be called before samples of `range` are deleted, and `end` when they are; what has been doubted
    /// has to be durable before.
    ///
    /// - Throws: Why they must not be deleted.
    package func begin(deleteIn range: TimeRange) throws(SinkError) -> Change {
        let (id, watch) = state.withLock { state in
            let id = state.nextID()
            state.writes.append(Write(id: id, oldest: range.start.millis))
            return (id, state.watch)
        }
        return try doubt(watch.affected(by: range), id)
    }

    /// Has to be called after the write of the change.
    package func end(_ change: Change) { end(change.id) }

    /// Has to be called after samples were deleted: kept values may be among them.
    ///
    /// - Throws: Why it cannot be found out what is left.
    package func end(deleteOf change: Change) throws(SourceError) {
        try state.withLock { state throws(SourceError) in
            state.writes.removeAll { $0.id == change.id }
            state.firstWhole = [:]
            try load(&state)
        }
    }

    private func end(_ id: Int) {
        state.withLock { state in state.writes.removeAll { $0.id == id } }
    }

    /// Doubts the buckets that the write `id` may change, and tells readers.
    private func doubt(_ affected: [KeptSeries: BucketRanges], _ id: Int) throws(SinkError) -> Change {
        do throws(SinkError) {
            return try state.withLock { state throws(SinkError) in
                var affected = affected
                if state.hasUndoubtedStrangers {
                    for series in state.entries.keys where state.watch.spans[series] == nil {
                        affected[series] = .all
                    }
                }
                for (reading, known) in state.readings {
                    if let ranges = affected[known.series] {
                        state.readings[reading]?.disturbed.insert(ranges)
                    }
                }
                let marks = try doubt(affected, &state)
                state.hasUndoubtedStrangers = false
                return Change(id: id, marks: marks)
            }
        } catch {
            end(id)
            throw error
        }
    }

    /// Writes that buckets are doubted, as far as they are computed and not doubted yet; nil if none is.
    private func doubt(_ affected: [KeptSeries: BucketRanges], _ state: inout State) throws(SinkError)
        -> StagedWrite?
    {
        var hits: [KeptSeries: BucketRanges] = [:]
        var marks = SampleBatch()
        for (series, ranges) in affected {
            guard let entry = state.entries[series] else { continue }
            let hit = entry.computed.inside(ranges).without(entry.doubted)
            guard !hit.isEmpty else { continue }
            hits[series] = hit
            marks.beginSeries(packed: series.mark.packed)
            hit.forEachBucket { start in
                let mark = entry.mark(of: start, isDoubted: true)
                marks.append(millis: ExpressionBuckets.lastMillis(of: start), value: mark.value)
            }
        }
        guard !hits.isEmpty else { return nil }
        let staged = try sink.stage(marks)
        // Marks that are too old to be stored have expired.
        guard staged.outcome.rejections.limitedCount == 0 else {
            throw .limitExceeded(staged.outcome.rejections.summary)
        }
        for (series, hit) in hits {
            state.entries[series]?.doubted.insert(hit)
            doubtedCount.add(hit.count)
        }
        return staged
    }

    // MARK: - Readings

    /// Begins a reading of `buckets` that may keep what it computes, and tells what is known of them; those
    /// from `closedEnd` on it will not keep.
    func beginReading(
        _ series: KeptSeries,
        _ span: ExpressionSpan,
        _ buckets: Range<Int64>,
        closedEnd: Int64
    ) -> (id: Int, entry: Entry) {
        state.withLock { state in
            let id = state.nextID()
            // Writes for the present stay behind it.
            state.reach = max(state.reach, min(buckets.upperBound, closedEnd) + span.leadMillis)
            var disturbed = BucketRanges()
            for write in state.writes {
                disturbed.insert(span.buckets(of: write.oldest).lowerBound..<Int64.max / 4)
            }
            state.readings[id] = Reading(series: series, disturbed: disturbed)
            let whole = state.entries[series] ?? Entry()
            var entry = Entry()
            entry.computed = whole.computed.inside(buckets)
            entry.doubted = whole.doubted.inside(buckets)
            entry.withHistograms = whole.withHistograms.inside(buckets)
            return (id, entry)
        }
    }

    /// Ends a reading.
    func endReading(_ id: Int) { state.withLock { $0.readings[id] = nil } }

    /// The buckets that a write may have changed since the reading began.
    func disturbed(_ id: Int) -> BucketRanges {
        state.withLock { $0.readings[id]?.disturbed ?? .all }
    }

    /// Keeps what a reading has computed, unless a write may have changed it since.
    ///
    /// - Parameters:
    ///   - series: The metric.
    ///   - id: The reading.
    ///   - values: The samples that differ from those that are there.
    ///   - marks: What is known of the buckets.
    /// - Returns: Whether it is kept; false if a write came between, or if the store does not take it.
    func keep(
        _ series: KeptSeries,
        _ id: Int,
        _ values: SampleBatch,
        _ marks: [(start: Int64, mark: KeptMark)]
    ) -> Bool {
        state.withLock { state in
            guard let disturbed = state.readings[id]?.disturbed, state.watch.spans[series] != nil,
                !marks.contains(where: { disturbed.contains($0.start) })
            else { return false }
            var batch = SampleBatch()
            batch.beginSeries(packed: series.mark.packed)
            for (start, mark) in marks {
                batch.append(millis: ExpressionBuckets.lastMillis(of: start), value: mark.value)
            }
            // In this order: a mark must not be there without its values. What the store does not take, for
            // whatever reason, is computed again when it is asked for.
            for part in [values, batch] where part.sampleCount > 0 {
                guard let staged = try? sink.stage(part), staged.outcome.storedSampleCount == part.sampleCount
                else { return false }
            }
            for (start, mark) in marks { state.entries[series, default: Entry()].note(mark, start) }
            computedCount.add(marks.count)
            return true
        }
    }

    // MARK: - Private

    private func noteReach(_ state: inout State) {
        for (series, entry) in state.entries {
            guard let span = state.watch.spans[series], let end = entry.computed.end else { continue }
            state.reach = max(state.reach, end + span.leadMillis)
        }
    }

    private func load(_ state: inout State) throws(SourceError) {
        var entries: [KeptSeries: Entry] = [:]
        let request = SelectRequest(matchers: KeptSeries.allMarks, range: .all)
        let set = try store.select(request, budget: .unlimited())
        var column = SampleColumn()
        for index in 0..<set.count {
            guard let series = KeptSeries(mark: set.labels(at: index)) else { continue }
            try set.read(index, into: &column)
            var entry = Entry()
            for (time, value) in zip(column.timestamps, column.values) {
                let start = time + 1 - ExpressionBuckets.bucketMillis
                guard start % ExpressionBuckets.bucketMillis == 0, let mark = KeptMark(value) else {
                    continue
                }
                entry.note(mark, start)
            }
            entries[series] = entry
        }
        state.entries = entries
        noteReach(&state)
        mayHaveSeries.store(!entries.isEmpty || !state.watch.spans.isEmpty, ordering: .relaxed)
    }
}

extension BucketRanges {
    /// Calls `body` with the start of each bucket.
    func forEachBucket(_ body: (Int64) -> Void) {
        for range in ranges {
            for start in stride(from: range.lowerBound, to: range.upperBound, by: step) { body(start) }
        }
    }

    private var step: Int { Int(ExpressionBuckets.bucketMillis) }
}

extension ExpressionBuckets {
    /// The time at which the bucket at `start` is evaluated: its last millisecond.
    static func lastMillis(of start: Int64) -> Int64 { start + bucketMillis - 1 }
}
