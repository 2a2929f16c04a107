import Model

/// A sum that carries along what rounding loses, so that sums of parts can be merged.
///
/// Source: Neumaier's variant of Kahan summation. Merging sums of the same parts in the same order gives the
/// same bits; other cuts of the same samples agree within 1e-12.
struct ExactSum: Hashable {
    private var sum = 0.0
    private var lost = 0.0

    /// The sum of nothing.
    init() {}

    /// The sum of the numbers in a stretch.
    init(_ state: WindowState) {
        sum = state.sum
        lost = state.sum.isFinite ? state.compensation : 0
    }

    /// Adds a number.
    @inline(__always)
    mutating func add(_ value: Double) {
        let total = sum + value
        if total.isFinite {
            lost += sum.magnitude >= value.magnitude ? (sum - total) + value : (value - total) + sum
        } else {
            lost = 0
        }
        sum = total
    }

    /// Adds the sum of another part.
    @inline(__always)
    mutating func add(_ other: ExactSum) {
        let rest = lost + other.lost
        lost = 0
        add(other.sum)
        if sum.isFinite { lost += rest }
    }

    /// The sum with what rounding lost.
    var value: Double { sum.isFinite ? sum + lost : sum }
}
