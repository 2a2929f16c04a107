import Model

// Ranges with `anchored` or `smoothed`, whose windows have a margin of neighbours (`WindowShape.margin`).
//
// Source: Prometheus proposal PROM-52 and `extendedRate`, `extendFloats`, `smoothSeries` of its engine.

extension Window {
    /// The last sample that is not behind the window's start, or else the first one.
    func anchor(_ samples: SampleColumn) -> Int {
        let inside = samples.timestamps[low..<high - 1].partitioningIndex { $0 > start }
        return max(low, inside - 1)
    }

    /// The first sample that is not before the window's end, or else the last one.
    func closing(_ samples: SampleColumn) -> Int {
        samples.timestamps[low..<high - 1].partitioningIndex { $0 >= end }
    }
}

extension SampleColumn {
    /// The value at `time` on the line between the samples `index` and `index + 1`; a counter that falls
    /// between them starts again from 0.
    func interpolated(_ index: Int, at time: Int64, isCounter: Bool) -> Double {
        var first = values[index]
        let second = values[index + 1]
        if isCounter, second < first { first = 0 }
        let distance = Double(timestamps[index + 1] - timestamps[index])
        return first + (second - first) * Double(time - timestamps[index]) / distance
    }
}

/// `rate`, `increase` and `delta` over an extended range: the change from edge to edge, without
/// extrapolation.
///
/// An anchored range has the values of the last samples at or before its edges, as far as they are no older
/// than the lookback, or else of the first one inside. A smoothed one has values interpolated at its edges.
struct EdgeChange: WindowFunction {
    private let isCounter: Bool
    private let isSmoothed: Bool
    /// The length of the window if the result is a change per second.
    private let rangeSeconds: Double?

    /// The change of a counter or a gauge; per second if the length of the window is given.
    init(isCounter: Bool, isSmoothed: Bool, perSecondOf rangeMillis: Int64?) {
        self.isCounter = isCounter
        self.isSmoothed = isSmoothed
        rangeSeconds = rangeMillis.map(Extrapolation.seconds(millis:))
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        var first = window.anchor(samples)
        var last = isSmoothed ? window.closing(samples) : window.high - 1
        guard samples.timestamps[last] > window.start else { return nil }
        if isSmoothed, samples.timestamps[first] > window.end { return nil }
        var left = samples.values[first]
        var right = samples.values[last]
        if isSmoothed, samples.timestamps[first] < window.start {
            left = samples.interpolated(first, at: window.start, isCounter: isCounter)
        }
        if isSmoothed, last > window.low, samples.timestamps[last] > window.end {
            right = samples.interpolated(last - 1, at: window.end, isCounter: isCounter)
        }
        var change = right - left
        if isCounter {
            // What lies on an edge or beyond is in the values of the edges already.
            if samples.timestamps[first] <= window.start { first += 1 }
            if samples.timestamps[last] >= window.end { last -= 1 }
            change += EdgeChange.lostByResets(from: left, through: samples, first, last, to: right)
        }
        if let rangeSeconds { change /= rangeSeconds }
        return change
    }

    /// The sum of the values before each fall, on the way over the samples from `first` to `last`.
    private static func lostByResets(
        from left: Double,
        through samples: SampleColumn,
        _ first: Int,
        _ last: Int,
        to right: Double
    ) -> Double {
        var lost = 0.0
        var previous = left
        if first <= last {
            for index in first...last {
                let value = samples.values[index]
                if value < previous { lost += previous }
                previous = value
            }
        }
        return right < previous ? lost + previous : lost
    }
}

/// A function over an anchored range: the samples inside, and the last one before them if the lookback
/// reaches it.
struct Anchored<Inner: WindowFunction>: WindowFunction {
    private var inner: Inner

    /// The function `inner` over an anchored range.
    init(_ inner: Inner) {
        self.inner = inner
    }

    mutating func begin(_ samples: SampleColumn) {
        inner.begin(samples)
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard samples.timestamps[window.high - 1] > window.start else { return nil }
        var anchored = window
        anchored.low = window.anchor(samples)
        return inner.value(anchored, samples)
    }
}

/// A smoothed instant selector: the value at each step, interpolated between the samples around it.
///
/// Without a sample behind the step the one before it counts; without one before it there is no value.
struct SmoothedSampleKernel: RowKernel {
    /// The lookback is the shape's range, and its margin behind the step.
    let shape: WindowShape
    /// The steps.
    let grid: StepGrid

    mutating func evaluate(
        _ samples: SampleColumn,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) {
        try meter.work(samples.count + grid.count)
        let count = samples.count
        var next = 0
        for step in 0..<grid.count {
            let time = shape.end(at: grid.time(step))
            while next < count, samples.timestamps[next] <= time { next += 1 }
            let previous = next - 1
            guard previous >= 0, samples.timestamps[previous] > time - shape.rangeMillis else { continue }
            let isBetween =
                samples.timestamps[previous] < time && next < count
                && samples.timestamps[next] <= time + shape.margin.afterMillis
            row.set(
                step,
                isBetween
                    ? samples.interpolated(previous, at: time, isCounter: false) : samples.values[previous]
            )
        }
    }
}

extension SampleColumn {
    /// Makes the samples of an extended range what the range itself shows: one sample at each edge, with the
    /// values that `EdgeChange` would take, and those inside.
    mutating func extend(_ rangeExtension: RangeExtension, from start: Int64, to end: Int64) {
        let isSmoothed = rangeExtension == .smoothed
        guard !isEmpty else { return }
        var window = Window()
        (window.start, window.end, window.high) = (start, end, count)
        var first = window.anchor(self)
        var last = isSmoothed ? window.closing(self) : count - 1
        guard timestamps[last] > start, !isSmoothed || timestamps[first] <= end else { return removeAll() }
        let isLeftBetween = isSmoothed && timestamps[first] < start
        let left = isLeftBetween ? interpolated(first, at: start, isCounter: false) : values[first]
        let isRightBetween = isSmoothed && last > 0 && timestamps[last] > end
        let right = isRightBetween ? interpolated(last - 1, at: end, isCounter: false) : values[last]
        if timestamps[first] <= start { first += 1 }
        if timestamps[last] >= end { last -= 1 }
        var extended = SampleColumn()
        extended.append(millis: start, value: left)
        if first <= last {
            for index in first...last { extended.append(millis: timestamps[index], value: values[index]) }
        }
        extended.append(millis: end, value: right)
        self = extended
    }
}

extension ArraySlice<Int64> {
    /// The index of the first element that satisfies `isBehind`, which all later ones do too; `endIndex` if
    /// none does.
    fileprivate func partitioningIndex(_ isBehind: (Int64) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isBehind(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
