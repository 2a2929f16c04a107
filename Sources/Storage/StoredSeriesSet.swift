import Model
import Synchronization

/// The series of a selection over one snapshot of the store; decodes each when it is read.
///
/// A chunk that cannot be read is left out and told of in `warnings`.
final class StoredSeriesSet: SeriesSet {
    /// How many series are read between two looks at the budget, beside those of who reads the samples.
    private static let portion = 16

    /// What is known of `anyRollups`.
    private static let (unknown, none, some) = (UInt8(0), UInt8(1), UInt8(2))

    private let series: [StoredSeries]
    private let range: TimeRange
    private let mayReadMore: Bool
    /// What is charged for the series.
    private let memory: [HeldMemory]
    private let budget: QueryBudget
    /// What the reader should know of the selection itself.
    private let selectionWarnings: [String]
    /// What no thread reads with at the moment: several may read, each with a source of its own for as long.
    private let idle = Mutex<[ChunkSource]>([])
    /// Whether any of the series may have rollups; found out when that is asked first.
    private let anyRollups = Atomic(unknown)

    init(
        _ series: [StoredSeries],
        _ request: SelectRequest,
        _ warnings: [String],
        _ budget: QueryBudget,
        _ memory: [HeldMemory] = []
    ) {
        self.series = series
        self.memory = memory
        range = request.range
        mayReadMore = request.mayReadMore
        self.budget = budget
        selectionWarnings = warnings
    }

    var count: Int { series.count }

    var warnings: [String] {
        idle.withLock { ChunkSource.warnings(of: $0, beside: selectionWarnings) }
    }

    func labels(at index: Int) -> Labels { series[index].labels }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        if index % StoredSeriesSet.portion == 0 { try budget.checkpoint() }
        let item = series[index]
        if item.parts.count == 1 {
            switch item.parts[0] {
            case .head(let head, let deleted):
                column = StoredSeriesSet.samples(of: head, item, range).without(deleted)
            case .segment(let segment, let ordinal, let deleted):
                column = withSource { $0.samples(of: segment, ordinal, item, range, mayReadMore) }
                if !deleted.isEmpty { column = column.without(deleted) }
            }
            return
        }
        // Its memory is used again: it is about as much as the series before took.
        var result = column
        result.removeAll()
        column = SampleColumn()
        withSource { source in
            for part in item.parts {
                switch part {
                case .head(let head, let deleted):
                    let samples = StoredSeriesSet.samples(of: head, item, range).without(deleted)
                    result.take(samples)
                case .segment(let segment, let ordinal, let deleted):
                    let samples = source.samples(of: segment, ordinal, item, range, mayReadMore)
                        .without(deleted)
                    result.take(samples)
                }
            }
        }
        column = result
    }

    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool {
        try budget.checkpoint()
        let item = series[index]
        guard let first = windows.first, let last = windows.last else {
            states.removeAll(keepingCapacity: true)
            return true
        }
        if item.isOfHeads { return false }
        return withSource { source in
            let list = source.list(of: windows)
            var reader = WindowReader(item, in: TimeRange(first.start, last.end), list, parts, source)
            return reader.states(list, into: &states)
        }
    }

    func mayHaveStates(of index: Int) throws(SourceError) -> Bool {
        if anyRollups.load(ordering: .relaxed) == Self.unknown {
            var found = false
            for portion in stride(from: 0, to: series.count, by: Self.portion) where !found {
                try budget.checkpoint()
                let end = min(series.count, portion + Self.portion)
                found = withSource { source in
                    series[portion..<end].contains { source.mayHaveRollups(of: $0) }
                }
            }
            anyRollups.store(found ? Self.some : Self.none, ordering: .relaxed)
        }
        guard anyRollups.load(ordering: .relaxed) == Self.some else { return false }
        return withSource { $0.hasRollups(of: series[index]) }
    }

    func bounds(of index: Int) throws(SourceError) -> TimeRange? {
        var (first, last): (Int64, Int64) = (.max, .min)
        withSource { source in
            for part in series[index].parts {
                switch part {
                case .head(let head, _):
                    (first, last) = (min(first, head.minMillis), max(last, head.maxMillis))
                case .segment(let segment, let ordinal, _):
                    for chunk in source.chunks(of: segment, ordinal) where chunk.range.overlaps(range) {
                        (first, last) = (min(first, chunk.minMillis), max(last, chunk.maxMillis))
                    }
                }
            }
        }
        return TimeRange(
            max(range.start, Timestamp(millis: first)),
            min(range.end, Timestamp(millis: last))
        )
    }

    func histogramStates(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool {
        try budget.checkpoint()
        let item = series[index]
        guard !item.isOfHeads, let first = windows.first, let last = windows.last else { return false }
        let result = withSource { source in
            Result { () throws(SourceError) in
                guard source.hasHistogramRollups(of: item) else { return false }
                let range = TimeRange(first.start, last.end)
                var reader = HistogramWindowReader(item, in: range, parts, source)
                return try reader.states(windows, budget, body)
            }
        }
        return try result.get()
    }

    private func withSource<Value>(_ body: (ChunkSource) -> Value) -> Value {
        let source = idle.withLockGivingWay { $0.popLast() } ?? ChunkSource(budget)
        defer { idle.withLockGivingWay { $0.append(source) } }
        return body(source)
    }

    private static func samples(of head: HeadSeries, _ series: StoredSeries, _ range: TimeRange)
        -> SampleColumn
    {
        let start = max(range.start, Timestamp(millis: series.earliestMillis(besideLevels: [])))
        return start <= range.end ? head.column(in: TimeRange(start, range.end)) : SampleColumn()
    }
}

