import Model

/// Answers windows of one series of native histograms from buckets, as `WindowReader` does it for numbers.
///
/// Where numbers are among the samples, the samples have to be read: what such a window is depends on the
/// order of both.
struct HistogramWindowReader {
    private let source: ChunkSource
    private let wanted: WindowParts
    private var parts: SeriesParts
    private let range: TimeRange
    /// Coarser levels first; of slots only chunks and places count.
    private var tables: [RollupTable] = []
    /// The buckets of slots that count, by table and slot, once they are decoded.
    private var rollups: [[[HistogramRollup]?]] = []
    /// Buckets that were made here, by table and start.
    private var made: [[Int64: HistogramRollup]] = []
    /// Samples that were decoded, by part and chunk.
    private var decoded: [[SampleColumn?]] = []
    /// The days that there is anything in.
    private var days = TimeRange(.max, .min)
    /// The day that the last window began in.
    private var currentDay = Timestamp.min
    /// Whether numbers were met.
    private var hasNumbers = false

    /// A reader of `series` in windows that lie in `range`.
    init(_ series: StoredSeries, in range: TimeRange, _ wanted: WindowParts, _ source: ChunkSource) {
        self.source = source
        self.wanted = wanted
        self.range = range
        parts = SeriesParts(series, in: range) { source.chunks(of: $0, $1) }
        decoded = parts.parts.map { [SampleColumn?](repeating: nil, count: max(1, $0.rawCount)) }
        hasNumbers = parts.hasNumberRollups
        guard !parts.levels.isEmpty, !hasNumbers else { return }
        for (index, part) in parts.parts.enumerated() where !part.hasRollups { findTimes(index) }
        let day = RollupLevel.day.millis
        for range in parts.parts.compactMap(\.range) {
            // What a file says must not make sums overflow.
            let first = max(range.first, -HistogramWindowReader.latestMillis)
            let last = min(range.last, HistogramWindowReader.latestMillis)
            days.start = min(days.start, Timestamp(millis: first).floored(toMillis: day))
            days.end = max(
                days.end,
                Timestamp(millis: last).floored(toMillis: day).advanced(byMillis: day - 1)
            )
        }
        for level in parts.levels.reversed() {
            let table = RollupTable(level, parts.parts, startMillis: parts.startMillis[level])
            tables.append(table)
            rollups.append([[HistogramRollup]?](repeating: nil, count: table.slots.count))
            made.append([:])
        }
    }

