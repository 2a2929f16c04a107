import Model

/// Turns the samples of one series into a row of a table.
///
/// A kernel may keep buffers between series, but nothing else: each worker of a parallel evaluation has its
/// own.
protocol RowKernel: Sendable {
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

    /// How far both ends moved last: regular samples move them by as much each time.
    private var lowStride = 0
    private var highStride = 0

    /// Moves on to a later step of `grid`; `times` are those of all samples.
    @inline(__always)
    mutating func move(to step: Int, _ shape: WindowShape, _ grid: StepGrid, _ times: Span<Int64>) {
        self.step = step
        time = grid.time(step)
        end = shape.end(at: time)
        start = end - shape.rangeMillis
        let (after, through) = (start - shape.margin.beforeMillis, end + shape.margin.afterMillis)
        let (lowBefore, highBefore) = (low, high)
        high = Window.end(through, times, from: high, to: times.count, highStride)
        low = Window.end(after, times, from: low, to: high, lowStride)
        (lowStride, highStride) = (low - lowBefore, high - highBefore)
    }

    /// The first place from `start` on, `limit` at most, whose time is behind `millis`; likely so many places
    /// further.
    @inline(__always)
    private static func end(
        _ millis: Int64,
        _ times: Span<Int64>,
        from start: Int,
        to limit: Int,
        _ stride: Int
    ) -> Int {
        var place = start
        let likely = start + stride
        if stride > 1, likely <= limit, times[likely - 1] <= millis { place = likely }
        while place < limit, times[place] <= millis { place += 1 }
        return place
    }
}

/// A function of the samples in a window that slides over a series.
///
/// The windows of a series come in order: neither end ever moves back. So a function can keep a running state
/// as long as that is exact; where running sums would lose bits, it scans the window.
protocol WindowFunction: Sendable {
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
        var window = Window()
        let times = samples.timestamps.span
        for step in 0..<grid.count {
            window.move(to: step, shape, grid, times)
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
    /// Whether native histograms are an error.
    var refusesHistograms = false

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
            if refusesHistograms, samples.histograms[next - 1] != nil {
                throw .execution("info metrics must have float samples, not native histograms")
            }
            if isTime {
                row.set(step, Double(time) / 1000)
            } else if samples.histograms.isEmpty {
                row.set(step, value)
            } else {
                row.set(step, samples, next - 1)
            }
        }
    }
}

extension SampleColumn {
    /// Removes the staleness markers, which ranges do not see.
    mutating func removeStaleMarkers() {
        guard let first = SampleColumn.firstStaleMarker(in: values.span) else { return }
        var kept = first
        if !histograms.isEmpty {
            let markers = values.indices.filter { StaleMarker.matches(values[$0]) }
            var moved = HistogramColumn()
            var before = 0
            for (position, histogram) in zip(histograms.positions, histograms.values) {
                while before < markers.count, markers[before] < position { before += 1 }
                moved.append(histogram, at: position - before)
            }
            histograms = moved
        }
        for index in first..<values.count where !StaleMarker.matches(values[index]) {
            values[kept] = values[index]
            timestamps[kept] = timestamps[index]
            kept += 1
        }
        values.removeLast(values.count - kept)
        timestamps.removeLast(timestamps.count - kept)
    }
    /// The first staleness marker; mostly there is none, and several values are looked at at once.
    private static func firstStaleMarker(in values: Span<Double>) -> Int? {
        var index = 0
        while index + 16 <= values.count {
            var anyMarker = SIMD4<UInt64>.zero
            for part in 0..<4 {
                let start = index &+ 4 &* part
                let bits = SIMD4(
                    values[start].bitPattern,
                    values[start &+ 1].bitPattern,
                    values[start &+ 2].bitPattern,
                    values[start &+ 3].bitPattern
                )
                anyMarker.replace(with: 1, where: bits .== StaleMarker.bitPattern)
            }
            if anyMarker != .zero { break }
            index += 16
        }
        while index < values.count {
            if StaleMarker.matches(values[index]) { return index }
            index += 1
        }
        return nil
    }
}
