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
        for (index, part) in parts.enumerated() {
            let chunks = part.rollups[level] ?? []
            for chunk in chunks {
                slots.append(
                    Slot(
                        part: index,
                        chunk: chunk,
                        start: start(chunk.minMillis),
                        last: start(chunk.maxMillis)
                    )
                )
            }
            var spans = SpanList()
            if let times = part.times {
                for millis in times { spans.append(start(millis), end(millis)) }
            } else {
                let ranges = (part.raw + chunks).sorted { $0.minMillis < $1.minMillis }
                for chunk in ranges { spans.append(start(chunk.minMillis), end(chunk.maxMillis)) }
            }
            if chunks.isEmpty { others.append(spans) } else { own.append(spans) }
            // Buckets that something is deleted of are made anew.
            if let range = part.range, !part.deleted.isEmpty {
                var cut = SpanList()
                for deleted in part.deleted {
                    let first = max(deleted.start.millis, start(range.first))
                    let last = min(deleted.end.millis, end(range.last))
                    if first <= last { cut.append(start(first), end(last)) }
                }
                others.append(cut)
            }
        }
        slots.sort { $0.start < $1.start }
        hasOverlaps = zip(slots, slots.dropFirst()).contains { $0.last >= $1.start }
        contested = SpanList.contested(own, others)
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

    /// The slots that may have buckets that begin in `start..<end`.
    func slots(from start: Int64, to end: Int64) -> Range<Int> {
        let to = slots.partitionPoint { $0.start >= end }
        let from = hasOverlaps ? 0 : min(to, max(0, slots.partitionPoint { $0.start > start } - 1))
        return from..<to
    }
}
