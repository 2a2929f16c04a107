import Model

/// A function over ranges that can be worked out from the state of a range, without its samples.
///
/// | function | parts of the state | a range with a NaN |
/// |---|---|---|
/// | `rate`, `increase` | ends, resets | needs its samples: a NaN hides resets and moves the ends |
/// | `delta`, `first_over_time`, `last_over_time` | ends | needs its samples: the NaN may be at an end |
/// | `sum_over_time`, `avg_over_time` | sum | is NaN |
/// | `min_over_time`, `max_over_time` | extremes | is NaN if there is nothing else in it |
/// | `count_over_time`, `present_over_time`, `absent_over_time` | none | counts NaNs as samples |
/// | `ts_of_first_over_time`, `ts_of_last_over_time` | none | needs its samples |
enum StateFunction: Hashable, CaseIterable {
    case rate, increase, delta, sum, mean, least, greatest, first, last, firstTime, lastTime, count, presence

    /// What a state says about the value of the function.
    enum Answer: Equatable {
        /// The function has no value.
        case nothing
        /// The function has this value.
        case value(Double)
        /// The state does not tell: the samples have to be read.
        case unknown
    }

    /// How `function` is worked out from states; nil if it has to see each sample.
    init?(_ function: RangeFunction) {
        switch function {
        case .rate: self = .rate
        case .increase: self = .increase
        case .delta: self = .delta
        case .sumOverTime: self = .sum
        case .avgOverTime: self = .mean
        case .minOverTime: self = .least
        case .maxOverTime: self = .greatest
        case .firstOverTime: self = .first
        case .lastOverTime, .defaultRollup: self = .last
        case .tsOfFirstOverTime: self = .firstTime
        case .tsOfLastOverTime: self = .lastTime
        case .countOverTime: self = .count
        case .presentOverTime, .absentOverTime: self = .presence
        case .irate, .idelta, .deriv, .changes, .resets, .doubleExponentialSmoothing, .madOverTime,
            .predictLinear, .quantileOverTime, .stddevOverTime, .stdvarOverTime, .tsOfMaxOverTime,
            .tsOfMinOverTime:
            return nil
        }
    }

    /// The parts of a state that it looks at.
    var parts: WindowParts {
        switch self {
        case .rate, .increase: .increase
        case .delta, .first, .last: .ends
        case .sum, .mean: .sum
        case .least, .greatest: .extremes
        case .firstTime, .lastTime, .count, .presence: []
        }
    }

    /// Its value over the range that `state` is of: the times behind `start` up to `end`, in milliseconds.
    ///
    /// The operations are those of the functions over samples, in the same order.
    func value(of state: WindowState, after start: Int64, through end: Int64) -> Answer {
        let sampleCount = state.count + state.nanCount
        guard sampleCount > 0 else { return .nothing }
        let hasNaN = state.nanCount > 0
        switch self {
        case .count: return .value(Double(sampleCount))
        case .presence: return .value(1)
        case .sum: return .value(hasNaN ? .nan : state.total)
        case .mean:
            if hasNaN { return .value(.nan) }
            // The sum of finite numbers may be too large where their mean is not.
            return state.sum.isFinite ? .value(state.total / Double(state.count)) : .unknown
        case .least: return .value(state.isEmpty ? .nan : state.least)
        case .greatest: return .value(state.isEmpty ? .nan : state.greatest)
        case .first: return hasNaN ? .unknown : .value(state.firstValue)
        case .last: return hasNaN ? .unknown : .value(state.lastValue)
        case .firstTime: return hasNaN ? .unknown : .value(Double(state.firstMillis) / 1000)
        case .lastTime: return hasNaN ? .unknown : .value(Double(state.lastMillis) / 1000)
        case .rate, .increase, .delta:
            guard sampleCount > 1 else { return .nothing }
            return hasNaN ? .unknown : .value(change(state, start, end))
        }
    }

    private func change(_ state: WindowState, _ start: Int64, _ end: Int64) -> Double {
        let isCounter = self != .delta
        var change = state.lastValue - state.firstValue
        if isCounter { change = change + state.resetSum + state.resetCompensation }
        let extrapolation = Extrapolation(
            after: start,
            through: end,
            firstMillis: state.firstMillis,
            lastMillis: state.lastMillis,
            distanceCount: state.count - 1
        )
        return change
            * extrapolation.factor(
                isCounter: isCounter,
                start: state.firstValue,
                change: change,
                perSecondOf: self == .rate ? end - start : nil
            )
    }
}
