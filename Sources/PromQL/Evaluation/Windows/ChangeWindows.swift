import Model

/// The windows of all steps that have two samples or more, for series with samples at the same times.
struct ChangeWindows {
    /// One window.
    struct Window {
        /// The step.
        let step: Int
        /// The first sample.
        let first: Int
        /// The last sample.
        let last: Int
        /// How far a change in it reaches.
        let reach: Extrapolation
        /// What a change is multiplied with that reaches as far; per second if that is wanted.
        let factor: Double
    }

    /// When the series have samples, in milliseconds.
    private(set) var times: [Int64] = []
    /// The windows, steps rising.
    private(set) var list: [Window] = []
    /// The bits of the steps with a window, as in `StepRow`.
    private var present: [UInt64] = []

    /// No windows.
    init() {}

    /// Finds the windows of series with samples at `times`.
    mutating func find(
        in times: [Int64],
        _ shape: WindowShape,
        _ grid: StepGrid,
        perRangeOf rangeSeconds: Double?
    ) {
        self.times = times
        list.removeAll(keepingCapacity: true)
        list.reserveCapacity(grid.count)
        present = [UInt64](repeating: 0, count: (grid.count + 63) / 64)
        var place = PromQL.Window()
        let span = times.span
        for step in 0..<grid.count {
            place.move(to: step, shape, grid, span)
            guard place.count >= 2 else { continue }
            let (first, last) = (place.low, place.high - 1)
            let reach = Extrapolation(place, span, first, last)
            let window = Window(
                step: step,
                first: first,
                last: last,
                reach: reach,
                factor: reach.factor(toStart: reach.toStart, perRangeOf: rangeSeconds)
            )
            list.append(window)
            present[step >> 6] |= 1 << UInt64(step & 63)
        }
    }

    /// Sets the values of an empty row to what `body` makes of the windows.
    @inline(__always)
    func fill(_ row: inout StepRow, _ body: (Window) -> Double) {
        row.present = present
        var values = row.values.mutableSpan
        let windows = list.span
        for index in windows.indices {
            let window = windows[index]
            values[window.step] = body(window)
        }
    }
}
