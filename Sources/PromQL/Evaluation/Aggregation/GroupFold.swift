/// An aggregation that takes series in one at a time, so that they need never be in memory together.
///
/// A fold keeps a state for each group and step. To aggregate in parallel, each worker would have a fold of
/// its own.
protocol GroupFold {
    /// How many samples of the query's budget a group takes per step.
    static var heldPerStep: Int { get }
    /// Makes room for one more group.
    mutating func addGroup()
    /// Takes in the values of a series that are present.
    mutating func add(_ row: StepRow, to group: Int)
    /// The results of all groups, `[group][step]`; called once.
    mutating func finish() -> [Double]
}

extension AggregationOperator {
    /// Whether native histograms count as any other sample.
    var takesAnySample: Bool { [.count, .group, .limitk, .limitRatio, .countValues].contains(self) }

    /// What folds the series into groups, for the operators that can do so.
    func fold(stepCount: Int) -> (any GroupFold)? {
        switch self {
        case .sum: SumFold(stepCount: stepCount)
        case .avg: MeanFold(stepCount: stepCount)
        case .min: ExtremeFold(stepCount: stepCount, isMaximum: false)
        case .max: ExtremeFold(stepCount: stepCount, isMaximum: true)
        case .count: CountFold(stepCount: stepCount)
        case .group: GroupOnlyFold(stepCount: stepCount)
        case .stdvar: VarianceFold(stepCount: stepCount, isDeviation: false)
        case .stddev: VarianceFold(stepCount: stepCount, isDeviation: true)
        case .topk, .bottomk, .quantile, .countValues, .limitk, .limitRatio: nil
        }
    }
}

/// `sum`.
struct SumFold: GroupFold {
    static let heldPerStep = 2
    let stepCount: Int
    private var sums: [CompensatedSum] = []

    init(stepCount: Int) {
        self.stepCount = stepCount
    }

    mutating func addGroup() {
        sums.append(contentsOf: repeatElement(CompensatedSum(), count: stepCount))
    }

    mutating func add(_ row: StepRow, to group: Int) {
        let base = group * stepCount
        for step in row.steps { sums[base + step].add(row.values[step]) }
    }

    mutating func finish() -> [Double] { sums.map { $0.sum + $0.compensation } }
}

/// `avg`.
struct MeanFold: GroupFold {
    static let heldPerStep = 4
    let stepCount: Int
    private var means: [CompensatedMean] = []

    init(stepCount: Int) {
        self.stepCount = stepCount
    }

    mutating func addGroup() {
        means.append(contentsOf: repeatElement(CompensatedMean(), count: stepCount))
    }

    mutating func add(_ row: StepRow, to group: Int) {
        let base = group * stepCount
        for step in row.steps { means[base + step].add(row.values[step]) }
    }

    mutating func finish() -> [Double] { means.map(\.value) }
}

/// `min` and `max`: NaN counts only where there is nothing else.
struct ExtremeFold: GroupFold {
    static let heldPerStep = 1
    let stepCount: Int
    let isMaximum: Bool
    private var extremes: [Double] = []

    init(stepCount: Int, isMaximum: Bool) {
        self.stepCount = stepCount
        self.isMaximum = isMaximum
    }

    mutating func addGroup() {
        extremes.append(contentsOf: repeatElement(.nan, count: stepCount))
    }

    mutating func add(_ row: StepRow, to group: Int) {
        let base = group * stepCount
        if isMaximum {
            for step in row.steps {
                let value = row.values[step]
                if extremes[base + step] < value || extremes[base + step].isNaN {
                    extremes[base + step] = value
                }
            }
        } else {
            for step in row.steps {
                let value = row.values[step]
                if extremes[base + step] > value || extremes[base + step].isNaN {
                    extremes[base + step] = value
                }
            }
        }
    }

    mutating func finish() -> [Double] { extremes }
}

/// `count`, of native histograms too.
struct CountFold: GroupFold {
    static let heldPerStep = 1
    let stepCount: Int
    private var counts: [Double] = []

    init(stepCount: Int) {
        self.stepCount = stepCount
    }

    mutating func addGroup() {
        counts.append(contentsOf: repeatElement(0, count: stepCount))
    }

    mutating func add(_ row: StepRow, to group: Int) {
        let base = group * stepCount
        for step in row.steps { counts[base + step] += 1 }
        for step in row.histograms.positions { counts[base + step] += 1 }
    }

    mutating func finish() -> [Double] { counts }
}

/// `group`: 1 where there is any series.
struct GroupOnlyFold: GroupFold {
    static let heldPerStep = 1
    let stepCount: Int
    private var groupCount = 0

    init(stepCount: Int) {
        self.stepCount = stepCount
    }

    mutating func addGroup() { groupCount += 1 }

    mutating func add(_ row: StepRow, to group: Int) {}

    mutating func finish() -> [Double] { [Double](repeating: 1, count: groupCount * stepCount) }
}

/// `stdvar` and `stddev`: the population variance and its root, by Welford's algorithm.
struct VarianceFold: GroupFold {
    private struct State {
        var count = 0.0
        var mean = 0.0
        var squares = 0.0
    }

    static let heldPerStep = 3
    let stepCount: Int
    let isDeviation: Bool
    private var states: [State] = []

    init(stepCount: Int, isDeviation: Bool) {
        self.stepCount = stepCount
        self.isDeviation = isDeviation
    }

    mutating func addGroup() {
        states.append(contentsOf: repeatElement(State(), count: stepCount))
    }

    mutating func add(_ row: StepRow, to group: Int) {
        let base = group * stepCount
        for step in row.steps {
            let value = row.values[step]
            var state = states[base + step]
            state.count += 1
            let delta = value - state.mean
            // The first value is the mean; NaN and the infinities spoil the group.
            state.mean = state.count == 1 ? value : state.mean + delta / state.count
            if state.count == 1 {
                state.squares = value.isFinite ? 0 : .nan
            } else {
                state.squares += delta * (value - state.mean)
            }
            states[base + step] = state
        }
    }

    mutating func finish() -> [Double] {
        states.map { isDeviation ? ($0.squares / $0.count).squareRoot() : $0.squares / $0.count }
    }
}