    /// Calls `body` with the states of `windows`; false if the samples had better be read.
    mutating func states(
        _ windows: [TimeRange],
        _ budget: QueryBudget,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool {
        guard let first = windows.first, let finest = tables.last?.length else { return false }
        let hasLongWindow = windows.contains {
            Double($0.end.millis) - Double($0.start.millis) + 1 >= Double(finest)
        }
        // Where samples are gone there is nothing else.
        guard hasLongWindow || first.start.millis < parts.rawStartMillis else { return false }
        for (place, window) in windows.enumerated() {
            try budget.checkpoint()
            forget(before: window.start)
            var state = state(window)
            if !wanted.isEmpty, state.marks.contains(.uneven), window.start.millis >= parts.rawStartMillis {
                // Their sum depends on the order of additions.
                if first.start.millis >= parts.rawStartMillis { return false }
                state = HistogramState()
                forEachSample(from: window.start.millis, to: window.end.millis, ofParts: nil) {
                    state.add(millis: $0, $1)
                }
            }
            if hasNumbers { return false }
            body(place, state)
        }
        return true
    }

    /// Times are at most so far from the epoch.
    private static let latestMillis: Int64 = 1 << 59
    /// Samples of a chunk without rollups that lie so far apart are looked at one by one.
    private static let fewSamples = 512

    /// Finds out at which times a part without rollups has samples, if it is likely to have few.
    private mutating func findTimes(_ index: Int) {
        let part = parts.parts[index]
        if case .segment = part.place {
            guard part.raw.reduce(0, { $0 + $1.count }) <= HistogramWindowReader.fewSamples else { return }
        }
        var times: [Int64] = []
        for chunk in decoded[index].indices {
            times += samples(ofPart: index, chunk: chunk).timestamps
        }
        parts.note(times: times, ofPart: index)
    }

    /// Lets go of what lies before the day of `time`: no window comes back to it.
    private mutating func forget(before time: Timestamp) {
        let day = time.floored(toMillis: RollupLevel.day.millis)
        guard day > currentDay else { return }
        currentDay = day
        for table in tables.indices {
            for slot in tables[table].slots.indices where tables[table].slots[slot].last < day.millis {
                let isBefore = tables[table].slots[slot].last + tables[table].length <= day.millis
                if isBefore, rollups[table][slot] != nil { rollups[table][slot] = [] }
            }
        }
        for part in decoded.indices {
            for chunk in 0..<parts.parts[part].rawCount where decoded[part][chunk] != nil {
                if parts.parts[part].raw(chunk).maxMillis < day.millis { decoded[part][chunk] = nil }
            }
        }
    }

    // MARK: - Windows

    private mutating func state(_ window: TimeRange) -> HistogramState {
        var state = HistogramState()
        // Nothing lies outside; the days begin and end with buckets.
        var time = max(window.start, days.start).millis
        let end = min(window.end, days.end).millis
        while time <= end, !hasNumbers { time = step(from: time, to: end, &state) }
        return state
    }

    /// Adds what comes first of the times from `time` to `end`; gives the time behind it.
    private mutating func step(from time: Int64, to end: Int64, _ state: inout HistogramState) -> Int64 {
        for index in tables.indices {
            let length = tables[index].length
            let start = Timestamp(millis: time).floored(toMillis: length).millis
            guard start >= tables[index].startMillis else { continue }
            let last = start + length - 1
            if time == start, end >= last {
                if let bucket = bucket(index, start) { state.join(bucket.full) }
                return last + 1
            }
            if time == start + 1, end >= last {
                if let bucket = bucket(index, start) { state.join(bucket.open) }
                return last + 1
            }
            if time == start, end == start {
                if let bucket = bucket(index, start) { state.join(bucket.edgeState) }
                return end + 1
            }
        }
        return time >= parts.rawStartMillis
            ? readSamples(from: time, to: end, &state) : readCut(from: time, to: end, &state)
    }

    /// Adds the samples up to the next place where a bucket begins.
    private mutating func readSamples(
        from time: Int64,
        to end: Int64,
        _ state: inout HistogramState
    ) -> Int64 {
        let finest = tables[tables.count - 1].length
        let next = Timestamp(millis: time).floored(toMillis: finest).advanced(byMillis: finest).millis
        let last = min(end, next - 1)
        forEachSample(from: time, to: last, ofParts: nil) { state.add(millis: $0, $1) }
        return last + 1
    }

    /// Adds a bucket that lies in the window in part, if its last sample does: its samples are gone.
    private mutating func readCut(
        from time: Int64,
        to end: Int64,
        _ state: inout HistogramState
    ) -> Int64 {
        var next = Int64.max
        for index in tables.indices.reversed() {
            let length = tables[index].length
            let start = Timestamp(millis: time).floored(toMillis: length).millis
            let first = tables[index].startMillis
            guard start >= first else {
                next = min(next, max(first, time + 1))
                continue
            }
            if let bucket = bucket(index, start), let last = bucket.lastMillis, last >= time {
                source.noteExpired(before: Timestamp(millis: parts.rawStartMillis), tables[index].level)
                if last <= end { state.join(time == start + 1 ? bucket.open : bucket.full) }
            }
            return Timestamp(millis: start).advanced(byMillis: length).millis
        }
        // Nothing is left here.
        return min(next, max(parts.rawStartMillis, time + 1))
    }

    // MARK: - Buckets

    /// The bucket of a level that begins at `start`; nil if it has no samples.
    private mutating func bucket(_ index: Int, _ start: Int64) -> HistogramRollup? {
        let length = tables[index].length
        let contested = tables[index].nextContested(start)
        if contested?.start ?? .max > start { return stored(index, start) }
        if let bucket = made[index][start] { return bucket.isEmpty ? nil : bucket }
        var bucket = HistogramRollup(start: start)
        let isGone = start < parts.rawStartMillis
        let isLast = index == tables.count - 1
        if isGone ? isCutByDelete(start, length) && !isLast : !isLast {
            // Finer ones know what is left of it, or say more than samples.
            for part in stride(from: start, to: start + length, by: Int(tables[index + 1].length)) {
                if let found = self.bucket(index + 1, part) { bucket.join(found) }
            }
        } else {
            var others: [Int]?
            if isGone {
                bucket = stored(index, start) ?? bucket
                let level = tables[index].level
                others = parts.parts.indices.filter { !parts.parts[$0].hasRollups(level) }
            }
            var fold = HistogramRollup(start: start)
            forEachSample(from: start, to: start + length - 1, ofParts: others) {
                fold.add(millis: $0, $1)
            }
            bucket.add(fold)
        }
        made[index][start] = bucket
        return bucket.isEmpty ? nil : bucket
    }

    /// Whether something is deleted of the times of the bucket that begins at `start`.
    private func isCutByDelete(_ start: Int64, _ length: Int64) -> Bool {
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: start + length - 1))
        return parts.parts.contains { $0.deleted.contains { $0.overlaps(range) } }
    }

    /// The stored bucket that begins at `start`, of all parts that have it.
    private mutating func stored(_ index: Int, _ start: Int64) -> HistogramRollup? {
        var found: HistogramRollup?
        for slot in tables[index].slots(from: start, to: start + 1) {
            decode(index, slot)
            guard let buckets = rollups[index][slot] else { continue }
            let place = buckets.partitionPoint { $0.start >= start }
            guard place < buckets.count, buckets[place].start == start else { continue }
            if found == nil { found = buckets[place] } else { found?.add(buckets[place]) }
        }
        return found
    }

    /// Decodes the buckets of a slot that count: not those that have expired, nor those of which something is
    /// deleted.
    private mutating func decode(_ index: Int, _ slot: Int) {
        guard rollups[index][slot] == nil else { return }
        rollups[index][slot] = []
        let part = parts.parts[tables[index].slots[slot].part]
        guard case .segment(let segment, let ordinal, _) = part.place else { return }
        var buckets = source.histogramRollups(tables[index].slots[slot].chunk, of: segment, ordinal, wanted)
        let earliest = parts.earliestMillis[tables[index].level]
        let length = tables[index].length
        buckets.removeAll { bucket in
            if bucket.lastMillis ?? .max < earliest { return true }
            let start = Timestamp(millis: bucket.start)
            let range = TimeRange(start, start.advanced(byMillis: length - 1))
            return part.deleted.contains { $0.overlaps(range) }
        }
        rollups[index][slot] = buckets
    }

    // MARK: - Samples

    /// Calls `body` with the histograms of some parts (nil: of all), and notes whether there are numbers.
    ///
    /// Of equal times that of the later part counts. Staleness markers are none.
    private mutating func forEachSample(
        from start: Int64,
        to end: Int64,
        ofParts some: [Int]?,
        _ body: (Int64, NativeHistogram) -> Void
    ) {
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: end))
        var merged = SampleColumn()
        for index in some ?? Array(parts.parts.indices) {
            let part = parts.parts[index]
            switch part.place {
            case .head(let head, _):
                if head.minMillis <= end, head.maxMillis >= start {
                    merged.merge(samples(ofPart: index, chunk: 0).sliced(to: range))
                }
            case .segment:
                for chunk in 0..<part.rawCount where part.raw(chunk).range.overlaps(range) {
                    merged.merge(samples(ofPart: index, chunk: chunk).sliced(to: range))
                }
            }
        }
        var next = 0
        for position in merged.timestamps.indices {
            if next < merged.histograms.count, merged.histograms.positions[next] == position {
                body(merged.timestamps[position], merged.histograms.values[next])
                next += 1
            } else if !StaleMarker.matches(merged.values[position]) {
                hasNumbers = true
            }
        }
    }

    /// The samples of a chunk, or of a head, that count.
    private mutating func samples(ofPart index: Int, chunk: Int) -> SampleColumn {
        if let known = decoded[index][chunk] { return known }
        let part = parts.parts[index]
        var column = SampleColumn()
        switch part.place {
        case .head(let head, _): column = head.column(in: range)
        case .segment(let segment, let ordinal, _):
            guard chunk < part.rawCount else { break }
            column = source.samples(part.raw(chunk), of: segment, ordinal)
        }
        if part.earliestMillis > column.timestamps.first ?? .max {
            column = column.sliced(to: TimeRange(Timestamp(millis: part.earliestMillis), .max))
        }
        column = column.without(part.deleted)
        decoded[index][chunk] = column
        return column
    }
}
