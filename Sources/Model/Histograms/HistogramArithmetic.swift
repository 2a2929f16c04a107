extension NativeHistogram {
    /// The histogram times a number; a negative one makes it no counter.
    package func scaled(by factor: Double) -> NativeHistogram {
        var result = mapped { $0 * factor }
        if factor < 0 { result.counterReset = .gauge }
        return result
    }

    /// The histogram divided by a number; division by zero leaves no buckets.
    package func divided(by divisor: Double) -> NativeHistogram {
        var result = mapped { $0 / divisor }
        if divisor == 0 { (result.positive, result.negative) = (HistogramBuckets(), HistogramBuckets()) }
        if divisor < 0 { result.counterReset = .gauge }
        return result
    }

    /// The sum or the difference of two histograms, and whether custom bounds were left out for it.
    package func combined(_ other: NativeHistogram, isDifference: Bool) throws(HistogramMismatch)
        -> (histogram: NativeHistogram, hasReconciledBounds: Bool)
    {
        let layout = try HistogramLayout(self, other)
        var result = laidOut(as: layout)
        let addend = other.laidOut(as: layout)
        let combine: (Double, Double) -> Double = isDifference ? { $0 - $1 } : { $0 + $1 }
        result.count = combine(result.count, addend.count)
        result.sum = combine(result.sum, addend.sum)
        result.zeroCount = combine(result.zeroCount, addend.zeroCount)
        result.positive = result.positive.combined(addend.positive, combine)
        result.negative = result.negative.combined(addend.negative, combine)
        result.counterReset =
            isDifference ? .gauge : CounterReset.together(counterReset, other.counterReset)
        return (result, layout.hasReconciledBounds)
    }

    /// Without the buckets of count 0.
    package var compacted: NativeHistogram {
        var result = self
        result.positive = positive.withoutEmpty
        result.negative = negative.withoutEmpty
        return result
    }

    /// Whether a number in it is infinite, as a sum is that left the range of numbers.
    package var hasOverflow: Bool {
        zeroCount.isInfinite || count.isInfinite || sum.isInfinite
            || positive.counts.contains(where: \.isInfinite)
            || negative.counts.contains(where: \.isInfinite)
    }

    /// The histogram with all counts and the sum changed.
    package func mapped(_ change: (Double) -> Double) -> NativeHistogram {
        var result = self
        result.zeroCount = change(zeroCount)
        result.count = change(count)
        result.sum = change(sum)
        for position in positive.counts.indices {
            result.positive.counts[position] = change(positive.counts[position])
        }
        for position in negative.counts.indices {
            result.negative.counts[position] = change(negative.counts[position])
        }
        return result
    }

    /// Whether a counter was reset between `previous` and this histogram: a count fell, or the buckets became
    /// finer, which only happens then.
    package func isReset(since previous: NativeHistogram) -> Bool {
        if counterReset == .reset { return true }
        if counterReset == .notReset { return false }
        if count < previous.count || hasCustomBounds != previous.hasCustomBounds { return true }
        if !hasCustomBounds {
            if schema > previous.schema || zeroThreshold < previous.zeroThreshold { return true }
            let before = previous.zeroBucket(reaching: zeroThreshold)
            if before.threshold != zeroThreshold || zeroCount < before.count { return true }
        }
        guard let layout = try? HistogramLayout(self, previous) else { return true }
        let (now, before) = (laidOut(as: layout), previous.laidOut(as: layout))
        return now.positive.hasFallen(since: before.positive)
            || now.negative.hasFallen(since: before.negative)
    }
}

extension HistogramBuckets {
    /// Whether any count is below that of `previous`, or the bucket is missing.
    fileprivate func hasFallen(since previous: HistogramBuckets) -> Bool {
        var position = 0
        for (index, count) in zip(previous.indices, previous.counts) {
            while position < self.count, indices[position] < index { position += 1 }
            if position < self.count, indices[position] == index {
                if counts[position] < count { return true }
            } else if count != 0 {
                return true
            }
        }
        return false
    }
}

extension NativeHistogram.CounterReset {
    /// What is known of the sum of two histograms.
    package static func together(_ left: Self, _ right: Self) -> Self {
        if left == right { return left }
        return left == .gauge || right == .gauge ? .gauge : .unknown
    }
}
