import Model

/// Answers windows of one series from the coarsest buckets that lie wholly inside, from finer ones at the
/// edges, and from samples where there is nothing finer or where several parts share a bucket.
struct WindowReader {
    private let source: ChunkSource
    private let wanted: WindowParts
    private var parts: SeriesParts
    private let range: TimeRange
    /// Coarser levels first.
    private var tables: [RollupTable] = []
    /// Samples that were decoded, by part and chunk.
    private var decoded: [[SampleColumn?]] = []
    /// The days that there is anything in.
    private var days = TimeRange(.max, .min)
    /// The last whole stretch that was joined of the coarsest level.
    private var memo: (start: Int64, end: Int64, state: WindowState)?

    /// A reader of `series` in the windows of `list`, which lie in `range`.
    init(
        _ series: StoredSeries,
        in range: TimeRange,
        _ list: WindowList,
        _ wanted: WindowParts,
        _ source: ChunkSource
    ) {
        self.source = source
        self.wanted = wanted
        self.range = range
        parts = SeriesParts(series, in: range) { source.chunks(of: $0, $1) }
        guard !parts.levels.isEmpty, !parts.hasHistograms, isWorthIt(list) else { return }
        decoded = [[SampleColumn?]](repeating: [], count: parts.parts.count)
        for index in parts.parts.indices where !parts.parts[index].hasRollups { findTimes(index) }
        let day = RollupLevel.day.millis
        for index in parts.parts.indices {
            guard let range = parts.parts[index].range else { continue }
            // What a file says must not make sums overflow.
            let first = max(range.first, -WindowReader.latestMillis)
            let last = min(range.last, WindowReader.latestMillis)
            days.start = min(days.start, Timestamp(millis: first).floored(toMillis: day))
            days.end = max(
                days.end,
                Timestamp(millis: last).floored(toMillis: day).advanced(byMillis: day - 1)
            )
        }
        for level in parts.levels.reversed() {
            tables.append(
                RollupTable(level, parts.parts, startMillis: parts.startMillis[level])
            )
        }
    }

    /// The states of the windows of `list`, with which it was made; false if the samples had better be read.
    mutating func states(_ list: WindowList, into states: inout [WindowState]) -> Bool {
        guard !tables.isEmpty, !parts.hasHistograms else { return false }
        states.removeAll(keepingCapacity: true)
        states.reserveCapacity(list.windows.count)
        for index in list.windows.indices {
            let window = list.windows[index]
            if !appendStored(window, list.fits[index], to: &states) { states.append(state(window)) }
        }
        return true
    }

    /// Appends the state of a window that is a bucket; false if it is none, or the bucket is not to be taken
    /// as it is stored.
    @inline(__always)
    private mutating func appendStored(
        _ window: TimeRange,
        _ fit: WindowList.Fit,
        to states: inout [WindowState]
    ) -> Bool {
        switch fit {
        case .none: return false
        case .bucket(let level):
            guard let index = table(of: level, from: window.start.millis),
                let (slot, place) = clean(index, window.start.millis)
            else { return false }
            guard let place else {
                states.append(WindowState())
                return true
            }
            tables[index].slots[slot].buckets[place].append(wanted, to: &states)
        case .behindStart(let level):
            guard let index = table(of: level, from: window.start.millis - 1),
                let (slot, place) = clean(index, window.start.millis - 1)
            else { return false }
            var state = place.map { tables[index].slots[slot].buckets[$0].open } ?? WindowState()
            guard let (nextSlot, nextPlace) = clean(index, window.end.millis) else { return false }
            if let nextPlace { state.join(tables[index].slots[nextSlot].buckets[nextPlace].edgeState) }
            states.append(state)
        }
        return true
    }

    /// The table of a level that is there from `start` on; nil if there is none.
    @inline(__always)
    private func table(of level: RollupLevel, from start: Int64) -> Int? {
        for index in tables.indices where tables[index].level == level {
            return start >= tables[index].startMillis ? index : nil
        }
        return nil
    }

    // MARK: - Whether it is worth it

    /// A window of so many buckets is cheaper to answer from them, also if samples are read at its edges.
    private static let manyBuckets: Int64 = 12
    /// So many samples cost more to look at than the bucket that stands for them.
    private static let manySamples = 32
    /// Times are at most so far from the epoch.
    private static let latestMillis: Int64 = 1 << 59
    /// Samples of a chunk without rollups that lie so far apart are looked at one by one.
    private static let fewSamples = 512

