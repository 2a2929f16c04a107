import Model

/// Answers the steps of a series from the states of their ranges, where its source has them.
struct StateKernel: Sendable {
    /// How many ranges a source is asked about at once at most.
    private static let portion = 2048

    private let function: StateFunction
    private var histogramFunction: HistogramStateFunction
    private let shape: WindowShape
    private let grid: StepGrid
    /// The ranges of some steps, the first of which is `firstStep`.
    private var windows: [TimeRange] = []
    private var firstStep = 0
    private var states: [WindowState] = []

    /// A kernel for the steps of `grid`; nil if `plan` has to see each sample.
    init?(_ plan: WindowPlan, _ grid: StepGrid) {
        guard StateKernel.answers(plan, grid), let function = StateFunction(plan.function) else { return nil }
        self.function = function
        histogramFunction = HistogramStateFunction(plan.function)
        shape = plan.shape
        self.grid = grid
    }

    /// Whether a source may have states from which the plan's values can be worked out.
    static func answers(_ plan: WindowPlan, _ grid: StepGrid) -> Bool {
        guard grid.count > 0, case .selector(let selector) = plan.source, selector.rangeExtension == .none,
            StateFunction(plan.function) != nil
        else { return false }
        return holdsBucket(selector.shape, grid)
    }

    /// Whether there is a whole bucket in each window.
    private static func holdsBucket(_ shape: WindowShape, _ grid: StepGrid) -> Bool {
        let bucket = RollupLevel.fiveMinutes.millis
        if shape.rangeMillis >= 2 * bucket { return true }
        // A shorter one holds a bucket if it begins with one, or right behind the first time of one.
        let start = (shape.end(at: grid.start) - shape.rangeMillis) % bucket
        return shape.rangeMillis >= bucket && (start == 0 || start == -1 || start == bucket - 1)
            && (grid.count == 1 || grid.stepMillis % bucket == 0)
    }

    /// What is to be said about the native histograms of the series evaluated last.
    var remarks: [HistogramWindowRemark] { histogramFunction.remarks }

    /// How much memory its ranges and states take, in bytes.
    var heldByteCount: Int {
        let count = min(grid.count, StateKernel.portion)
        return count * (MemoryLayout<TimeRange>.stride + MemoryLayout<WindowState>.stride)
    }

    /// Fills `row`, which is empty, with the values of the series at `index`.
    ///
    /// - Returns: Whether that was possible. If not, the row is empty and the samples have to be read.
    mutating func evaluate(
        _ reader: any SeriesReader,
        _ index: Int,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) -> Bool {
        histogramFunction.forgetRemarks()
        do { guard try reader.mayHaveStates(of: index) else { return false } } catch { throw .source(error) }
        let isOfNumbers = try evaluate(into: &row, &meter) { kernel, steps, row throws(PromQLError) in
            try kernel.evaluate(steps, of: reader, index, into: &row)
        }
        if isOfNumbers { return true }
        return try evaluate(into: &row, &meter) { kernel, steps, row throws(PromQLError) in
            try kernel.evaluateHistograms(steps, of: reader, index, into: &row)
        }
    }

    /// Fills `row` portion by portion; empties it if `body` answers false.
    private mutating func evaluate(
        into row: inout StepRow,
        _ meter: inout Meter,
        _ body: (inout StateKernel, Range<Int>, inout StepRow) throws(PromQLError) -> Bool
    ) throws(PromQLError) -> Bool {
        var step = 0
        while step < grid.count {
            let steps = step..<min(grid.count, step + StateKernel.portion)
            guard try body(&self, steps, &row) else {
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
        of reader: any SeriesReader,
        _ index: Int,
        into row: inout StepRow
    ) throws(PromQLError) -> Bool {
        if windows.isEmpty || firstStep != steps.lowerBound { look(at: steps) }
        do {
            let hasStates = try reader.states(of: index, in: windows, function.parts, into: &states)
            guard hasStates else { return false }
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

    /// The same from states of native histograms.
    private mutating func evaluateHistograms(
        _ steps: Range<Int>,
        of reader: any SeriesReader,
        _ index: Int,
        into row: inout StepRow
    ) throws(PromQLError) -> Bool {
        if windows.isEmpty || firstStep != steps.lowerBound { look(at: steps) }
        var isKnown = true
        do {
            let hasStates = try reader.histogramStates(
                of: index,
                in: windows,
                histogramFunction.parts
            ) { place, state in
                let step = steps.lowerBound + place
                let end = shape.end(at: grid.time(step))
                switch histogramFunction.value(of: state, after: end - shape.rangeMillis, through: end) {
                case .nothing: break
                case .value(let value): row.set(step, value)
                case .histogram(let histogram): row.set(step, histogram)
                case .unknown: isKnown = false
                }
            }
            return hasStates && isKnown
        } catch { throw .source(error) }
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
