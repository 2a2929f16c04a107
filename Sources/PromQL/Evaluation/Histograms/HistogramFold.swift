import Model

/// `sum` and `avg` of native histograms, beside the fold of numbers of the same aggregation.
struct HistogramFold {
    /// The histograms of a group at one step.
    private enum State {
        case none
        case sum(HistogramSum)
        case mean(HistogramMean)
        /// They cannot be added up.
        case mismatch
    }

    /// What the histograms of a group say about resets.
    private struct Resets {
        var isTold = false
        var isDenied = false
    }

    private let stepCount: Int
    private let isMean: Bool
    private var states: [State] = []
    private var resets: [Resets] = []

    /// Whether resets of counters contradict each other in a group.
    private(set) var hasCollision = false

    /// Sums, or means, at `stepCount` steps.
    init(stepCount: Int, isMean: Bool) {
        self.stepCount = stepCount
        self.isMean = isMean
    }

    /// Adds a histogram to a group.
    mutating func add(_ histogram: NativeHistogram, _ group: Int, _ step: Int) throws(HistogramMismatch) {
        let place = group * stepCount + step
        if place >= states.count {
            let missing = (group + 1) * stepCount - states.count
            states.append(contentsOf: repeatElement(.none, count: missing))
            resets.append(contentsOf: repeatElement(Resets(), count: missing))
        }
        if histogram.counterReset == .reset { resets[place].isTold = true }
        if histogram.counterReset == .notReset { resets[place].isDenied = true }
        if resets[place].isTold && resets[place].isDenied { hasCollision = true }
        let state = states[place]
        states[place] = .mismatch
        switch state {
        case .none:
            states[place] = isMean ? .mean(HistogramMean(histogram)) : .sum(HistogramSum(histogram))
        case .sum(var sum):
            try sum.add(histogram)
            states[place] = .sum(sum)
        case .mean(var mean):
            try mean.add(histogram)
            states[place] = .mean(mean)
        case .mismatch: break
        }
    }

    /// Whether a group has histograms at a step.
    func isPresent(_ group: Int, _ step: Int) -> Bool {
        let place = group * stepCount + step
        guard place < states.count else { return false }
        if case .none = states[place] { return false }
        return true
    }

    /// The result of a group at a step, and whether custom bounds were left out; nil if there is none.
    func result(_ group: Int, _ step: Int) -> (NativeHistogram, hasReconciledBounds: Bool)? {
        let place = group * stepCount + step
        guard place < states.count else { return nil }
        switch states[place] {
        case .none, .mismatch: return nil
        case .sum(let sum): return (sum.value.compacted, sum.hasReconciledBounds)
        case .mean(let mean): return (mean.value.compacted, mean.hasReconciledBounds)
        }
    }
}