    /// Finds out at which times a part without rollups has samples, if it is likely to have few.
    private mutating func findTimes(_ index: Int) {
        switch parts.parts[index].place {
        case .head:
            let column = samples(ofPart: index, chunk: 0)
            if !column.histograms.isEmpty { parts.noteHistograms() }
            parts.note(times: column.timestamps, ofPart: index)
        case .segment:
            let count = parts.parts[index].raw.reduce(0) { $0 + $1.count }
            guard count <= WindowReader.fewSamples else { return }
            var times: [Int64] = []
            for chunk in 0..<parts.parts[index].rawCount {
                times += samples(ofPart: index, chunk: chunk).timestamps
            }
            parts.note(times: times, ofPart: index)
        }
    }

    /// Whether rollups spare much of what reading all samples would cost.
    private func isWorthIt(_ list: WindowList) -> Bool {
        guard let first = list.windows.first, let finest = parts.levels.first else { return false }
        // Where samples are gone there is nothing else.
        if first.start.millis < parts.rawStartMillis { return true }
        guard list.longestMillis >= Double(finest.millis) else { return false }
        let cuts = list.cuts[finest]
        let isOfOneBucket = list.longestMillis < Double(2 * finest.millis)
        if cuts.isEmpty {
            // One bucket a window has to stand for many samples.
            return !isOfOneBucket || sampleCount >= WindowReader.manySamples * list.windows.count
        }
        var raw: [Segment.Chunk] = []
        for index in parts.parts.indices { raw += parts.parts[index].raw }
        raw.sort { $0.minMillis < $1.minMillis }
        var edges: Set<Int> = []
        for millis in cuts {
            let index = raw.partitionPoint { $0.minMillis > millis } - 1
            if index >= 0, raw[index].maxMillis >= millis { edges.insert(index) }
        }
        if isOfOneBucket {
            return edges.isEmpty && sampleCount >= WindowReader.manySamples * list.windows.count
        }
        if edges.reduce(0, { $0 + raw[$1].count }) <= sampleCount / 2 { return true }
        // Windows that lie over each other look at each sample many times.
        let span = Double(range.end.millis) - Double(range.start.millis) + 1
        return list.sumMillis >= 4 * span
            && list.longestMillis >= Double(WindowReader.manyBuckets * finest.millis)
    }

    /// The number of samples in all chunks.
    private var sampleCount: Int {
        var count = 0
        for index in parts.parts.indices {
            for chunk in parts.parts[index].raw { count += chunk.count }
        }
        return count
    }

    // MARK: - Windows

    private mutating func state(_ window: TimeRange) -> WindowState {
        var state = WindowState()
        // Nothing lies outside; the days begin and end with buckets.
        var time = max(window.start, days.start).millis
        let end = min(window.end, days.end).millis
        while time <= end { time = step(from: time, to: end, &state) }
        return state
    }

    /// Adds what comes first of the times from `time` to `end`; gives the time behind it.
    private mutating func step(from time: Int64, to end: Int64, _ state: inout WindowState) -> Int64 {
        for index in tables.indices {
            let length = tables[index].length
            let start = Timestamp(millis: time).floored(toMillis: length).millis
            guard start >= tables[index].startMillis else { continue }
            let last = start + length - 1
            if time == start, end >= last {
                var limit = Timestamp(millis: end + 1).floored(toMillis: length).millis
                if index > 0 {
                    // From there on coarser ones may do.
                    let coarser = tables[index - 1].length
                    let border = Timestamp(millis: time).floored(toMillis: coarser).millis + coarser
                    limit = min(limit, border)
                }
                joinAll(index, start, limit, &state)
                return limit
            }
            if time == start + 1, end >= last {
                if let (slot, place) = clean(index, start) {
                    if let place { state.join(tables[index].slots[slot].buckets[place].open) }
                } else if let bucket = bucket(index, start) {
                    state.join(bucket.open)
                }
                return last + 1
            }
            if time == start, end == start {
                if let (slot, place) = clean(index, start) {
                    if let place { state.join(tables[index].slots[slot].buckets[place].edgeState) }
                } else if let bucket = bucket(index, start) {
                    state.join(bucket.edgeState)
                }
                return end + 1
            }
        }
        return time >= parts.rawStartMillis
            ? readSamples(from: time, to: end, &state) : readCut(from: time, to: end, &state)
    }

    /// Adds the samples up to the next place where a bucket begins.
    private mutating func readSamples(from time: Int64, to end: Int64, _ state: inout WindowState) -> Int64 {
        let finest = tables[tables.count - 1].level.millis
        let next = Timestamp(millis: time).floored(toMillis: finest).advanced(byMillis: finest).millis
        let last = min(end, next - 1)
        forEachSample(from: time, to: last, ofParts: nil) { state.add(millis: $0, value: $1) }
        return last + 1
    }

