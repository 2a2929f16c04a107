/// A sum that keeps what rounding loses and adds it at the end.
///
/// Source: Neumaier's variant of Kahan summation, in the form of Prometheus's `kahansum.Inc`; the order of
/// the operations matters, since results are compared bit by bit.
struct CompensatedSum {
    /// The sum so far, rounded.
    var sum = 0.0
    /// What rounding lost.
    var compensation = 0.0

    /// The sum of nothing.
    init() {}

    /// A running sum taken up again.
    @inline(__always)
    init(sum: Double, compensation: Double) {
        self.sum = sum
        self.compensation = compensation
    }

    /// Adds `value`.
    @inline(__always)
    mutating func add(_ value: Double) {
        let total = sum + value
        // Which one is larger cannot be foreseen, so it is chosen, not jumped to.
        let isLarger = sum.magnitude >= value.magnitude
        let (larger, smaller) = (isLarger ? sum : value, isLarger ? value : sum)
        let next = compensation + ((larger - total) + smaller)
        compensation = total.isInfinite ? 0 : next
        sum = total
    }

    /// The sum with what rounding lost.
    var value: Double { sum.isInfinite ? sum : sum + compensation }
}

/// The mean of numbers added one by one, summed with compensation.
///
/// As long as the sum is finite it is the sum divided by the count; once the sum would overflow, the mean
/// itself is carried along. Source: Prometheus issue 16714 and `avg_over_time`.
struct CompensatedMean {
    /// The sum, or the mean once the sum would have overflowed.
    private var running = CompensatedSum()
    private var count = 0.0
    private var isIncremental = false

    /// The mean of nothing; `value` makes no sense before the first `add`.
    init() {}

    /// Adds `value`.
    @inline(__always)
    mutating func add(_ value: Double) {
        count += 1
        if count == 1 {
            running.sum = value
            return
        }
        if !isIncremental {
            var next = running
            next.add(value)
            if !next.sum.isInfinite {
                running = next
                return
            }
            isIncremental = true
            running.sum /= count - 1
            running.compensation /= count - 1
        }
        let share = (count - 1) / count
        running.sum *= share
        running.compensation *= share
        running.add(value / count)
    }

    /// The mean.
    var value: Double {
        isIncremental
            ? running.sum + running.compensation : running.sum / count + running.compensation / count
    }
}
