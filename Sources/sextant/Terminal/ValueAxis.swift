import Foundation

/// The scale at the side of a plot: round numbers that enclose the values.
struct ValueAxis: Equatable {
    /// The value at the lower edge.
    let lower: Double
    /// The value at the upper edge, above `lower`.
    let upper: Double
    /// The values that are written, from below, in equal steps.
    let ticks: [Double]

    /// An axis for values from `least` to `greatest` with about `tickCount` ticks.
    init(least: Double, greatest: Double, tickCount: Int) {
        var (low, high) = (least, greatest)
        if !(high - low > 0) {
            let room = low == 0 ? 1 : low.magnitude * 0.1
            (low, high) = (low - room, high + room)
        }
        let exact = (high - low).isFinite ? (high - low) / Double(max(1, tickCount)) : .infinity
        let step = ValueAxis.roundStep(exact)
        let first = (low / step).rounded(.down)
        let count = (high / step).rounded(.up) - first
        guard step.isFinite, step > 0, (1...100).contains(count), (first + 1) * step > first * step else {
            // Too large, too small or too close to each other for round numbers.
            lower = low
            upper = high
            ticks = [lower, upper]
            return
        }
        lower = first * step
        upper = (first + count) * step
        ticks = (0...Int(count)).map { (first + Double($0)) * step }
    }

    /// Where `value` lies, from 0 at the lower edge to 1 at the upper one; nil if it is no number.
    func position(_ value: Double) -> Double? {
        let isLarge = !(upper - lower).isFinite
        let up =
            isLarge ? (value / 2 - lower / 2) / (upper / 2 - lower / 2) : (value - lower) / (upper - lower)
        return up.isFinite ? up : nil
    }

    /// The least of 1, 2, 2.5, 5 and 10, times a power of ten, that is not below `step`.
    private static func roundStep(_ step: Double) -> Double {
        let power = pow(10, log10(step).rounded(.down))
        let factor = [1, 2, 2.5, 5, 10].first { $0 * power >= step * (1 - 1e-9) } ?? 10
        return factor * power
    }
}
