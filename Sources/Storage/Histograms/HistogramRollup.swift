import Model

/// What the native histograms of one series in one bucket `[start, start + length)` amount to, as
/// `RollupBucket` says it of numbers.
struct HistogramRollup: RollupUnit {
    /// Where the bucket begins, in milliseconds.
    var start: Int64
    /// The histogram that sits exactly on the start, if one does.
    var edge: NativeHistogram?
    /// All histograms behind the start.
    var open = HistogramState()

    /// A bucket without samples.
    init(start: Int64) {
        self.start = start
    }

    var isEmpty: Bool { edge == nil && open.isEmpty }

    var sampleCount: Int { open.count + (edge == nil ? 0 : 1) }

    var firstMillis: Int64? {
        if edge != nil { return start }
        return open.isEmpty ? nil : open.firstMillis
    }

    var lastMillis: Int64? { last?.millis }

    /// The last histogram and its time; nil if there is none.
    var last: (millis: Int64, histogram: NativeHistogram)? {
        open.isEmpty ? edge.map { (start, $0) } : (open.lastMillis, open.last)
    }

    /// The histogram on the start alone.
    var edgeState: HistogramState {
        var state = HistogramState()
        if let edge { state.add(millis: start, edge) }
        return state
    }

    /// All histograms.
    var full: HistogramState {
        var state = edgeState
        state.join(open)
        return state
    }

    /// Adds a histogram of this bucket that is later than all others.
    mutating func add(millis: Int64, _ histogram: NativeHistogram) {
        if millis == start { edge = histogram } else { open.add(millis: millis, histogram) }
    }

    mutating func join(_ finer: HistogramRollup) {
        if finer.start == start {
            (edge, open) = (finer.edge, finer.open)
        } else {
            open.join(finer.edge == nil ? finer.open : finer.full)
        }
    }

    /// What depends on the order of samples is only about right where their times are mixed.
    mutating func add(_ other: HistogramRollup) {
        if let edge = other.edge { self.edge = edge }
        open.add(other.open)
    }

    /// How many buckets of histograms are stored for it.
    private var bucketCount: Int {
        [edge, open.first, open.last, open.total.sum?.value, open.resets.sum?.value].reduce(0) {
            guard let histogram = $1 else { return $0 }
            return $0 + histogram.positive.count + histogram.negative.count + histogram.customBounds.count
        }
    }

    /// Rollups shared out to chunks that are neither too long nor too large.
    static func chunks(of rollups: [HistogramRollup]) -> [[HistogramRollup]] {
        var chunks: [[HistogramRollup]] = []
        var chunk: [HistogramRollup] = []
        var bucketCount = 0
        for rollup in rollups {
            bucketCount += rollup.bucketCount
            let isLarge = bucketCount > SegmentFormat.chunkBucketCount
            if !chunk.isEmpty, isLarge || chunk.count == SegmentFormat.usualRollupChunk {
                chunks.append(chunk)
                chunk = []
                bucketCount = rollup.bucketCount
            }
            chunk.append(rollup)
        }
        return chunk.isEmpty ? chunks : chunks + [chunk]
    }
}
