import Model

/// A function over ranges of native histograms that can be worked out from the state of a range.
///
/// Its values and remarks are those of `HistogramWindow` over the samples.
struct HistogramStateFunction {
    /// What a state says about the value of the function.
    enum Answer {
        /// The function has no value.
        case nothing
        /// The function has this value.
        case value(Double)
        /// The function has this value.
        case histogram(NativeHistogram)
        /// The state does not tell: the samples have to be read.
        case unknown
    }

    private let function: RangeFunction
    /// What there is to say about the states so far.
    private(set) var remarks: [HistogramWindowRemark] = []

    /// How `function` is worked out from states.
    init(_ function: RangeFunction) {
        self.function = function
    }

    /// The parts of a state that it looks at.
    var parts: WindowParts {
        switch function {
        case .rate, .increase: .increase
        case .delta, .firstOverTime, .lastOverTime: .ends
        case .sumOverTime, .avgOverTime: .sum
        default: []
        }
    }

    /// Forgets the remarks.
    mutating func forgetRemarks() {
        if !remarks.isEmpty { remarks.removeAll() }
    }

    /// Its value over the range that `state` is of: the times behind `start` up to `end`, in milliseconds.
    mutating func value(of state: HistogramState, after start: Int64, through end: Int64) -> Answer {
        guard !state.isEmpty else { return .nothing }
        switch function {
        case .presentOverTime, .absentOverTime: return .value(1)
        case .countOverTime: return .value(Double(state.count))
        case .tsOfFirstOverTime: return .value(Double(state.firstMillis) / 1000)
        case .tsOfLastOverTime: return .value(Double(state.lastMillis) / 1000)
        case .firstOverTime: return .histogram(state.first)
        case .lastOverTime: return .histogram(state.last)
        case .sumOverTime, .avgOverTime: return total(state)
        case .rate, .increase, .delta:
            guard state.count >= 2, let change = change(state) else { return .nothing }
            let extrapolation = Extrapolation(
                after: start,
                through: end,
                firstMillis: state.firstMillis,
                lastMillis: state.lastMillis,
                distanceCount: state.count - 1
            )
            let factor = extrapolation.factor(
                isCounter: false,
                start: 0,
                change: change.count,
                perSecondOf: function == .rate ? end - start : nil
            )
            return .histogram(change.scaled(by: factor))
        default: return .nothing
        }
    }

    // MARK: - Private

    private mutating func remark(_ remark: HistogramWindowRemark) {
        if !remarks.contains(remark) { remarks.append(remark) }
    }

    private mutating func total(_ state: HistogramState) -> Answer {
        if state.marks.isSuperset(of: [.saysReset, .saysNotReset]) { remark(.resetCollision) }
        if let mismatch = state.total.mismatch {
            remark(.mismatch(mismatch))
            return .nothing
        }
        guard var sum = state.total.sum else { return .unknown }
        if state.marks.contains(.uneven), state.last.hasCustomBounds {
            remark(.reconciled(operation: "aggregation"))
        }
        if function == .avgOverTime {
            // The sum of finite numbers may be too large where their mean is not.
            if sum.hasOverflow { return .unknown }
            sum.divide(by: Double(state.count))
        }
        return .histogram(sum.value)
    }

    /// The last histogram minus the first, and for counters plus those before each reset.
    private mutating func change(_ state: HistogramState) -> NativeHistogram? {
        let isCounter = function != .delta
        if isCounter, state.marks.contains(.gauge) { remark(.notCounter) }
        if !isCounter, state.first.counterReset != .gauge || state.last.counterReset != .gauge {
            remark(.notGauge)
        }
        let startsAnew = isCounter && state.marks.contains(.secondIsReset)
        let isOfOneSort =
            (startsAnew || state.first.hasCustomBounds == state.last.hasCustomBounds)
            && !(isCounter && state.marks.isSuperset(of: [.custom, .exponential]))
        guard isOfOneSort else {
            remark(.mismatch(.schemas))
            return nil
        }
        do throws(HistogramMismatch) {
            var result = state.last
            if isCounter { result = result.reduced(to: state.betweenSchema ?? result.schema) }
            if !startsAnew {
                let isReconciled: Bool
                (result, isReconciled) = try result.combined(state.first, isDifference: true)
                if isReconciled { remark(.reconciled(operation: "subtraction")) }
            }
            if isCounter, let mismatch = state.resets.mismatch { throw mismatch }
            if isCounter, let resets = state.resets.sum {
                let isReconciled: Bool
                (result, isReconciled) = try result.combined(resets.value, isDifference: false)
                if isReconciled { remark(.reconciled(operation: "addition")) }
            }
            result.counterReset = .gauge
            return result.compacted
        } catch {
            remark(.mismatch(error))
            return nil
        }
    }
}
