import Model

/// What all samples of one sort of one series in one bucket amount to: `RollupBucket` of numbers,
/// `HistogramRollup` of native histograms.
protocol RollupUnit: Sendable {
    /// A bucket without samples.
    init(start: Int64)
    /// Where the bucket begins, in milliseconds.
    var start: Int64 { get }
    /// Whether it has no sample.
    var isEmpty: Bool { get }
    /// The time of the first sample that is no NaN; nil if it has none.
    var firstMillis: Int64? { get }
    /// The time of the last sample that is no NaN; nil if it has none.
    var lastMillis: Int64? { get }
    /// The number of samples.
    var sampleCount: Int { get }
    /// Puts a finer bucket in, which lies in this one behind all that it has.
    mutating func join(_ finer: Self)
    /// Adds the samples of a bucket with the same start that was made of others of the same series.
    mutating func add(_ other: Self)
}

extension RollupUnit {
    /// The times from its first to its last sample, if its length is `millis`; with nothing but NaNs its last
    /// millisecond, so that it never begins before its samples.
    func range(length millis: Int64) -> TimeRange {
        let end = start + millis - 1
        return TimeRange(Timestamp(millis: firstMillis ?? end), Timestamp(millis: lastMillis ?? end))
    }

    /// Buckets of `level` from finer ones, which rise.
    static func coarser(_ finer: [Self], _ level: RollupLevel) -> [Self] {
        var buckets: [Self] = []
        for bucket in finer {
            let start = Timestamp(millis: bucket.start).floored(toMillis: level.millis).millis
            if buckets.last?.start != start { buckets.append(Self(start: start)) }
            buckets[buckets.count - 1].join(bucket)
        }
        return buckets
    }

    /// The buckets of both lists, which rise; those that are in both are added.
    static func union(_ left: [Self], _ right: [Self]) -> [Self] {
        guard let last = left.last, let first = right.first else { return left.isEmpty ? right : left }
        if last.start < first.start { return left + right }
        var result: [Self] = []
        result.reserveCapacity(left.count + right.count)
        var (one, two) = (0, 0)
        while one < left.count || two < right.count {
            if two == right.count || (one < left.count && left[one].start < right[two].start) {
                result.append(left[one])
                one += 1
            } else if one == left.count || right[two].start < left[one].start {
                result.append(right[two])
                two += 1
            } else {
                result.append(left[one])
                result[result.count - 1].add(right[two])
                (one, two) = (one + 1, two + 1)
            }
        }
        return result
    }
}
