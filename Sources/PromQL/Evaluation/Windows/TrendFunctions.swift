import Model

/// A straight line through samples by least squares.
///
/// Source: Prometheus `linearRegression`: sums with compensation; samples that are all equal give that value.
struct Regression {
    /// The rise per second.
    let slope: Double
    /// The value of the line at the origin.
    let intercept: Double

    /// The line through the samples of `window`, times counted from `origin`.
    init(_ window: Window, _ samples: SampleColumn, origin: Int64) {
        var (sumX, sumY, sumXY, sumXX) = (
            CompensatedSum(), CompensatedSum(), CompensatedSum(), CompensatedSum()
        )
        let first = samples.values[window.low]
        var isConstant = true
        for index in window.indices {
            let y = samples.values[index]
            if index > window.low, y != first { isConstant = false }
            let x = Double(samples.timestamps[index] - origin) / 1000
            sumX.add(x)
            sumY.add(y)
            sumXY.add(x * y)
            sumXX.add(x * x)
        }
        if isConstant {
            slope = first.isInfinite ? .nan : 0
            intercept = first.isInfinite ? .nan : first
            return
        }
        let count = Double(window.count)
        let x = sumX.sum + sumX.compensation
        let y = sumY.sum + sumY.compensation
        let xy = sumXY.sum + sumXY.compensation
        let xx = sumXX.sum + sumXX.compensation
        let covariance = xy - x * y / count
        let variance = xx - x * x / count
        slope = covariance / variance
        intercept = y / count - slope * x / count
    }
}

/// `deriv`: the rise per second of the line through the samples.
struct Slope: WindowFunction {
    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard window.count >= 2 else { return nil }
        return Regression(window, samples, origin: samples.timestamps[window.low]).slope
    }
}

/// `predict_linear`: the value of the line through the samples some time after the step.
struct LinearPrediction: WindowFunction {
    /// How many seconds after the step.
    let secondsAhead: ScalarColumn

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard window.count >= 2 else { return nil }
        let line = Regression(window, samples, origin: window.time)
        return line.slope * secondsAhead[window.step] + line.intercept
    }
}

/// `double_exponential_smoothing`: Holt's method, the last smoothed level.
///
/// Source: https://en.wikipedia.org/wiki/Exponential_smoothing, in the order of Prometheus's operations.
struct Smoothing: WindowFunction {
    /// The smoothing factor, between 0 and 1.
    let level: ScalarColumn
    /// The trend factor, between 0 and 1.
    let trend: ScalarColumn

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard window.count >= 2 else { return nil }
        let (levelFactor, trendFactor) = (level[window.step], trend[window.step])
        var previous = 0.0
        var smoothed = samples.values[window.low]
        var slope = samples.values[window.low + 1] - smoothed
        for index in window.low + 1..<window.high {
            let scaled = levelFactor * samples.values[index]
            if index > window.low + 1 {
                slope = trendFactor * (smoothed - previous) + (1 - trendFactor) * slope
            }
            let next = scaled + (1 - levelFactor) * (smoothed + slope)
            (previous, smoothed) = (smoothed, next)
        }
        return smoothed
    }
}