extension SampleColumn {
    /// Puts `newer` in as `merge` does, into the memory that it has.
    fileprivate mutating func take(_ newer: SampleColumn) {
        if isEmpty {
            append(newer, newer.timestamps.indices)
        } else {
            merge(newer)
        }
    }
}

extension ChunkSource {
    /// What a segment has of a series in `range`: its samples, and before these the last ones of the finest
    /// buckets that are left.
    ///
    /// With `mayReadMore` some samples around the range that have not expired may be among them.
    fileprivate func samples(
        of segment: Segment,
        _ ordinal: UInt32,
        _ series: StoredSeries,
        _ range: TimeRange,
        _ mayReadMore: Bool
    ) -> SampleColumn {
        let chunks = chunks(of: segment, ordinal)
        let present = chunks.allSatisfy(\.isRaw) ? [] : Set(chunks.compactMap(\.level))
        var column = SampleColumn()
        for chunk in chunks where chunk.isRaw && chunk.range.overlaps(range) {
            let earliest = Store.earliest(series.now, series.times.keptMillis(chunk, beside: present))
            guard chunk.maxMillis >= earliest else { continue }
            let start = max(range.start, Timestamp(millis: earliest))
            guard start <= range.end else { continue }
            let whole = samples(chunk, of: segment, ordinal)
            let wanted = TimeRange(start, range.end)
            let isWhole = mayReadMore && chunk.minMillis >= earliest && whole.isMostly(in: wanted)
            let samples = isWhole ? whole : whole.sliced(to: wanted)
            column = column.isEmpty ? samples : column.merged(with: samples)
        }
        guard !present.isEmpty else { return column }
        let earliest = series.earliestMillis(besideLevels: present)
        let rawStart = SeriesParts.rawStart(chunks, earliest)
        guard range.start.millis < rawStart else { return column }
        var before = SampleColumn()
        var end = rawStart
        for level in present.sorted() {
            let earliest = Store.earliest(series.now, series.times.keptMillis(level))
            var found = SampleColumn()
            var first = Int64.max
            for chunk in chunks where chunk.level == level {
                first = min(first, chunk.minMillis)
                guard chunk.maxMillis >= earliest, chunk.minMillis < end, chunk.range.overlaps(range) else {
                    continue
                }
                let lasts = lasts(of: chunk, of: segment, ordinal)
                let from = max(range.start, Timestamp(millis: earliest))
                let to = min(range.end, Timestamp(millis: end).advanced(byMillis: -1))
                if from <= to { found.merge(lasts.sliced(to: TimeRange(from, to))) }
            }
            if !found.isEmpty { noteExpired(before: Timestamp(millis: rawStart), level) }
            found.append(before, before.timestamps.indices)
            before = found
            end = min(end, max(earliest, first))
        }
        return before.merged(with: column)
    }

    /// Whether a segment may have rollups of a series, as far as its blocks tell.
    fileprivate func mayHaveRollups(of series: StoredSeries) -> Bool {
        series.parts.contains { part in
            guard case .segment(let segment, let ordinal, _) = part else { return false }
            return hasRollups(inBlockOf: ordinal, of: segment)
        }
    }

    /// Whether a segment has rollups of a series.
    fileprivate func hasRollups(of series: StoredSeries) -> Bool {
        series.parts.contains { part in
            guard case .segment(let segment, let ordinal, _) = part else { return false }
            return chunks(of: segment, ordinal).contains { !$0.isRaw }
        }
    }

    /// Whether a segment has rollups of native histograms of a series.
    fileprivate func hasHistogramRollups(of series: StoredSeries) -> Bool {
        series.parts.contains { part in
            guard case .segment(let segment, let ordinal, _) = part else { return false }
            return chunks(of: segment, ordinal).contains { !$0.isRaw && $0.isOfHistograms }
        }
    }

    /// The last samples of the buckets of a chunk.
    private func lasts(of chunk: Segment.Chunk, of segment: Segment, _ ordinal: UInt32) -> SampleColumn {
        var column = SampleColumn()
        if chunk.isOfHistograms {
            for bucket in histogramRollups(chunk, of: segment, ordinal, .ends) {
                if let (millis, last) = bucket.last { column.append(millis: millis, histogram: last) }
            }
        } else {
            for bucket in buckets(chunk, of: segment, ordinal, .ends) {
                if let (millis, last) = bucket.last { column.append(millis: millis, value: last) }
            }
        }
        return column
    }
}
