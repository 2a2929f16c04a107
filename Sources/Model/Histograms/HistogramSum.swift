/// A sum of histograms that keeps what rounding loses, as a sum of numbers does.
package struct HistogramSum {
    /// The sum so far, rounded.
    private var total: NativeHistogram
    /// What rounding lost: as many buckets, of the same indices.
    private var lost: NativeHistogram
    /// Whether custom bounds were left out.
    package private(set) var hasReconciledBounds = false

    /// The sum of one histogram.
    package init(_ first: NativeHistogram) {
        total = first
        lost = first.mapped { _ in 0 }
    }

    /// Adds a histogram.
    package mutating func add(_ other: NativeHistogram) throws(HistogramMismatch) {
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

    /// Adds all that another sum has.
    package mutating func add(_ other: HistogramSum) throws(HistogramMismatch) {
        try add(other.total)
        if other.hasReconciledBounds { hasReconciledBounds = true }
        // They were added just now, so there is one layout for both.
        guard let layout = try? HistogramLayout(total, other.total) else { return }
        let more = other.lost.laidOut(as: layout)
        lost.count += more.count
        lost.sum += more.sum
        lost.zeroCount += more.zeroCount
        lost.positive = lost.positive.combined(more.positive, +)
        lost.negative = lost.negative.combined(more.negative, +)
    }

    /// The sum with what rounding lost.
    package var value: NativeHistogram {
        var result = total
        result.count = HistogramSum.value(total.count, lost.count)
        result.sum = HistogramSum.value(total.sum, lost.sum)
        result.zeroCount = HistogramSum.value(total.zeroCount, lost.zeroCount)
        result.positive = total.positive.combined(lost.positive, HistogramSum.value)
        result.negative = total.negative.combined(lost.negative, HistogramSum.value)
        return result
    }

    /// Divides by a positive number.
    package mutating func divide(by divisor: Double) {
        total = total.divided(by: divisor)
        lost = lost.divided(by: divisor)
    }

    /// Multiplies by a positive number.
    package mutating func scale(by factor: Double) {
        total = total.scaled(by: factor)
        lost = lost.scaled(by: factor)
    }

    /// Whether the sum left the range of numbers.
    package var hasOverflow: Bool { total.hasOverflow }

    private static func add(_ value: Double, _ total: inout Double, _ lost: inout Double) {
        WindowState.add(value, to: &total, &lost)
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
        total.isInfinite ? total : total + lost
    }
}
