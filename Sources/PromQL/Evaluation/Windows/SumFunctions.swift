import Model

/// `sum_over_time` and `avg_over_time`.
///
/// Prometheus sums with compensation, so the last bits depend on the order and on where the sum starts. If
/// all values are whole numbers and stay below 2^51 added up, every sum is exact, and the sum of a window is
/// the difference of two running sums; else the window is scanned.
struct WindowSum: WindowFunction {
    /// Whole numbers up to here, and all sums of them up to here, are exact.
    private static let exactLimit = 0x1p51
    /// Added to a number below `exactLimit` and taken away again, it rounds the number to a whole one.
    private static let rounding = 0x1.8p52

    private let isMean: Bool
    /// Whether windows have so much in common that running sums are worth it.
    private let isRunning: Bool
    /// The sums of the values before each sample, and of all; empty if they would not be exact.
    private var totals: [Double] = []

    /// The mean, or the sum, of windows that have much in common (`isRunning`) or not.
    init(isMean: Bool, isRunning: Bool) {
        self.isMean = isMean
        self.isRunning = isRunning
    }

    mutating func begin(_ samples: SampleColumn) {
        totals.removeAll(keepingCapacity: true)
        guard isRunning else { return }
        totals.reserveCapacity(samples.count + 1)
        var total = 0.0
        var magnitude = 0.0
        for value in samples.values {
            totals.append(total)
            total += value
            magnitude += value.magnitude
            // Written so that NaN fails too.
            let whole = (value + WindowSum.rounding) - WindowSum.rounding
            guard whole == value, magnitude < WindowSum.exactLimit else {
                totals.removeAll(keepingCapacity: true)
                return
            }
        }
        totals.append(total)
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        if !totals.isEmpty {
            let sum = totals[window.high] - totals[window.low]
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
