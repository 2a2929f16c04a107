import Glibc
import Model

/// What has to be said about a number computed from a native histogram.
enum HistogramRemark {
    /// There are observations of NaN, so the result is NaN.
    case isNaN
    /// There are observations of NaN, which count as the highest.
    case isSkewed
    /// There are observations of NaN, which are in no fraction.
    case excludesNaN
}

extension NativeHistogram {
    /// The φ-quantile: inside of an exponential bucket interpolated on a logarithmic scale, inside of the
    /// zero bucket and of custom buckets linearly.
    ///
    /// Source: Prometheus `HistogramQuantile`.
    func quantile(_ phi: Double) -> (Double, HistogramRemark?) {
        if phi < 0 { return (-.infinity, nil) }
        if phi > 1 { return (.infinity, nil) }
        guard count != 0, !phi.isNaN else { return (.nan, nil) }
        // NaNs are counted but in no bucket: as the highest values, they are reached only from below.
        let fromBelow = sum.isNaN || phi < 0.5
        var rank = fromBelow ? phi * count : (1 - phi) * count
        var seen = 0.0
        var found = HistogramBucket(lower: 0, upper: 0, includesLower: false, includesUpper: false, count: 0)
        let all = buckets
        for position in all.indices {
            let bucket = all[fromBelow ? position : all.count - 1 - position]
            if bucket.count == 0 { continue }
            found = bucket
            seen += bucket.count
            if seen >= rank { break }
        }
        if hasCustomBounds {
            if found.lower == -.infinity {
                if found.upper <= 0 { return (found.upper, nil) }
                found.lower = 0
            } else if found.upper == .infinity {
                return (found.lower, nil)
            }
        } else if found.lower < 0, found.upper > 0 {
            clipToSign(&found)
        }
        seen = min(seen, count)
        if seen < rank { return sum.isNaN ? (.nan, .isNaN) : (found.upper, nil) }
        rank = fromBelow ? rank - (seen - found.count) : seen - rank
        let remark: HistogramRemark? = sum.isNaN ? .isSkewed : nil
        return (interpolated(found, rank / found.count), remark)
    }

    /// The share of observations between `lower` and `upper`.
    ///
    /// Source: Prometheus `HistogramFraction`.
    func fraction(_ lower: Double, _ upper: Double) -> (Double, HistogramRemark?) {
        guard count != 0, !lower.isNaN, !upper.isNaN else { return (.nan, nil) }
        let remark: HistogramRemark? = sum.isNaN ? .excludesNaN : nil
        if lower >= upper { return (0, remark) }
        var (lowerRank, upperRank): (Double?, Double?) = (nil, nil)
        var rank = 0.0
        for var bucket in buckets {
            let isLinear = hasCustomBounds || bucket.touchesZero
            if bucket.touchesZero { clipToSign(&bucket) }
            if lowerRank == nil { lowerRank = self.rank(of: lower, in: bucket, above: rank, isLinear) }
            if upperRank == nil { upperRank = self.rank(of: upper, in: bucket, above: rank, isLinear) }
            if lowerRank != nil, upperRank != nil { break }
            rank += bucket.count
        }
        let most = sum.isNaN ? rank : count
        return ((min(upperRank ?? most, count) - min(lowerRank ?? most, count)) / count, remark)
    }

    /// The variance of the observations, each taken for the middle of its bucket.
    var variance: Double {
        let mean = sum / count
        var squares = CompensatedSum()
        for bucket in buckets where bucket.count != 0 {
            var middle = 0.0
            if hasCustomBounds {
                middle = (bucket.upper + bucket.lower) / 2
            } else if !bucket.touchesZero {
                middle = (bucket.upper * bucket.lower).squareRoot()
                if bucket.upper < 0 { middle = -middle }
            }
            let distance = middle - mean
            squares.add(bucket.count * distance * distance)
        }
        return (squares.sum + squares.compensation) / count
    }

    // MARK: - Parts

    /// Cuts the bucket around zero where all observations are known to have one sign.
    private func clipToSign(_ bucket: inout HistogramBucket) {
        if negative.isEmpty, !positive.isEmpty {
            bucket.lower = 0
        } else if positive.isEmpty, !negative.isEmpty {
            bucket.upper = 0
        }
    }

    /// The value that a share of a bucket's observations is below.
    private func interpolated(_ bucket: HistogramBucket, _ share: Double) -> Double {
        if hasCustomBounds || bucket.touchesZero {
            return bucket.lower + (bucket.upper - bucket.lower) * share
        }
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        return bucket.lower > 0
            ? exp2(lower + (upper - lower) * share) : -exp2(upper + (lower - upper) * (1 - share))
    }

    /// How many observations are below `value`, if it lies in the bucket or below.
    private func rank(of value: Double, in bucket: HistogramBucket, above rank: Double, _ isLinear: Bool)
        -> Double?
    {
        if bucket.lower >= value { return rank }
        guard bucket.upper > value else { return nil }
        if isLinear {
            if bucket.lower == -.infinity { return rank + bucket.count }
            return rank + bucket.count * (value - bucket.lower) / (bucket.upper - bucket.lower)
        }
        let (lower, upper) = (log2(bucket.lower.magnitude), log2(bucket.upper.magnitude))
        let place = log2(value.magnitude)
        let share = value > 0 ? (place - lower) / (upper - lower) : 1 - (place - upper) / (lower - upper)
        return rank + bucket.count * share
    }
}
