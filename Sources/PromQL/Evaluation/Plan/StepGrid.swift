/// The times an expression is evaluated at: `start`, `start + stepMillis`, and so on, `count` of them.
struct StepGrid: Hashable {
    /// The first time, milliseconds since the epoch.
    var start: Int64
    /// The distance of the times, positive.
    var stepMillis: Int64
    /// How many times; 0 if there is none.
    var count: Int

    /// The grid of a single time.
    init(instant: Int64) {
        start = instant
        stepMillis = 1
        count = 1
    }

    /// The times from `start` on that are not after `end`; nil if there are more than Int64 can tell.
    init?(start: Int64, end: Int64, stepMillis: Int64) {
        self.start = start
        self.stepMillis = stepMillis
        let (length, overflow) = end.subtractingReportingOverflow(start)
        guard !overflow, stepMillis > 0 else { return nil }
        count = length < 0 ? 0 : Int(length / stepMillis) + 1
    }

    /// The time of the step `index`.
    @inline(__always)
    func time(_ index: Int) -> Int64 { start + Int64(index) * stepMillis }

    /// The last time; `start` if there is none.
    var last: Int64 { count == 0 ? start : time(count - 1) }

    /// The grid of the first time alone.
    var first: StepGrid { StepGrid(instant: start) }
}

/// Where a selector or a subquery looks, seen from the time of a step.
struct WindowShape: Hashable {
    /// How far back from the reference time the window reaches (left-open); for an instant selector the
    /// lookback.
    var rangeMillis: Int64
    /// How far before the step the reference time lies; may be negative.
    var offsetMillis: Int64
    /// The time that `@` fixes in place of the step's.
    var fixedMillis: Int64?
    /// How far beyond both ends of the window samples are read (`anchored`, `smoothed`).
    var margin = WindowMargin()

    /// The end of the window of the step at `time`; samples at this time are inside.
    @inline(__always)
    func end(at time: Int64) -> Int64 { (fixedMillis ?? time) - offsetMillis }

    /// Where `timestamp(x @ t offset d)` looks.
    ///
    /// As in Prometheus, of the samples that the selector finds only those that it would also find without
    /// the offset.
    var forTimestamps: WindowShape {
        guard fixedMillis != nil else { return self }
        var shape = self
        shape.rangeMillis = max(0, rangeMillis - Int64(clamping: offsetMillis.magnitude))
        shape.offsetMillis = max(0, offsetMillis)
        return shape
    }

    /// The ends of the windows of the first and the last step of `grid`; nil if they or the starts of the
    /// windows are outside of what Int64 can hold, so that kernels need not check.
    func ends(on grid: StepGrid) -> (first: Int64, last: Int64)? {
        let (first, firstOverflow) = (fixedMillis ?? grid.start).subtractingReportingOverflow(offsetMillis)
        let (last, lastOverflow) = (fixedMillis ?? grid.last).subtractingReportingOverflow(offsetMillis)
        let (start, startOverflow) = first.subtractingReportingOverflow(rangeMillis)
        let (_, marginOverflow) = start.subtractingReportingOverflow(margin.beforeMillis)
        let (_, endOverflow) = last.addingReportingOverflow(margin.afterMillis)
        let isOutside = firstOverflow || lastOverflow || startOverflow || marginOverflow || endOverflow
        return isOutside ? nil : (first, last)
    }

    /// The samples that the windows of all steps of `grid` look at: those after the first time and not after
    /// the second; nil as for `ends`.
    func reach(on grid: StepGrid) -> (after: Int64, through: Int64)? {
        guard let ends = ends(on: grid) else { return nil }
        return (ends.first - rangeMillis - margin.beforeMillis, ends.last + margin.afterMillis)
    }
}

/// How far beyond a window its neighbours are looked for.
struct WindowMargin: Hashable {
    /// Before its start, left-open like the window.
    var beforeMillis: Int64 = 0
    /// Behind its end.
    var afterMillis: Int64 = 0
}
