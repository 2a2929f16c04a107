import Model

/// `sum_over_time` and `avg_over_time`.
///
/// Prometheus sums with compensation, so the last bits depend on the order and on where the sum starts. If
/// all values are whole numbers and stay below 2^51 added up, every sum is exact in any order: of windows
/// that have much in common it is the difference of two running sums, of others a plain sum. Else the window
/// is scanned with compensation.
struct WindowSum: WindowFunction {
    private let isMean: Bool
    /// Whether windows have so much in common that running sums are worth it.
    private let isRunning: Bool
    /// Whether sums of values are exact.
    private var isExact = false
    /// The sums of the values before each sample, and of all; empty if they would not be exact.
    private var totals: [Double] = []

    /// The mean, or the sum, of windows that have much in common (`isRunning`) or not.
    init(isMean: Bool, isRunning: Bool) {
        self.isMean = isMean
        self.isRunning = isRunning
    }

    mutating func begin(_ samples: SampleColumn) {
        isExact = WholeNumbers.areExact(samples.values.span)
        totals.removeAll(keepingCapacity: true)
        guard isRunning, isExact else { return }
        totals.append(addingCapacity: samples.count + 1) { span in
            var total = 0.0
            span.append(total)
            for value in samples.values {
                total += value
                span.append(total)
            }
        }
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        if isExact {
            let sum =
                isRunning
                ? totals[window.high] - totals[window.low]
                : WholeNumbers.sum(samples.values.span.extracting(window.indices))
            return isMean ? sum / Double(window.count) : sum
        }
        if isMean {
            var mean = CompensatedMean()
            for index in window.indices { mean.add(samples.values[index]) }
            return mean.value
        }
        var sum = CompensatedSum()
        for index in window.indices { sum.add(samples.values[index]) }
        return sum.value
    }
}

/// Sums of doubles that are whole numbers, which are exact in any order as long as they are small.
enum WholeNumbers {
    /// Whole numbers up to here, and all sums of them up to here, are exact.
    private static let exactLimit = 0x1p51
    /// Added to a number below `exactLimit` and taken away again, it rounds the number to a whole one.
    private static let rounding = 0x1.8p52

    /// Whether all `values` are whole numbers, and so small that no sum of some of them is ever rounded.
    static func areExact(_ values: Span<Double>) -> Bool {
        // Four at a time, because an addition waits for the one before. Sums of magnitudes may be rounded
        // only once they are far above the limit.
        var (first, second, third, fourth) = (0.0, 0.0, 0.0, 0.0)
        var index = 0
        while index &+ 4 <= values.count {
            let (a, b, c, d) = (values[index], values[index &+ 1], values[index &+ 2], values[index &+ 3])
            // Written so that NaN fails too.
            guard isWhole(a), isWhole(b), isWhole(c), isWhole(d) else { return false }
            first += a.magnitude
            second += b.magnitude
            third += c.magnitude
            fourth += d.magnitude
            index &+= 4
        }
        while index < values.count {
            guard isWhole(values[index]) else { return false }
            first += values[index].magnitude
            index &+= 1
        }
        return first + second + third + fourth < exactLimit
    }

    /// The sum of values for which `areExact` holds.
    static func sum(_ values: Span<Double>) -> Double {
        var (first, second, third, fourth) = (0.0, 0.0, 0.0, 0.0)
        var index = 0
        while index &+ 4 <= values.count {
            first += values[index]
            second += values[index &+ 1]
            third += values[index &+ 2]
            fourth += values[index &+ 3]
            index &+= 4
        }
        while index < values.count {
            first += values[index]
            index &+= 1
        }
        return (first + second) + (third + fourth)
    }

    @inline(__always)
    private static func isWhole(_ value: Double) -> Bool { (value + rounding) - rounding == value }
}

/// `stdvar_over_time` and `stddev_over_time`: the population variance and its root.
///
/// Source: Welford's algorithm, with compensated sums as in Prometheus's `varianceOverTime`.
struct Variance: WindowFunction {
    private let isDeviation: Bool

    /// The standard deviation, or the variance.
    init(isDeviation: Bool) {
        self.isDeviation = isDeviation
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        var count = 0.0
        var mean = CompensatedSum()
        var squares = CompensatedSum()
        for index in window.indices {
            let value = samples.values[index]
            count += 1
            let delta = value - (mean.sum + mean.compensation)
            mean.add(delta / count)
            squares.add(delta * (value - (mean.sum + mean.compensation)))
        }
        let variance = (squares.sum + squares.compensation) / count
        return isDeviation ? variance.squareRoot() : variance
    }
}

/// `count_over_time`.
struct SampleCount: WindowFunction {
    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? { Double(window.count) }
}

/// `present_over_time`, and the steps at which `absent_over_time` has no result: 1 where there are samples.
struct Presence: WindowFunction {
    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? { 1 }
}