    /// Adds a bucket that lies in the window in part, if its last sample does: its samples are gone.
    private mutating func readCut(from time: Int64, to end: Int64, _ state: inout WindowState) -> Int64 {
        var next = Int64.max
        for index in tables.indices.reversed() {
            let length = tables[index].level.millis
            let start = Timestamp(millis: time).floored(toMillis: length).millis
            let first = tables[index].startMillis
            guard start >= first else {
                next = min(next, max(first, time + 1))
                continue
            }
            if let bucket = bucket(index, start), let last = bucket.last, last.millis >= time {
                source.noteExpired(before: Timestamp(millis: parts.rawStartMillis), tables[index].level)
                if last.millis <= end { state.join(time == start + 1 ? bucket.open : bucket.full) }
            }
            return Timestamp(millis: start).advanced(byMillis: length).millis
        }
        // Nothing is left here.
        return min(next, max(parts.rawStartMillis, time + 1))
    }

    // MARK: - Buckets

    /// Adds all buckets of a level from `start` up to `end`, without it.
    private mutating func joinAll(_ index: Int, _ start: Int64, _ end: Int64, _ state: inout WindowState) {
        if index == 0, end - start > 2 * tables[0].level.millis {
            if memo?.start != start || memo?.end != end {
                var all = WindowState()
                joinEach(index, start, end, &all)
                memo = (start, end, all)
            }
            if let memo { state.join(memo.state) }
        } else {
            joinEach(index, start, end, &state)
        }
    }

    private mutating func joinEach(_ index: Int, _ start: Int64, _ end: Int64, _ state: inout WindowState) {
        let length = tables[index].length
        var position = start
        while position < end {
            let contested = tables[index].nextContested(position)
            let clean = min(end, max(position, contested?.start ?? .max))
            if position < clean {
                for slot in tables[index].slots(from: position, to: clean) {
                    decode(index, slot)
                    var place = tables[index].slots[slot].firstPlace(from: position, length)
                    let count = tables[index].slots[slot].buckets.count
                    while place < count, tables[index].slots[slot].buckets[place].start < clean {
                        state.join(tables[index].slots[slot].buckets[place].full)
                        place += 1
                    }
                }
                position = clean
            } else {
                if let bucket = bucket(index, position) { state.join(bucket.full) }
                position += length
            }
        }
    }

    /// Where the stored bucket that begins at `start` is, and a nil place if it has no samples; nil if it is
    /// not to be taken as it is stored.
    @inline(__always)
    private mutating func clean(_ index: Int, _ start: Int64) -> (slot: Int, place: Int?)? {
        guard !tables[index].hasOverlaps, tables[index].nextContested(start)?.start ?? .max > start else {
            return nil
        }
        guard let slot = tables[index].slot(holding: start) else { return (0, nil) }
        decode(index, slot)
        return (slot, tables[index].place(in: slot, of: start))
    }

    /// The bucket of a level that begins at `start`; nil if it has no samples.
    private mutating func bucket(_ index: Int, _ start: Int64) -> RollupBucket? {
        let length = tables[index].level.millis
        let contested = tables[index].nextContested(start)
        if contested?.start ?? .max > start {
            return stored(index, start)
        }
        if let bucket = tables[index].made(start) { return bucket.isEmpty ? nil : bucket }
        var bucket = RollupBucket(start: start)
        if start < parts.rawStartMillis, isCutByDelete(start, length), index < tables.count - 1 {
            // What is left of it is known by finer ones only.
            for part in stride(from: start, to: start + length, by: Int(tables[index + 1].level.millis)) {
                if let found = self.bucket(index + 1, part) { bucket.join(found) }
            }
        } else if start < parts.rawStartMillis {
            bucket = stored(index, start) ?? bucket
            let level = tables[index].level
            let others = parts.parts.indices.filter { !parts.parts[$0].hasRollups(level) }
            var fold = SampleColumn()
            forEachSample(from: start, to: start + length - 1, ofParts: others) {
                fold.append(millis: $0, value: $1)
            }
            if let own = RollupBucket.fold(fold, level) { bucket.add(own) }
        } else if index == tables.count - 1 {
            var fold = SampleColumn()
            forEachSample(from: start, to: start + length - 1, ofParts: nil) {
                fold.append(millis: $0, value: $1)
            }
            bucket = RollupBucket.fold(fold, tables[index].level) ?? bucket
        } else {
            let finer = tables[index + 1].level.millis
            for part in stride(from: start, to: start + length, by: Int(finer)) {
                if let found = self.bucket(index + 1, part) { bucket.join(found) }
            }
        }
        tables[index].keep(bucket)
        return bucket.isEmpty ? nil : bucket
    }

