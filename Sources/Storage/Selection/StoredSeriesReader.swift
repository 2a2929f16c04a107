import Model

/// Reads the series of a selection for one thread, and keeps for it what it decoded last.
///
/// It changes hands under the lock of `StoredSeriesSet.idle` only, hence unchecked.
final class StoredSeriesReader: SeriesReader, @unchecked Sendable {
    /// How many series are read between two looks at the budget, beside those of who reads the samples.
    private static let portion = 16

    private let series: SelectedSeries
    /// The segment that all series are of, and their ordinals there, where it is so simple.
    private let segment: Segment?
    private let ordinals: [UInt32]
    private let range: TimeRange
    private let mayReadMore: Bool
    private let budget: QueryBudget
    private let source: ChunkSource
    /// Where the labels asked for last were found.
    private var hint = 0
    /// What the rule keeps that was looked at last.
    private var kept: Kept

    /// What a rule of retention keeps of the range.
    private struct Kept {
        /// The rule.
        let rule: Int
        /// Since when samples have not expired, whatever rollups there are, in milliseconds.
        let earliest: Int64
        /// The times at which samples have not expired of which there are no rollups.
        let range: TimeRange

        init(_ rule: Int, _ series: SelectedSeries, _ range: TimeRange) {
            self.rule = rule
            let times = series.times(ofRule: rule)
            earliest = Store.earliest(series.now, times.rawMillis)
            let start = Store.earliest(series.now, times.keptMillis(besideLevels: []))
            self.range = TimeRange(max(range.start, Timestamp(millis: start)), range.end)
        }
    }

    init(
        _ series: SelectedSeries,
        _ request: SelectRequest,
        _ remarks: SelectionRemarks,
        _ budget: QueryBudget
    ) {
        self.series = series
        let plain = series.plainSegment
        segment = plain?.segment
        ordinals = plain?.ordinals ?? []
        range = request.range
        mayReadMore = request.mayReadMore
        self.budget = budget
        source = ChunkSource(remarks, budget)
        kept = Kept(0, series, request.range)
    }

    func labels(at index: Int) -> Labels { series.labels(at: index, near: &hint) }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        if index % StoredSeriesReader.portion == 0 { try budget.checkpoint() }
        if let segment {
            let rule = series.rule(of: index)
            if rule != kept.rule { kept = Kept(rule, series, range) }
            let isRead = source.readOnlyChunk(
                of: segment,
                ordinals[series.place(of: index)],
                in: kept.range,
                notBefore: kept.earliest,
                mayReadMore: mayReadMore,
                into: &column
            )
            if isRead { return }
        }
        let item = series.series(at: index)
        if item.parts.count == 1 {
            column = samples(of: item.parts[0], item)
            return
        }
        // Its memory is used again: it is about as much as the series before took.
        column.removeAll()
        for part in item.parts { column.take(samples(of: part, item)) }
    }

    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool {
        try budget.checkpoint()
        let item = series.series(at: index)
        guard let first = windows.first, let last = windows.last else {
            states.removeAll(keepingCapacity: true)
            return true
        }
        if item.isOfHeads { return false }
        let list = source.list(of: windows)
        var reader = WindowReader(item, in: TimeRange(first.start, last.end), list, parts, source)
        return reader.states(list, into: &states)
    }

    func mayHaveStates(of index: Int) throws(SourceError) -> Bool {
        if let segment {
            let ordinal = ordinals[series.place(of: index)]
            guard source.hasRollups(inBlockOf: ordinal, of: segment) else { return false }
            return source.chunks(of: segment, ordinal).contains { !$0.isRaw }
        }
        return source.hasRollups(of: series.series(at: index))
    }

    func bounds(of index: Int) throws(SourceError) -> TimeRange? {
        var (first, last): (Int64, Int64) = (.max, .min)
        for part in series.series(at: index).parts {
            switch part {
            case .head(let head, _):
                (first, last) = (min(first, head.minMillis), max(last, head.maxMillis))
            case .segment(let segment, let ordinal, _):
                for chunk in source.chunks(of: segment, ordinal) where chunk.range.overlaps(range) {
                    (first, last) = (min(first, chunk.minMillis), max(last, chunk.maxMillis))
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
        let item = series.series(at: index)
        guard !item.isOfHeads, let first = windows.first, let last = windows.last else { return false }
        guard source.hasHistogramRollups(of: item) else { return false }
        var reader = HistogramWindowReader(item, in: TimeRange(first.start, last.end), parts, source)
        return try reader.states(windows, budget, body)
    }

    // MARK: - Private

    /// What a part has of a series in the range.
    private func samples(of part: SeriesPart, _ item: StoredSeries) -> SampleColumn {
        switch part {
        case .head(let head, let deleted):
            let start = max(range.start, Timestamp(millis: item.earliestMillis(besideLevels: [])))
            guard start <= range.end else { return SampleColumn() }
            return head.column(in: TimeRange(start, range.end)).without(deleted)
        case .segment(let segment, let ordinal, let deleted):
            let samples = source.samples(of: segment, ordinal, item, range, mayReadMore)
            return deleted.isEmpty ? samples : samples.without(deleted)
        }
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

    /// Whether a segment has rollups of a series.
    fileprivate func hasRollups(of series: StoredSeries) -> Bool {
        series.parts.contains { part in
            guard case .segment(let segment, let ordinal, _) = part else { return false }
            return hasRollups(inBlockOf: ordinal, of: segment)
                && chunks(of: segment, ordinal).contains { !$0.isRaw }
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
