import Model

/// Windows that are asked about, and what is the same for all series: how they lie to buckets.
struct WindowList {
    /// How a window lies to the buckets of one level.
    enum Fit: Hashable {
        /// In no way that helps.
        case none
        /// It is a bucket of this level.
        case bucket(RollupLevel)
        /// It is a bucket of this level without its start, and the start of the next: `(a, b]`.
        case behindStart(RollupLevel)
    }

    /// The windows; neither end ever falls.
    let windows: [TimeRange]
    /// How each of them lies.
    let fits: [Fit]
    /// The length of the longest, in milliseconds.
    private(set) var longestMillis = 0.0
    /// The sum of their lengths, in milliseconds.
    private(set) var sumMillis = 0.0
    /// By level: the ends of windows that lie inside of a bucket, so that samples are looked at there.
    private(set) var cuts = PerLevel([Int64]())

    /// What these windows are like.
    init(_ windows: [TimeRange]) {
        self.windows = windows
        fits = windows.map(WindowList.fit)
        for window in windows {
            let (start, end) = (window.start.millis, window.end.millis)
            let length = Double(end) - Double(start) + 1
            (longestMillis, sumMillis) = (max(longestMillis, length), sumMillis + max(0, length))
            for level in RollupLevel.allCases {
                let millis = level.millis
                if start % millis != 0 && (start &- 1) % millis != 0 { cuts[level].append(start) }
                if (end &+ 1) % millis != 0 && end % millis != 0 { cuts[level].append(end) }
            }
        }
    }

    private static func fit(_ window: TimeRange) -> Fit {
        for level in RollupLevel.allCases {
            let start = window.start.floored(toMillis: level.millis)
            let end = start.advanced(byMillis: level.millis)
            if window.start == start, window.end == end.advanced(byMillis: -1) { return .bucket(level) }
            if window.start == start.advanced(byMillis: 1), window.end == end { return .behindStart(level) }
        }
        return .none
    }
}
