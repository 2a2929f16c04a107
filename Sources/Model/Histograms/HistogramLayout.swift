/// Why two histograms cannot be computed with together.
package enum HistogramMismatch: Error {
    /// One has exponential buckets, the other custom ones.
    case schemas
    /// Both have custom buckets, without any bound in common.
    case bounds
}

/// The buckets that two histograms can both be brought to.
///
/// Exponential buckets are merged to the lower resolution, and a zero bucket grows until it takes in that of
/// the other and ends where a bucket ends. Of custom buckets those are merged that a bound divides which only
/// one of the histograms has. Source: Prometheus `FloatHistogram.reconcileZeroBuckets` and
/// `intersectCustomBucketBounds`.
package struct HistogramLayout {
    /// The schema.
    package let schema: Int32
    /// The width of the zero bucket.
    package let zeroThreshold: Double
    /// The bounds of custom buckets.
    package let customBounds: [Double]
    /// Whether bounds were left out.
    package let hasReconciledBounds: Bool

    /// The layout for both histograms.
    package init(_ left: NativeHistogram, _ right: NativeHistogram) throws(HistogramMismatch) {
        guard left.hasCustomBounds == right.hasCustomBounds else { throw .schemas }
        schema = min(left.schema, right.schema)
        if left.hasCustomBounds {
            zeroThreshold = 0
            hasReconciledBounds = left.customBounds != right.customBounds
            customBounds =
                hasReconciledBounds
                ? HistogramLayout.common(left.customBounds, right.customBounds) : left.customBounds
            if hasReconciledBounds, customBounds.isEmpty { throw .bounds }
            return
        }
        customBounds = []
        hasReconciledBounds = false
        var (leftThreshold, rightThreshold) = (left.zeroThreshold, right.zeroThreshold)
        while leftThreshold != rightThreshold {
            if leftThreshold < rightThreshold {
                leftThreshold = left.zeroBucket(reaching: rightThreshold).threshold
            } else if rightThreshold < leftThreshold {
                rightThreshold = right.zeroBucket(reaching: leftThreshold).threshold
            } else {
                break
            }
        }
        zeroThreshold = leftThreshold
    }

    /// The numbers that are in both of two rising lists.
    private static func common(_ left: [Double], _ right: [Double]) -> [Double] {
        var common: [Double] = []
        var (i, j) = (0, 0)
        while i < left.count, j < right.count {
            if left[i] == right[j] { common.append(left[i]) }
            let (a, b) = (left[i], right[j])
            if !(a > b) { i += 1 }
            if !(b > a) { j += 1 }
        }
        return common
    }
}

extension NativeHistogram {
    /// What the zero bucket would hold if it reached to `threshold`, and how far it has to reach at least: to
    /// the end of a bucket that is not empty.
    package func zeroBucket(reaching threshold: Double) -> (count: Double, threshold: Double) {
        guard threshold > zeroThreshold else { return (zeroCount, zeroThreshold) }
        var wanted = threshold
        while true {
            var inside = zeroCount
            var reached = wanted
            for position in positive.indices.indices {
                let bucket = positiveBucket(position)
                if bucket.lower >= wanted { break }
                inside += bucket.count
                if bucket.upper > wanted, bucket.count != 0 { reached = max(reached, bucket.upper) }
            }
            for position in negative.indices.indices {
                let bucket = negativeBucket(position)
                if -bucket.upper >= wanted { break }
                inside += bucket.count
                if -bucket.lower > wanted, bucket.count != 0 { reached = max(reached, -bucket.lower) }
            }
            if reached == wanted { return (inside, wanted) }
            wanted = reached
        }
    }

    /// Whether it has this layout already.
    package func has(_ layout: HistogramLayout) -> Bool {
        schema == layout.schema
            && (hasCustomBounds
                ? customBounds == layout.customBounds : zeroThreshold == layout.zeroThreshold)
    }

    /// The histogram with the buckets of `layout`, which fits.
    package func laidOut(as layout: HistogramLayout) -> NativeHistogram {
        if has(layout) { return self }
        var result = self
        if hasCustomBounds {
            result.customBounds = layout.customBounds
            var target = 0
            result.positive = positive.merged { index in
                let bound = self.upperBound(Int64(index))
                while target < layout.customBounds.count, layout.customBounds[target] < bound { target += 1 }
                return Int32(target)
            }
            return result
        }
        if layout.zeroThreshold > zeroThreshold {
            result.zeroCount = zeroBucket(reaching: layout.zeroThreshold).count
            result.zeroThreshold = layout.zeroThreshold
            result.positive = positive.dropFirst {
                self.positiveBucket($0).lower < layout.zeroThreshold
            }
            result.negative = negative.dropFirst {
                -self.negativeBucket($0).upper < layout.zeroThreshold
            }
        }
        return result.reduced(to: layout.schema)
    }

    /// The histogram with exponential buckets of a resolution that is not higher.
    package func reduced(to target: Int32) -> NativeHistogram {
        guard !hasCustomBounds, target < schema else { return self }
        var result = self
        let shift = schema - target
        result.schema = target
        // With 64 bits, as an index may be the smallest number there is.
        result.positive = positive.merged { Int32(((Int64($0) - 1) >> shift) + 1) }
        result.negative = negative.merged { Int32(((Int64($0) - 1) >> shift) + 1) }
        return result
    }
}

extension HistogramBuckets {
    /// The buckets with new indices, which may not fall; those of the same one are added up.
    package func merged(_ target: (Int32) -> Int32) -> HistogramBuckets {
        var result = HistogramBuckets()
        for (index, count) in zip(indices, counts) {
            let wanted = target(index)
            if result.indices.last == wanted {
                result.counts[result.count - 1] += count
            } else {
                result.append(index: wanted, count: count)
            }
        }
        return result
    }

    /// Without the first buckets, those at whose place `isDropped` holds.
    fileprivate func dropFirst(while isDropped: (Int) -> Bool) -> HistogramBuckets {
        var result = HistogramBuckets()
        for position in indices.indices where !result.isEmpty || !isDropped(position) {
            result.append(index: indices[position], count: counts[position])
        }
        return result
    }

    /// Without the buckets of count 0.
    package var withoutEmpty: HistogramBuckets {
        guard counts.contains(0) else { return self }
        var result = HistogramBuckets()
        for (index, count) in zip(indices, counts) where count != 0 {
            result.append(index: index, count: count)
        }
        return result
    }

    /// Bucket by bucket the counts of both, where one is missing 0.
    package func combined(
        _ other: HistogramBuckets,
        _ combine: (Double, Double) -> Double
    ) -> HistogramBuckets {
        var result = HistogramBuckets()
        if indices == other.indices {
            result = self
            for position in counts.indices {
                result.counts[position] = combine(counts[position], other.counts[position])
            }
            return result
        }
        var (i, j) = (0, 0)
        while i < count || j < other.count {
            let left = i < count ? Int64(indices[i]) : .max
            let right = j < other.count ? Int64(other.indices[j]) : .max
            let value = combine(left <= right ? counts[i] : 0, right <= left ? other.counts[j] : 0)
            result.append(index: left <= right ? indices[i] : other.indices[j], count: value)
            if left <= right { i += 1 }
            if right <= left { j += 1 }
        }
        return result
    }
}
