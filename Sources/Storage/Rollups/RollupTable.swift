import Model

/// The buckets of one level of one series, decoded chunk by chunk when they are asked for.
struct RollupTable {
    /// A chunk of rollups.
    struct Slot {
        /// The part that it is of, by its place among the parts.
        var part: Int
        var chunk: Segment.Chunk
        /// Where its first bucket begins, in milliseconds.
        var start: Int64
        /// Where its last bucket begins, in milliseconds.
        var last: Int64
        /// Whether `buckets` are decoded.
        var isDecoded = false
        /// Its buckets that count, once they are decoded.
        var buckets: [RollupBucket] = []

        /// The place of the bucket that begins at `start`; nil if it has none.
        func place(of start: Int64, _ length: Int64) -> Int? {
            let place = firstPlace(from: start, length)
            return place < buckets.count && buckets[place].start == start ? place : nil
        }

        /// The place of the first bucket that begins at `start` or later.
        func firstPlace(from start: Int64, _ length: Int64) -> Int {
            guard let first = buckets.first?.start, first < start else { return 0 }
            // Without gaps it can be told.
            let guess = (start - first) / length
            if guess < buckets.count, buckets[Int(guess)].start == start { return Int(guess) }
            return buckets.partitionPoint { $0.start >= start }
        }
    }

    let level: RollupLevel
    /// The length of a bucket in milliseconds.
    let length: Int64
    /// From when on the level is there, or can be made of samples, in milliseconds.
    let startMillis: Int64
    /// By their beginnings.
    var slots: [Slot] = []
    /// Where buckets are not those of one part alone; ends of buckets.
    private(set) var contested = SpanList()
    /// Buckets that were made here, by their starts.
    private var made: [Int64: RollupBucket] = [:]
    /// Whether slots lie over each other; those of one part do not.
    private(set) var hasOverlaps = false
    /// The slot that was looked for last.
    private var hint = 0
    /// The bucket that was looked for last in its slot.
    private var placeHint = 0

    /// The buckets of `level` of `parts`, which are there from `startMillis` on.
    init(_ level: RollupLevel, _ parts: [SeriesParts.Part], startMillis: Int64) {
        self.level = level
        self.startMillis = startMillis
        let length = level.millis
        self.length = length
        func start(_ millis: Int64) -> Int64 { Timestamp(millis: millis).floored(toMillis: length).millis }
        func end(_ millis: Int64) -> Int64 {
            Timestamp(millis: start(millis)).advanced(byMillis: length - 1).millis
        }
        var (own, others): ([SpanList], [SpanList]) = ([], [])
        // Where the parts that have the level lie apart from each other, there is nothing to compare.
        let isApart = RollupTable.areApart(parts, level)
        slots.reserveCapacity(parts.count)
        for index in parts.indices {
            let hasLevel = parts[index].hasRollups(level)
            if hasLevel {
                for chunk in parts[index].rollups(level) {
                    slots.append(
                        Slot(
                            part: index,
                            chunk: chunk,
                            start: start(chunk.minMillis),
                            last: start(chunk.maxMillis)
                        )
                    )
                }
            }
            if !hasLevel || !isApart {
                var spans = SpanList()
                if let times = parts[index].times {
                    for millis in times { spans.append(start(millis), end(millis)) }
                } else {
                    let ranges = (parts[index].raw + parts[index].rollups(level))
                        .sorted { $0.minMillis < $1.minMillis }
                    for chunk in ranges { spans.append(start(chunk.minMillis), end(chunk.maxMillis)) }
                }
                if hasLevel { own.append(spans) } else { others.append(spans) }
            }
            // Buckets that something is deleted of are made anew.
            if !parts[index].deleted.isEmpty, let range = parts[index].range {
                var cut = SpanList()
                for deleted in parts[index].deleted {
                    // All that a deletion touches, also beside what is left of the part's samples.
                    let first = max(deleted.start.millis, start(range.first))
                    let last = min(deleted.end.millis, end(range.last))
                    if first <= last { cut.append(start(first), end(last)) }
                }
                others.append(cut)
            }
        }
        if zip(slots, slots.dropFirst()).contains(where: { $0.start > $1.start }) {
            slots.sort { $0.start < $1.start }
        }
        hasOverlaps = zip(slots, slots.dropFirst()).contains { $0.last >= $1.start }
        if !own.isEmpty || !others.isEmpty { contested = SpanList.contested(own, others) }
    }

    /// Whether no bucket of `level` is shared by two of the parts that have it, as far as that is seen at
    /// once: each of them begins behind the one before.
    private static func areApart(_ parts: [SeriesParts.Part], _ level: RollupLevel) -> Bool {
        var end = Int64.min
        for index in parts.indices where parts[index].hasRollups(level) {
            guard parts[index].times == nil, let range = parts[index].range else { return false }
            let length = level.millis
            guard Timestamp(millis: range.first).floored(toMillis: length).millis > end else { return false }
            let last = Timestamp(millis: range.last).floored(toMillis: length)
            end = last.advanced(byMillis: length - 1).millis
        }
        return true
    }

    /// The first stretch at or behind `millis` where buckets are not those of one part alone.
    mutating func nextContested(_ millis: Int64) -> SpanList.Span? { contested.next(millis) }

    /// A bucket that was made here.
    func made(_ start: Int64) -> RollupBucket? { made[start] }

    /// Keeps a bucket that was made here.
    mutating func keep(_ bucket: RollupBucket) { made[bucket.start] = bucket }

    /// The slot that the bucket that begins at `start` is in, if there is one; of slots that do not lie over
    /// each other.
    mutating func slot(holding start: Int64) -> Int? {
        if hint < slots.count, slots[hint].start <= start, start <= slots[hint].last { return hint }
        let index = slots.partitionPoint { $0.start > start } - 1
        guard index >= 0, start <= slots[index].last else { return nil }
        hint = index
        return index
    }

    /// The place in a decoded slot of the bucket that begins at `start`; nil if it has none.
    @inline(__always)
    mutating func place(in slot: Int, of start: Int64) -> Int? {
        // Buckets are mostly looked for one after the other.
        placeHint += 1
        if placeHint < slots[slot].buckets.count, slots[slot].buckets[placeHint].start == start {
            return placeHint
        }
        guard let place = slots[slot].place(of: start, length) else { return nil }
        placeHint = place
        return place
    }

    /// The slots that may have buckets that begin in `start..<end`.
    func slots(from start: Int64, to end: Int64) -> Range<Int> {
        let to = slots.partitionPoint { $0.start >= end }
        let from = hasOverlaps ? 0 : min(to, max(0, slots.partitionPoint { $0.start > start } - 1))
        return from..<to
    }
}
