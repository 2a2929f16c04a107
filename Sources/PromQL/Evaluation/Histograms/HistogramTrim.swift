import Glibc
import Model

/// `</` and `>/`: what of a histogram lies below or above a value.
///
/// A bucket with the value inside is split as quantiles interpolate it; the distribution in a bucket without
/// an end is not known, so it stays or goes as a whole. The sum is estimated from what is left, as if each
/// observation had the middle of its bucket. Source: Prometheus `FloatHistogram.TrimBuckets`.
struct HistogramTrim {
    /// The value.
    let limit: Double
    /// Whether what is below it stays.
    let keepsBelow: Bool

    /// What stays of `histogram`.
    func apply(to histogram: NativeHistogram) -> NativeHistogram {
        var result = histogram
        var kept = (count: 0.0, sum: 0.0)
        var isChanged = false
        let isLinear = histogram.hasCustomBounds
        func keep(_ bucket: HistogramBucket, _ part: (count: Double, middle: Double)) -> Double {
            kept.count += part.count
            kept.sum += part.middle * part.count
            if part.count != bucket.count { isChanged = true }
            return part.count
        }
        for place in histogram.positive.indices.indices where histogram.positive.counts[place] != 0 {
            let bucket = histogram.positiveBucket(place)
            result.positive.counts[place] = keep(bucket, part(of: bucket, isLinear: isLinear))
        }
        for place in histogram.negative.indices.indices where histogram.negative.counts[place] != 0 {
            let bucket = histogram.negativeBucket(place)
            result.negative.counts[place] = keep(bucket, part(of: bucket, isLinear: isLinear))
        }
        if histogram.zeroCount > 0 {
            let hasPositive = histogram.positive.counts.contains { $0 != 0 }
            let hasNegative = histogram.negative.counts.contains { $0 != 0 }
            var bucket = histogram.zeroBucket
            if hasNegative, !hasPositive { bucket.upper = 0 }
            if hasPositive, !hasNegative { bucket.lower = 0 }
            result.zeroCount = keep(bucket, part(of: bucket, isLinear: true))
        }
        guard isChanged else { return histogram }
        (result.count, result.sum) = kept
        return result.compacted
    }

    /// How many observations of a bucket stay, and the middle of where they are.
    private func part(of bucket: HistogramBucket, isLinear: Bool) -> (count: Double, middle: Double) {
        let isWhole = keepsBelow ? bucket.upper <= limit : bucket.lower >= limit
        if isWhole { return (bucket.count, middle(bucket.lower, bucket.upper, isLinear)) }
        guard keepsBelow ? bucket.lower < limit : bucket.upper > limit else { return (0, 0) }
        if bucket.lower.isInfinite || bucket.upper.isInfinite { return part(ofEndless: bucket) }
        let below = bucket.count * share(of: bucket, isLinear)
        return keepsBelow
            ? (below, middle(bucket.lower, limit, isLinear))
            : (bucket.count - below, middle(limit, bucket.upper, isLinear))
    }

    /// What stays of a bucket without an end, which has the limit inside.
    private func part(ofEndless bucket: HistogramBucket) -> (count: Double, middle: Double) {
        guard bucket.lower.isInfinite else {
            // Without an upper end: above the limit anything may be, below it not all is.
            return keepsBelow ? (0, 0) : (bucket.count, limit)
        }
        guard bucket.upper.isFinite else { return (0, 0) }
        // Without a lower end; where it reaches above zero, it is taken to begin there.
        if keepsBelow {
            if bucket.upper <= 0 { return (bucket.count, limit) }
            return limit > 0 ? (bucket.count * limit / bucket.upper, limit / 2) : (0, 0)
        }
        guard limit >= 0 else { return (0, 0) }
        return (bucket.count * (1 - limit / bucket.upper), (limit + bucket.upper) / 2)
    }

    /// The share of a bucket's observations that is below the limit, which lies inside.
    private func share(of bucket: HistogramBucket, _ isLinear: Bool) -> Double {
        if isLinear { return (limit - bucket.lower) / (bucket.upper - bucket.lower) }
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        let place = log2(limit.magnitude)
        return bucket.lower >= 0
            ? (place - lower) / (upper - lower) : 1 - (place - upper) / (lower - upper)
    }

    /// The middle of an interval: geometric for exponential buckets.
    private func middle(_ lower: Double, _ upper: Double, _ isLinear: Bool) -> Double {
        if lower.isInfinite {
            if upper.isInfinite { return 0 }
            return upper > 0 ? upper / 2 : upper
        }
        if upper.isInfinite { return lower }
        if isLinear { return (lower + upper) / 2 }
        let middle = (lower * upper).magnitude.squareRoot()
        return lower >= 0 ? middle : -middle
    }
}
