import Model

/// Two neighbouring histograms of a series, between which values are interpolated.
struct HistogramGap {
    /// The earlier one and its time.
    let first: (histogram: NativeHistogram, millis: Int64)
    /// The later one and its time.
    let second: (histogram: NativeHistogram, millis: Int64)

    /// The gap behind the histogram `index` of `samples`.
    init(_ samples: SampleColumn, after index: Int) {
        let all = samples.histograms
        first = (all.values[index], samples.timestamps[all.positions[index]])
        second = (all.values[index + 1], samples.timestamps[all.positions[index + 1]])
    }

    /// The histogram on the line between both; a counter that was reset between them starts again from 0.
    func interpolated(at millis: Int64, isCounter: Bool) throws(HistogramMismatch) -> NativeHistogram {
        guard first.histogram.hasCustomBounds == second.histogram.hasCustomBounds else { throw .schemas }
        let share = Double(millis - first.millis) / Double(second.millis - first.millis)
        if isCounter, second.histogram.isReset(since: first.histogram) {
            return second.histogram.scaled(by: share)
        }
        let change = try second.histogram.combined(first.histogram, isDifference: true).histogram
        return try first.histogram.combined(change.scaled(by: share), isDifference: false).histogram
    }
}

extension HistogramWindow {
    /// The result of a function over an anchored or smoothed range; `number` is that of its numbers alone.
    mutating func evaluateExtended(
        _ window: Window,
        _ samples: SampleColumn,
        _ number: Double?,
        into row: inout StepRow
    ) {
        guard samples.timestamps[window.high - 1] > window.start else { return }
        var window = window
        window.low = window.anchor(samples)
        if function == .changes || function == .resets {
            return row.set(window.step, Double(pairCount(window, samples)))
        }
        let isSmoothed = rangeExtension == .smoothed
        let last = isSmoothed ? window.closing(samples) : window.high - 1
        guard samples.timestamps[last] > window.start,
            !isSmoothed || samples.timestamps[window.low] <= window.end
        else { return }
        window.high = last + 1
        let inside = samples.histograms.indices(in: window.indices)
        if inside.isEmpty {
            if let number { row.set(window.step, number) }
        } else if inside.count < window.count {
            remark(.mixedWithNumbers)
        } else {
            do { row.set(window.step, try edgeChange(window, inside, samples)) } catch {
                remark(.mismatch(error))
            }
        }
    }

    /// The change from edge to edge, without extrapolation, as `EdgeChange` has it for numbers.
    private mutating func edgeChange(_ window: Window, _ inside: Range<Int>, _ samples: SampleColumn)
        throws(HistogramMismatch) -> NativeHistogram
    {
        let all = samples.histograms.values
        let isCounter = function != .delta
        let isSmoothed = rangeExtension == .smoothed
        var (first, last) = (inside.lowerBound, inside.upperBound - 1)
        var (left, right) = (all[first], all[last])
        if isCounter, all[inside].contains(where: { $0.counterReset == .gauge }) { remark(.notCounter) }
        if !isCounter, left.counterReset != .gauge || right.counterReset != .gauge { remark(.notGauge) }
        let firstTime = samples.timestamps[window.low]
        let lastTime = samples.timestamps[window.high - 1]
        if isSmoothed, firstTime < window.start {
            let gap = HistogramGap(samples, after: first)
            left = try gap.interpolated(at: window.start, isCounter: isCounter)
        }
        if isSmoothed, last > first, lastTime > window.end {
            let gap = HistogramGap(samples, after: last - 1)
            right = try gap.interpolated(at: window.end, isCounter: isCounter)
        }
        var change = try combined(right, left, isDifference: true)
        if isCounter {
            // What lies on an edge or beyond is in the values of the edges already.
            if firstTime <= window.start { first += 1 }
            if lastTime >= window.end { last -= 1 }
            var previous = left
            for histogram in (first <= last ? Array(all[first...last]) : []) + [right] {
                if histogram.isReset(since: previous) {
                    change = try combined(change, previous, isDifference: false)
                }
                previous = histogram
            }
        }
        if function == .rate { change = change.divided(by: Extrapolation.seconds(millis: shape.rangeMillis)) }
        change.counterReset = .gauge
        return change.compacted
    }

    private mutating func combined(
        _ left: NativeHistogram,
        _ right: NativeHistogram,
        isDifference: Bool
    ) throws(HistogramMismatch) -> NativeHistogram {
        let (result, isReconciled) = try left.combined(right, isDifference: isDifference)
        if isReconciled { remark(.reconciled(operation: isDifference ? "subtraction" : "addition")) }
        return result
    }
}

/// A smoothed instant selector over a series with native histograms, as `SmoothedSampleKernel` is for
/// numbers.
struct SmoothedHistograms: HistogramKernel {
    /// The lookback is the shape's range, and its margin behind the step.
    let shape: WindowShape
    /// The steps.
    let grid: StepGrid
    private(set) var remarks: [HistogramWindowRemark] = []

    /// The selector on `grid`.
    init(shape: WindowShape, grid: StepGrid) {
        self.shape = shape
        self.grid = grid
    }

    mutating func evaluate(_ samples: SampleColumn, into row: inout StepRow, _ meter: inout Meter)
        throws(PromQLError)
    {
        remarks = []
        var numbers = StepRow(stepCount: grid.count)
        var kernel = SmoothedSampleKernel(shape: shape, grid: grid)
        try kernel.evaluate(samples.withoutHistograms, into: &numbers, &meter)
        var window = Window()
        for step in 0..<grid.count {
            window.move(to: step, shape, grid, samples.timestamps.span)
            try meter.work(16)
            let inside = samples.histograms.indices(in: window.indices)
            if inside.isEmpty {
                if numbers.contains(step) { row.set(step, numbers.values[step]) }
            } else if inside.count < window.count {
                remark(.mixedWithNumbers)
            } else {
                do {
                    if let histogram = try smoothed(window, inside, samples) { row.set(step, histogram) }
                } catch { remark(.mismatch(error)) }
            }
        }
    }

    private func smoothed(_ window: Window, _ inside: Range<Int>, _ samples: SampleColumn)
        throws(HistogramMismatch) -> NativeHistogram?
    {
        let all = samples.histograms.values
        let behind = samples.timestamps[window.indices].firstIndex { $0 > window.end } ?? window.high
        guard behind > window.low else { return nil }
        let previous = inside.lowerBound + behind - 1 - window.low
        guard behind < window.high, samples.timestamps[behind - 1] < window.end else { return all[previous] }
        let isCounter = all[previous].counterReset != .gauge && all[previous + 1].counterReset != .gauge
        let gap = HistogramGap(samples, after: previous)
        return try gap.interpolated(at: window.end, isCounter: isCounter).compacted
    }

    private mutating func remark(_ remark: HistogramWindowRemark) {
        if !remarks.contains(remark) { remarks.append(remark) }
    }
}
