import Model

/// Turns the samples of one series into a row of a table.
///
/// A kernel may keep buffers between series, but nothing else: each worker of a parallel evaluation has its
/// own.
protocol RowKernel {
    /// Fills `row`, which is empty, from `samples`.
    mutating func evaluate(_ samples: SampleColumn, into row: inout StepRow, _ meter: inout Meter)
        throws(PromQLError)
}

/// The samples that one step looks at.
///
/// Where the shape has a margin, the samples are those of the window and of the margin, and `start` and `end`
/// still are the window's own.
struct Window {
    /// The step.
    var step = 0
    /// The step's time.
    var time: Int64 = 0
    /// The time after which the window begins.
    var start: Int64 = 0
    /// The last time of the window.
    var end: Int64 = 0
    /// The first sample.
    var low = 0
    /// The first sample behind.
    var high = 0

    /// The number of samples.
    @inline(__always)
    var count: Int { high - low }

    /// The samples.
    @inline(__always)
    var indices: Range<Int> { low..<high }
}

/// A function of the samples in a window that slides over a series.
///
/// The windows of a series come in order: neither end ever moves back. So a function can keep a running state
/// as long as that is exact; where running sums would lose bits, it scans the window.
protocol WindowFunction {
    /// Prepares for the windows of another series; `samples` has no staleness markers.
    mutating func begin(_ samples: SampleColumn)
    /// The result for a window that is not empty, or nil if there is none.
    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double?
}

extension WindowFunction {
    mutating func begin(_ samples: SampleColumn) {}
}

/// Slides a window over a series and applies a function at each step: one pass over samples and steps.
struct SlidingKernel<Function: WindowFunction>: RowKernel {
    private var function: Function
    private let shape: WindowShape
    private let grid: StepGrid

    /// A kernel for `function` on `grid`.
    init(_ function: Function, _ shape: WindowShape, _ grid: StepGrid) {
        self.function = function
        self.shape = shape
        self.grid = grid
    }

    mutating func evaluate(
        _ samples: SampleColumn,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) {
        function.begin(samples)
        try meter.work(samples.count)
        let count = samples.count
        let margin = shape.margin
        var window = Window()
        for step in 0..<grid.count {
            window.step = step
            window.time = grid.time(step)
            window.end = shape.end(at: window.time)
            window.start = window.end - shape.rangeMillis
            let (after, through) = (window.start - margin.beforeMillis, window.end + margin.afterMillis)
            while window.high < count, samples.timestamps[window.high] <= through { window.high += 1 }
            while window.low < window.high, samples.timestamps[window.low] <= after { window.low += 1 }
            try meter.work(window.count + 1)
            guard window.low < window.high else { continue }
            if let value = function.value(window, samples) { row.set(step, value) }
        }
    }
}

/// An instant selector: the newest sample of each step that is no older than the lookback and no staleness
/// marker.
struct NewestSampleKernel: RowKernel {
    /// The lookback is the shape's range.
    let shape: WindowShape
    /// The steps.
    let grid: StepGrid
    /// Whether the result is the sample's time in seconds instead of its value.
    let isTime: Bool

    mutating func evaluate(
        _ samples: SampleColumn,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) {
        try meter.work(samples.count + grid.count)
        let count = samples.count
        var next = 0
        for step in 0..<grid.count {
            let end = shape.end(at: grid.time(step))
            while next < count, samples.timestamps[next] <= end { next += 1 }
            guard next > 0 else { continue }
            let (time, value) = (samples.timestamps[next - 1], samples.values[next - 1])
            guard time > end - shape.rangeMillis, !StaleMarker.matches(value) else { continue }
            row.set(step, isTime ? Double(time) / 1000 : value)
        }
    }
}

extension SampleColumn {
    /// Removes the staleness markers, which ranges do not see.
    mutating func removeStaleMarkers() {
        guard let first = values.firstIndex(where: StaleMarker.matches) else { return }
        var kept = first
        for index in first..<values.count where !StaleMarker.matches(values[index]) {
            values[kept] = values[index]
            timestamps[kept] = timestamps[index]
            kept += 1
        }
        values.removeLast(values.count - kept)
        timestamps.removeLast(timestamps.count - kept)
    }
}
