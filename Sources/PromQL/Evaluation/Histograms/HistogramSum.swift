import Model

/// A sum of histograms that keeps what rounding loses, as `CompensatedSum` does for numbers.
struct HistogramSum {
    /// The sum so far, rounded.
    private var total: NativeHistogram
    /// What rounding lost: as many buckets, of the same indices.
    private var lost: NativeHistogram
    /// Whether custom bounds were left out.
    private(set) var hasReconciledBounds = false

    /// The sum of one histogram.
    init(_ first: NativeHistogram) {
        total = first
        lost = first.mapped { _ in 0 }
    }

    /// Adds a histogram.
    mutating func add(_ other: NativeHistogram) throws(HistogramMismatch) {
        let layout = try HistogramLayout(total, other)
        if layout.hasReconciledBounds { hasReconciledBounds = true }
        if !total.has(layout) {
            total = total.laidOut(as: layout)
            lost = lost.laidOut(as: layout)
        }
        let addend = other.laidOut(as: layout)
        HistogramSum.add(addend.count, &total.count, &lost.count)
        HistogramSum.add(addend.sum, &total.sum, &lost.sum)
        HistogramSum.add(addend.zeroCount, &total.zeroCount, &lost.zeroCount)
        HistogramSum.add(addend.positive, &total.positive, &lost.positive)
        HistogramSum.add(addend.negative, &total.negative, &lost.negative)
        total.counterReset = NativeHistogram.CounterReset.together(total.counterReset, other.counterReset)
    }

    /// The sum with what rounding lost.
    var value: NativeHistogram {
        var result = total
        result.count = HistogramSum.value(total.count, lost.count)
        result.sum = HistogramSum.value(total.sum, lost.sum)
        result.zeroCount = HistogramSum.value(total.zeroCount, lost.zeroCount)
        result.positive = total.positive.combined(lost.positive, HistogramSum.value)
        result.negative = total.negative.combined(lost.negative, HistogramSum.value)
        return result
    }

    /// Divides by a positive number.
    mutating func divide(by divisor: Double) {
        total = total.divided(by: divisor)
        lost = lost.divided(by: divisor)
    }

    /// Multiplies by a positive number.
    mutating func scale(by factor: Double) {
        total = total.scaled(by: factor)
        lost = lost.scaled(by: factor)
    }

    /// Whether the sum left the range of numbers.
    var hasOverflow: Bool { total.hasOverflow }

    private static func add(_ value: Double, _ total: inout Double, _ lost: inout Double) {
        var sum = CompensatedSum(sum: total, compensation: lost)
        sum.add(value)
        (total, lost) = (sum.sum, sum.compensation)
    }

    private static func add(
        _ addend: HistogramBuckets,
        _ total: inout HistogramBuckets,
        _ lost: inout HistogramBuckets
    ) {
        // Adding zeros brings all three to the same indices.
        if total.indices != addend.indices {
            lost = lost.combined(addend) { left, _ in left }
            total = total.combined(addend) { left, _ in left }
        }
        var position = 0
        for (index, count) in zip(addend.indices, addend.counts) {
            while total.indices[position] != index { position += 1 }
            add(count, &total.counts[position], &lost.counts[position])
        }
    }

    private static func value(_ total: Double, _ lost: Double) -> Double {
        CompensatedSum(sum: total, compensation: lost).value
    }
}

/// The mean of histograms: the sum divided by the count as long as the sum is finite, then a running mean.
struct HistogramMean {
    private var running: HistogramSum
    private var count = 1.0
    private var isIncremental = false

    /// The mean of one histogram.
    init(_ first: NativeHistogram) {
        running = HistogramSum(first)
    }

    /// Whether custom bounds were left out.
    var hasReconciledBounds: Bool { running.hasReconciledBounds }

    /// Adds a histogram.
    mutating func add(_ other: NativeHistogram) throws(HistogramMismatch) {
        count += 1
        if !isIncremental {
            var next = running
            try next.add(other)
            if !next.hasOverflow {
                running = next
                return
            }
            isIncremental = true
            running.divide(by: count - 1)
        }
        running.scale(by: (count - 1) / count)
        try running.add(other.divided(by: count))
    }

    /// The mean.
    var value: NativeHistogram {
        if isIncremental { return running.value }
        var mean = running
        mean.divide(by: count)
        return mean.value
    }
}

extension HistogramSum {
    /// Whether one of two histograms says that its counter was reset and the other that it was not.
    static func areColliding(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
        left.counterReset == .reset && right.counterReset == .notReset
            || left.counterReset == .notReset && right.counterReset == .reset
    }
}
