import Model

/// Answers the steps of a series from the states of their ranges, where its source has them.
struct StateKernel {
    /// The shortest range that a source is asked about, in milliseconds: shorter ones have no whole bucket.
    private static let leastRangeMillis = 2 * RollupLevel.fiveMinutes.millis
    /// How many ranges a source is asked about at once at most.
    private static let portion = 2048

    private let function: StateFunction
    private let shape: WindowShape
    private let grid: StepGrid
    /// The ranges of some steps, the first of which is `firstStep`.
    private var windows: [TimeRange] = []
    private var firstStep = 0
    private var states: [WindowState] = []

    /// A kernel for the steps of `grid`; nil if `plan` has to see each sample.
    init?(_ plan: WindowPlan, _ grid: StepGrid) {
        guard StateKernel.answers(plan), let function = StateFunction(plan.function), grid.count > 0 else {
            return nil
        }
        self.function = function
        shape = plan.shape
        self.grid = grid
    }

    /// Whether the plan's values can be worked out from states.
    static func answers(_ plan: WindowPlan) -> Bool {
        guard case .selector(let selector) = plan.source, selector.rangeExtension == .none else {
            return false
        }
        return selector.shape.rangeMillis >= leastRangeMillis && StateFunction(plan.function) != nil
    }

    /// How much memory its ranges and states take, in bytes.
    var heldByteCount: Int {
        let count = min(grid.count, StateKernel.portion)
        return count * (MemoryLayout<TimeRange>.stride + MemoryLayout<WindowState>.stride)
    }

    /// Fills `row`, which is empty, with the values of the series at `index`.
    ///
    /// - Returns: Whether that was possible. If not, the row is empty and the samples have to be read.
    mutating func evaluate(
        _ set: any SeriesSet,
        _ index: Int,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) -> Bool {
        var step = 0
        while step < grid.count {
            let steps = step..<min(grid.count, step + StateKernel.portion)
            guard try evaluate(steps, of: set, index, into: &row) else {
                row.clear()
                return false
            }
            try meter.work(steps.count)
            step = steps.upperBound
        }
        return true
    }

    private mutating func evaluate(
        _ steps: Range<Int>,
        of set: any SeriesSet,
        _ index: Int,
        into row: inout StepRow
    ) throws(PromQLError) -> Bool {
        if windows.isEmpty || firstStep != steps.lowerBound { look(at: steps) }
        do {
            guard try set.states(of: index, in: windows, function.parts, into: &states) else { return false }
        } catch { throw .source(error) }
        precondition(states.count == windows.count, "BUG: \(states.count) states of \(windows.count) ranges")
        for (step, state) in zip(steps, states) {
            let end = shape.end(at: grid.time(step))
            switch function.value(of: state, after: end - shape.rangeMillis, through: end) {
            case .nothing: continue
            case .value(let value): row.set(step, value)
            case .unknown: return false
            }
        }
        return true
    }

    private mutating func look(at steps: Range<Int>) {
        firstStep = steps.lowerBound
        windows.removeAll(keepingCapacity: true)
        for step in steps {
            let end = shape.end(at: grid.time(step))
            windows.append(
                TimeRange(
                    Timestamp(millis: end - shape.rangeMillis + 1),
                    Timestamp(millis: end)
                )
            )
        }
    }
}
