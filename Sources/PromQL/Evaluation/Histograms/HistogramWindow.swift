import Model

/// Turns the samples of a series that has native histograms into a row, and tells what is to be said about
/// it.
protocol HistogramKernel: RowKernel {
    /// The remarks on the series evaluated last; they still lack the metric's name.
    var remarks: [HistogramWindowRemark] { get }
}

/// A range function over a series with native histograms among its samples.
///
/// Where a window has numbers only, the function's own kernel computes the result, over a column from which
/// the histograms were taken out.
struct HistogramWindow: HistogramKernel {
    let function: RangeFunction
    let rangeExtension: RangeExtension
    let shape: WindowShape
    private let grid: StepGrid
    private var numberKernel: any RowKernel
    private(set) var remarks: [HistogramWindowRemark] = []
    /// For each histogram whether the counter was reset since the one before.
    var isReset: [Bool] = []

    /// The function of `plan` at the steps of `grid`; `kernel` computes it for numbers.
    init(_ plan: WindowPlan, _ kernel: any RowKernel, _ grid: StepGrid) {
        function = plan.function
        rangeExtension = plan.rangeExtension
        shape = plan.shape
        self.grid = grid
        numberKernel = kernel
    }

    mutating func evaluate(_ samples: SampleColumn, into row: inout StepRow, _ meter: inout Meter)
        throws(PromQLError)
    {
        remarks.removeAll()
        findResets(samples.histograms.values)
        try meter.work(samples.count + samples.histograms.heldSampleCount)
        var numbers = StepRow(stepCount: grid.count)
        try numberKernel.evaluate(samples.withoutHistograms, into: &numbers, &meter)
        var window = Window()
        for step in 0..<grid.count {
            window.move(to: step, shape, grid, samples.timestamps.span)
            guard window.low < window.high else { continue }
            let inside = samples.histograms.indices(in: window.indices)
            try meter.work(1 + 8 * inside.count)
            let number = numbers.contains(step) ? numbers.values[step] : nil
            if rangeExtension != .none {
                evaluateExtended(window, samples, number, into: &row)
            } else if inside.isEmpty {
                if let number { row.set(step, number) }
            } else {
                evaluate(window, inside, samples, number, into: &row)
            }
        }
    }

    /// The result of a window with histograms in it; `number` is that of its numbers alone.
    private mutating func evaluate(
        _ window: Window,
        _ inside: Range<Int>,
        _ samples: SampleColumn,
        _ number: Double?,
        into row: inout StepRow
    ) {
        let step = window.step
        let hasNumbers = inside.count < window.count
        switch function {
        case .presentOverTime, .absentOverTime: row.set(step, 1)
        case .countOverTime: row.set(step, Double(window.count))
        case .tsOfFirstOverTime: row.set(step, Double(samples.timestamps[window.low]) / 1000)
        case .tsOfLastOverTime: row.set(step, Double(samples.timestamps[window.high - 1]) / 1000)
        case .firstOverTime: row.set(step, samples, window.low)
        case .lastOverTime: row.set(step, samples, window.high - 1)
        case .changes, .resets: row.set(step, Double(pairCount(window, samples)))
        case .irate, .idelta:
            if let histogram = lastChange(window, samples) {
                row.set(step, histogram)
            } else if let number, bothAreNumbers(window, samples) {
                row.set(step, number)
            }
        case .rate, .increase, .delta, .sumOverTime, .avgOverTime:
            if hasNumbers { return remark(.mixedWithNumbers) }
            let result =
                switch function {
                case .sumOverTime, .avgOverTime: total(samples.histograms.values[inside])
                default: change(window, inside, samples)
                }
            if let result { row.set(step, result) }
        default:
            guard hasNumbers else { return }
            remark(.ignoredInRange)
            if let number { row.set(step, number) }
        }
    }

    /// Notes a remark, once.
    mutating func remark(_ remark: HistogramWindowRemark) {
        if !remarks.contains(remark) { remarks.append(remark) }
    }

    // MARK: - Sums

    /// `sum_over_time` and `avg_over_time`.
    private mutating func total(_ histograms: ArraySlice<NativeHistogram>) -> NativeHistogram? {
        guard let first = histograms.first else { return nil }
        if histograms.contains(where: { $0.counterReset == .reset }),
            histograms.contains(where: { $0.counterReset == .notReset })
        {
            remark(.resetCollision)
        }
        do {
            var (result, isReconciled): (NativeHistogram, Bool)
            if function == .sumOverTime {
                var sum = HistogramSum(first)
                for histogram in histograms.dropFirst() { try sum.add(histogram) }
                (result, isReconciled) = (sum.value, sum.hasReconciledBounds)
            } else {
                var mean = HistogramMean(first)
                for histogram in histograms.dropFirst() { try mean.add(histogram) }
                (result, isReconciled) = (mean.value, mean.hasReconciledBounds)
            }
            if isReconciled { remark(.reconciled(operation: "aggregation")) }
            return result
        } catch {
            remark(.mismatch(error))
            return nil
        }
    }
}

extension SampleColumn {
    /// The samples that are numbers.
    var withoutHistograms: SampleColumn {
        var numbers = SampleColumn()
        var next = 0
        for position in timestamps.indices {
            if next < histograms.count, histograms.positions[next] == position {
                next += 1
            } else {
                numbers.append(millis: timestamps[position], value: values[position])
            }
        }
        return numbers
    }
}

extension StepRow {
    /// Sets the sample at `position` of `samples` as the one at `step`, which is behind all others.
    mutating func set(_ step: Int, _ samples: SampleColumn, _ position: Int) {
        if let histogram = samples.histograms[position] {
            set(step, histogram)
        } else {
            set(step, samples.values[position])
        }
    }
}