    /// Whether something is deleted of the times of the bucket that begins at `start`.
    private func isCutByDelete(_ start: Int64, _ length: Int64) -> Bool {
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: start + length - 1))
        return parts.parts.contains { $0.deleted.contains { $0.overlaps(range) } }
    }

    /// The stored bucket that begins at `start`, of all parts that have it.
    private mutating func stored(_ index: Int, _ start: Int64) -> RollupBucket? {
        var found: RollupBucket?
        for slot in tables[index].slots(from: start, to: start + 1) {
            decode(index, slot)
            guard let place = tables[index].slots[slot].place(of: start, tables[index].length) else {
                continue
            }
            let bucket = tables[index].slots[slot].buckets[place]
            if found == nil { found = bucket } else { found?.add(bucket) }
        }
        return found
    }

    /// Decodes the buckets of a slot that count: not those that have expired, nor those of which something is
    /// deleted.
    @inline(__always)
    private mutating func decode(_ index: Int, _ slot: Int) {
        if !tables[index].slots[slot].isDecoded { decodeNow(index, slot) }
    }

    private mutating func decodeNow(_ index: Int, _ slot: Int) {
        tables[index].slots[slot].isDecoded = true
        let part = tables[index].slots[slot].part
        guard case .segment(let segment, let ordinal, let deleted) = parts.parts[part].place else { return }
        var buckets = source.buckets(tables[index].slots[slot].chunk, of: segment, ordinal, wanted)
        let earliest = parts.earliestMillis[tables[index].level]
        if buckets.first?.last?.millis ?? .max < earliest {
            buckets.removeAll { ($0.last?.millis ?? .max) < earliest }
        }
        if !deleted.isEmpty {
            let length = tables[index].length
            buckets.removeAll { bucket in
                let start = Timestamp(millis: bucket.start)
                let range = TimeRange(start, start.advanced(byMillis: length - 1))
                return deleted.contains { $0.overlaps(range) }
            }
        }
        tables[index].slots[slot].buckets = buckets
    }

    // MARK: - Samples

    /// Calls `body` with the samples of some parts (nil: of all).
    ///
    /// Of equal times that of the later part counts. Staleness markers are none.
    private mutating func forEachSample(
        from start: Int64,
        to end: Int64,
        ofParts some: [Int]?,
        _ body: (Int64, Double) -> Void
    ) {
        var pieces: [(part: Int, chunk: Int)] = []
        for index in some ?? Array(parts.parts.indices) {
            switch parts.parts[index].place {
            case .head(let head, _):
                if head.minMillis <= end, head.maxMillis >= start { pieces.append((index, 0)) }
            case .segment:
                let raw = parts.parts[index].raw
                var place = max(raw.startIndex, raw.partitionPoint { $0.minMillis > start } - 1)
                while place < raw.endIndex, raw[place].minMillis <= end {
                    if raw[place].maxMillis >= start { pieces.append((index, place - raw.startIndex)) }
                    place += 1
                }
            }
        }
        if pieces.count == 1 {
            load(ofPart: pieces[0].part, chunk: pieces[0].chunk)
            if let column = decoded[pieces[0].part][pieces[0].chunk] {
                WindowReader.forEach(column, from: start, to: end, body)
            }
            return
        }
        var merged = SampleColumn()
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: end))
        for piece in pieces {
            merged.merge(samples(ofPart: piece.part, chunk: piece.chunk).sliced(to: range))
        }
        WindowReader.forEach(merged, from: start, to: end, body)
    }

    @inline(__always)
    private static func forEach(
        _ column: SampleColumn,
        from start: Int64,
        to end: Int64,
        _ body: (Int64, Double) -> Void
    ) {
        var index = column.timestamps.partitionPoint { $0 >= start }
        while index < column.count, column.timestamps[index] <= end {
            let value = column.values[index]
            if !StaleMarker.matches(value) { body(column.timestamps[index], value) }
            index += 1
        }
    }

    private mutating func samples(ofPart index: Int, chunk: Int) -> SampleColumn {
        load(ofPart: index, chunk: chunk)
        return decoded[index][chunk] ?? SampleColumn()
    }

    /// Decodes the samples of a chunk, or of a head, that count.
    private mutating func load(ofPart index: Int, chunk: Int) {
        if decoded[index].isEmpty {
            decoded[index] = [SampleColumn?](repeating: nil, count: max(1, parts.parts[index].rawCount))
        }
        guard decoded[index][chunk] == nil else { return }
        let part = parts.parts[index]
        var column: SampleColumn
        switch part.place {
        case .head(let head, _): column = head.column(in: range)
        case .segment(let segment, let ordinal, _):
            column = source.samples(part.raw(chunk), of: segment, ordinal)
        }
        if part.earliestMillis > column.timestamps.first ?? .max {
            column = column.sliced(to: TimeRange(Timestamp(millis: part.earliestMillis), .max))
        }
        decoded[index][chunk] = column.without(part.deleted)
    }
}

extension RollupBucket {
    /// The bucket of `level` that all of these samples lie in; nil without any.
    static func fold(_ column: SampleColumn, _ level: RollupLevel) -> RollupBucket? {
        var fold = RollupFold([level])
        fold.add(column)
        return fold.rollups(sparseToo: true).first?.buckets.first
    }
}
