extension NativeHistogram {
    /// What is wrong with a histogram from outside, as the end of a sentence about it; nil if it may be
    /// stored.
    ///
    /// `hasIntegerCounts` tells whether it came with integers, whose sum has to fit the count; with
    /// fractions, rounding could raise a false alarm. Source: Prometheus `Histogram.Validate`.
    public func fault(hasIntegerCounts: Bool) -> String? {
        guard hasCustomBounds || NativeHistogram.exponentialSchemas.contains(schema) else {
            return "schema \(schema) is none of -4 to 8 and -53"
        }
        if let fault = hasCustomBounds ? customFault : exponentialFault { return fault }
        let counts = [count, zeroCount] + positive.counts + negative.counts
        if counts.contains(where: { $0 < 0 }) { return "a count is negative" }
        guard hasIntegerCounts else { return nil }
        let inBuckets = zeroCount + positive.counts.reduce(0, +) + negative.counts.reduce(0, +)
        // Observations of NaN are in no bucket; only the sum shows them.
        if sum.isNaN ? inBuckets > count : inBuckets != count {
            return "its count is \(ValueText.format(count)), but its buckets have "
                + "\(ValueText.format(inBuckets)) observations"
        }
        return nil
    }

    private var exponentialFault: String? {
        if !customBounds.isEmpty { return "it has custom bounds and an exponential schema" }
        if !(zeroThreshold >= 0) || zeroThreshold.isInfinite {
            return "its zero threshold is \(ValueText.format(zeroThreshold))"
        }
        return nil
    }

    private var customFault: String? {
        if zeroThreshold != 0 || zeroCount != 0 || !negative.isEmpty {
            return "it has custom bounds and a zero bucket or negative buckets"
        }
        if customBounds.contains(where: { !$0.isFinite }) { return "a custom bound is no finite number" }
        if zip(customBounds, customBounds.dropFirst()).contains(where: { $0 >= $1 }) {
            return "its custom bounds do not rise"
        }
        if let last = positive.indices.last, Int(last) > customBounds.count {
            return "it has a bucket beyond its \(customBounds.count) custom bounds"
        }
        if let first = positive.indices.first, first < 0 { return "it has a bucket below its custom bounds" }
        return nil
    }
}
