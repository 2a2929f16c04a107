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
        /// Its buckets once they are decoded.
        var buckets: [RollupBucket]?
    }

    let level: RollupLevel
    /// By their beginnings.
    private(set) var slots: [Slot] = []
    /// Where buckets are not those of one part alone; ends of buckets.
    private(set) var contested = SpanList()
    /// Buckets that were made here, by their starts.
    private var made: [Int64: RollupBucket] = [:]
    /// Whether slots lie over each other; those of one part do not.
    private var hasOverlaps = false

    /// The buckets of `level` of `parts`.
    init(_ level: RollupLevel, _ parts: [SeriesParts.Part]) {
        self.level = level
        let length = level.millis
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
                    let first = max(deleted.start.millis, range.first)
                    let last = min(deleted.end.millis, range.last)
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

    /// Calls `body` with each slot that has buckets that begin in `start..<end`, decoded by `decode`, and
    /// the indices of these; only in uncontested stretches are they all that there is.
    mutating func forEachSlot(
        _ start: Int64,
        _ end: Int64,
        _ decode: (Slot) -> [RollupBucket],
        _ body: (borrowing Slot, [RollupBucket], Range<Int>) -> Void
    ) {
        var index = hasOverlaps ? 0 : max(0, slots.partitionPoint { $0.start > start } - 1)
        while index < slots.count, slots[index].start < end {
            defer { index += 1 }
            guard slots[index].last >= start else { continue }
            if slots[index].buckets == nil { slots[index].buckets = decode(slots[index]) }
            guard let buckets = slots[index].buckets, !buckets.isEmpty else { continue }
            let from = RollupTable.place(of: start, in: buckets, level.millis)
            var to = from
            while to < buckets.count, buckets[to].start < end { to += 1 }
            if from < to { body(slots[index], buckets, from..<to) }
        }
    }

    /// The index of the first bucket that begins at `start` or later.
    private static func place(of start: Int64, in buckets: [RollupBucket], _ length: Int64) -> Int {
        guard let first = buckets.first?.start, first < start else { return 0 }
        // Without gaps it can be told.
        let guess = (start - first) / length
        if guess < buckets.count, buckets[Int(guess)].start == start { return Int(guess) }
        return buckets.partitionPoint { $0.start >= start }
    }
}
