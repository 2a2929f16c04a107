/// The functions over ranges of samples, by their names in PromQL.
enum RangeFunction: String, Hashable, Sendable, CaseIterable {
    case rate, increase, delta, irate, idelta, deriv, changes, resets
    case absentOverTime = "absent_over_time"
    case avgOverTime = "avg_over_time"
    case countOverTime = "count_over_time"
    /// The last value, by the name that VictoriaMetrics gives it; vmalert asks for it.
    case defaultRollup = "default_rollup"
    case doubleExponentialSmoothing = "double_exponential_smoothing"
    case firstOverTime = "first_over_time"
    case lastOverTime = "last_over_time"
    case madOverTime = "mad_over_time"
    case maxOverTime = "max_over_time"
    case minOverTime = "min_over_time"
    case predictLinear = "predict_linear"
    case presentOverTime = "present_over_time"
    case quantileOverTime = "quantile_over_time"
    case stddevOverTime = "stddev_over_time"
    case stdvarOverTime = "stdvar_over_time"
    case sumOverTime = "sum_over_time"
    case tsOfFirstOverTime = "ts_of_first_over_time"
    case tsOfLastOverTime = "ts_of_last_over_time"
    case tsOfMaxOverTime = "ts_of_max_over_time"
    case tsOfMinOverTime = "ts_of_min_over_time"

    /// The number of arguments, the range included.
    var argumentCount: Int {
        switch self {
        case .doubleExponentialSmoothing: 3
        case .predictLinear, .quantileOverTime: 2
        default: 1
        }
    }

    /// Which argument is the range.
    var rangeIndex: Int { self == .quantileOverTime ? 1 : 0 }

    /// Whether the result is no longer the metric it was computed from.
    var dropsName: Bool { ![.firstOverTime, .lastOverTime, .defaultRollup].contains(self) }

    /// Whether it makes sense for counters only.
    var wantsCounter: Bool { self == .rate || self == .increase }

    /// Whether its range may be `anchored` or `smoothed`.
    func takes(_ rangeExtension: RangeExtension) -> Bool {
        switch (rangeExtension, self) {
        case (.none, _), (_, .rate), (_, .increase), (_, .delta): true
        case (.anchored, .changes), (.anchored, .resets): true
        default: false
        }
    }

    /// What computes it for one series after the other, for windows of `shape` at the steps of `grid`.
    ///
    /// `parameters` are the arguments beside the range, in order.
    func kernel(
        _ shape: WindowShape,
        _ grid: StepGrid,
        _ parameters: [ScalarColumn],
        _ rangeExtension: RangeExtension = .none
    ) -> any RowKernel {
        if rangeExtension != .none { return extendedKernel(shape, grid, rangeExtension) }
        func sliding(_ function: some WindowFunction) -> any RowKernel {
            SlidingKernel(function, shape, grid)
        }
        func parameter(_ index: Int) -> ScalarColumn {
            index < parameters.count ? parameters[index] : .constant(.nan)
        }
        let overlaps = grid.count > 2 && shape.rangeMillis / 2 > grid.stepMillis
        let overlapsMuch = grid.count > 2 && shape.rangeMillis / 16 > grid.stepMillis
        func change(isCounter: Bool, perSecond: Bool = false) -> any RowKernel {
            let range = perSecond ? shape.rangeMillis : nil
            return ExtrapolatedChange(
                isCounter: isCounter,
                perSecondOf: range,
                isRunning: overlaps,
                shape,
                grid
            )
        }
        func extreme(isMaximum: Bool) -> any RowKernel {
            // A queue costs a branch that cannot be foreseen for each sample.
            overlapsMuch
                ? sliding(Extreme(isMaximum: isMaximum, isTime: false))
                : sliding(ScannedExtreme(isMaximum: isMaximum))
        }
        return switch self {
        case .rate: change(isCounter: true, perSecond: true)
        case .increase: change(isCounter: true)
        case .delta: change(isCounter: false)
        case .irate: sliding(LastChange(isRate: true))
        case .idelta: sliding(LastChange(isRate: false))
        case .deriv: sliding(Slope())
        case .predictLinear: sliding(LinearPrediction(secondsAhead: parameter(0)))
        case .changes: sliding(PairCount(isReset: false))
        case .resets: sliding(PairCount(isReset: true))
        case .sumOverTime: sliding(WindowSum(isMean: false, isRunning: overlaps))
        case .avgOverTime: sliding(WindowSum(isMean: true, isRunning: overlaps))
        case .countOverTime: sliding(SampleCount())
        case .presentOverTime, .absentOverTime: sliding(Presence())
        case .firstOverTime: sliding(EdgeSample(isLast: false, isTime: false))
        case .lastOverTime, .defaultRollup: sliding(EdgeSample(isLast: true, isTime: false))
        case .tsOfFirstOverTime: sliding(EdgeSample(isLast: false, isTime: true))
        case .tsOfLastOverTime: sliding(EdgeSample(isLast: true, isTime: true))
        case .minOverTime: extreme(isMaximum: false)
        case .maxOverTime: extreme(isMaximum: true)
        case .tsOfMinOverTime: sliding(Extreme(isMaximum: false, isTime: true))
        case .tsOfMaxOverTime: sliding(Extreme(isMaximum: true, isTime: true))
        case .stdvarOverTime: sliding(Variance(isDeviation: false))
        case .stddevOverTime: sliding(Variance(isDeviation: true))
        case .quantileOverTime: sliding(WindowQuantile(phi: parameter(0)))
        case .madOverTime: sliding(MedianDeviation())
        case .doubleExponentialSmoothing: sliding(Smoothing(level: parameter(0), trend: parameter(1)))
        }
    }

    /// The same for a range that is `anchored` or `smoothed`.
    private func extendedKernel(
        _ shape: WindowShape,
        _ grid: StepGrid,
        _ rangeExtension: RangeExtension
    ) -> any RowKernel {
        let isSmoothed = rangeExtension == .smoothed
        func change(isCounter: Bool, perSecond: Bool = false) -> any RowKernel {
            let function = EdgeChange(
                isCounter: isCounter,
                isSmoothed: isSmoothed,
                perSecondOf: perSecond ? shape.rangeMillis : nil
            )
            return SlidingKernel(function, shape, grid)
        }
        return switch self {
        case .rate: change(isCounter: true, perSecond: true)
        case .increase: change(isCounter: true)
        case .delta: change(isCounter: false)
        case .changes: SlidingKernel(Anchored(PairCount(isReset: false)), shape, grid)
        case .resets: SlidingKernel(Anchored(PairCount(isReset: true)), shape, grid)
        default: preconditionFailure("BUG: \(rawValue) over an extended range")
        }
    }
}
