/// A bucket of a native histogram with its bounds.
package struct HistogramBucket {
    /// The lower bound.
    package var lower: Double
    /// The upper bound.
    package var upper: Double
    /// Whether an observation of the lower bound counts.
    package var includesLower: Bool
    /// Whether an observation of the upper bound counts.
    package var includesUpper: Bool
    /// The number of observations.
    package var count: Double

    /// A bucket of these bounds.
    package init(lower: Double, upper: Double, includesLower: Bool, includesUpper: Bool, count: Double) {
        self.lower = lower
        self.upper = upper
        self.includesLower = includesLower
        self.includesUpper = includesUpper
        self.count = count
    }

    /// Whether zero lies inside or on a bound.
    package var touchesZero: Bool { lower <= 0 && upper >= 0 }
}

extension NativeHistogram {
    /// All buckets from the lowest to the highest, also empty ones that are there.
    ///
    /// The zero bucket is among them if there is anything in it; the others end where it begins.
    package var buckets: [HistogramBucket] {
        var all: [HistogramBucket] = []
        all.reserveCapacity(negative.count + positive.count + 1)
        for position in negative.indices.indices.reversed() {
            var bucket = negativeBucket(position)
            if bucket.upper < 0, bucket.upper > -zeroThreshold { bucket.upper = -zeroThreshold }
            all.append(bucket)
        }
        if zeroCount > 0 { all.append(zeroBucket) }
        for position in positive.indices.indices {
            var bucket = positiveBucket(position)
            if bucket.lower > 0, bucket.lower < zeroThreshold { bucket.lower = zeroThreshold }
            all.append(bucket)
        }
        return all
    }

    /// The bucket around zero.
    package var zeroBucket: HistogramBucket {
        HistogramBucket(
            lower: -zeroThreshold,
            upper: zeroThreshold,
            includesLower: true,
            includesUpper: true,
            count: zeroCount
        )
    }

    /// The positive (or custom) bucket at a place of `positive`.
    package func positiveBucket(_ position: Int) -> HistogramBucket {
        let index = positive.indices[position]
        return HistogramBucket(
            lower: upperBound(Int64(index) - 1),
            upper: upperBound(Int64(index)),
            includesLower: hasCustomBounds && index == 0,
            includesUpper: true,
            count: positive.counts[position]
        )
    }

    /// The negative bucket at a place of `negative`.
    package func negativeBucket(_ position: Int) -> HistogramBucket {
        let index = negative.indices[position]
        return HistogramBucket(
            lower: -upperBound(Int64(index)),
            upper: -upperBound(Int64(index) - 1),
            includesLower: true,
            includesUpper: false,
            count: negative.counts[position]
        )
    }

    /// The upper bound of the bucket of an index.
    package func upperBound(_ index: Int64) -> Double {
        if hasCustomBounds {
            if index < 0 { return -.infinity }
            return index < Int64(customBounds.count) ? customBounds[Int(index)] : .infinity
        }
        return ExponentialBounds.upper(index, schema)
    }
}
