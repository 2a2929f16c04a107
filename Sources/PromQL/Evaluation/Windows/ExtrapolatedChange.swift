import Model

/// `rate`, `increase` and `delta`: the change over the window, extrapolated to its ends.
///
/// Source: Prometheus `extrapolatedRate`. A counter that falls was reset to zero. A window's first and last
/// sample rarely lie at its ends; up to 1.1 of the mean distance of samples the change is taken to go on to
/// the end, else for half that distance, and for a counter never further back than to where it would have
/// been zero.
///
/// Where windows lie, and how far changes in them reach, depends on times alone, and many series have the
/// same: what was found for the last few columns of times is kept (`ChangeWindows`).
struct ExtrapolatedChange: RowKernel {
    /// How many windows are kept for all columns of times together.
    private static let keptWindowCount = 1 << 14
    /// For how many columns of times windows are kept at most.
    private static let keptColumnCount = 32

    private let isCounter: Bool
    /// The length of the window if the result is a change per second.
    private let rangeSeconds: Double?
    /// Whether windows have so much in common that running sums are worth it.
    private let isRunning: Bool
    private let shape: WindowShape
    private let grid: StepGrid

    /// The windows of some columns of times, in no order.
    private var kept: [ChangeWindows] = []
    /// Which of `kept` was used last, and which is replaced next.
    private var current = 0
    private var oldest = 0
    /// Where the counter was reset: the indices of the samples that are below the one before, and behind them
    /// whatever is left of other series.
    private var resets: [Int] = []
    private var resetCount = 0
    /// The sums of what was lost by the resets before each, and by all; empty if they would not be exact.
    private var losses: [Double] = []

    /// The change of a counter or a gauge; per second if the length of the window is given.
    ///
    /// `isRunning` tells whether windows have much in common.
    init(
        isCounter: Bool,
        perSecondOf rangeMillis: Int64?,
        isRunning: Bool,
        _ shape: WindowShape,
        _ grid: StepGrid
    ) {
        self.isCounter = isCounter
        rangeSeconds = rangeMillis.map(Extrapolation.seconds)
        self.isRunning = isRunning
        self.shape = shape
        self.grid = grid
    }

    mutating func evaluate(
        _ samples: SampleColumn,
        into row: inout StepRow,
        _ meter: inout Meter
    ) throws(PromQLError) {
        findResets(samples.values.span)
        try meter.work(samples.count)
        let windows = try windows(in: samples.timestamps, &meter)
        try meter.work(windows.list.count)
        let values = samples.values.span
        if resetCount == 0 {
            windows.fill(&row) { window in
                let start = values[window.first]
                return extrapolated(values[window.last] - start, from: start, window)
            }
            return
        }
        let (resets, losses) = (resets.span, losses.span)
        // The first reset that may lie inside of a window still to come, and the first one behind the window.
        var (firstReset, lastReset) = (0, 0)
        windows.fill(&row) { window in
            let start = values[window.first]
            var change = values[window.last] - start
            while firstReset < resetCount, resets[firstReset] <= window.first { firstReset += 1 }
            if losses.isEmpty {
                var reset = firstReset
                while reset < resetCount, resets[reset] <= window.last {
                    change += values[resets[reset] - 1]
                    reset += 1
                }
            } else {
                lastReset = max(lastReset, firstReset)
                while lastReset < resetCount, resets[lastReset] <= window.last { lastReset += 1 }
                change += losses[lastReset] - losses[firstReset]
            }
            return extrapolated(change, from: start, window)
        }
    }

    /// The change from `start` on over the whole of a window.
    @inline(__always)
    private func extrapolated(_ change: Double, from start: Double, _ window: ChangeWindows.Window) -> Double
    {
        guard isCounter, change > 0, start >= 0 else { return change * window.factor }
        let reach = window.reach
        // Mostly a counter would have been zero long before the window. Both products may be off by their
        // last bits only, so that nothing needs to be divided where they differ by more.
        if start * reach.sampled > change * reach.toStart * 1.000_001, change >= 1e-290 {
            return change * window.factor
        }
        let toZero = reach.toZero(from: start, change)
        guard toZero < reach.toStart else { return change * window.factor }
        return change * reach.factor(toStart: toZero, perRangeOf: rangeSeconds)
    }

    // MARK: - Windows

    /// The windows of a series with samples at `times`.
    private mutating func windows(in times: [Int64], _ meter: inout Meter) throws(PromQLError)
        -> ChangeWindows
    {
        if let place = keptPlace(of: times) {
            current = place
            return kept[place]
        }
        try meter.work(grid.count)
        let room = ExtrapolatedChange.keptWindowCount / max(1, grid.count)
        if kept.count < max(1, min(ExtrapolatedChange.keptColumnCount, room)) {
            kept.append(ChangeWindows())
            current = kept.count - 1
        } else {
            current = oldest
            oldest = (oldest + 1) % kept.count
        }
        kept[current].find(in: times, shape, grid, perRangeOf: rangeSeconds)
        return kept[current]
    }

    private func keptPlace(of times: [Int64]) -> Int? {
        if current < kept.count, kept[current].times == times { return current }
        return kept.firstIndex { $0.times == times }
    }

    // MARK: - Resets

    private mutating func findResets(_ values: Span<Double>) {
        resetCount = 0
        guard isCounter, ExtrapolatedChange.falls(values) else { return }
        losses.removeAll(keepingCapacity: true)
        if resets.count < values.count { resets = [Int](repeating: 0, count: values.count) }
        var found = 0
        var places = resets.mutableSpan
        var previous = Double.nan
        // Where a counter falls cannot be foreseen, so the place is always written and only kept if it fell.
        for index in values.indices {
            let value = values[index]
            places[found] = index
            found &+= value < previous ? 1 : 0
            previous = value
        }
        resetCount = found
        guard isRunning, resetCount > values.count / 8, WholeNumbers.areExact(values) else { return }
        losses.reserveCapacity(resetCount + 1)
        var total = 0.0
        losses.append(total)
        for reset in 0..<resetCount {
            total += values[resets[reset] - 1]
            losses.append(total)
        }
    }

    /// Whether any sample is below the one before.
    ///
    /// Most counters never fall, and this is asked for several samples at once.
    private static func falls(_ values: Span<Double>) -> Bool {
        guard values.count > 1 else { return false }
        var any = SIMD4<Int64>.zero
        var index = 1
        while index + 4 <= values.count {
            let before = SIMD4(values[index &- 1], values[index], values[index &+ 1], values[index &+ 2])
            let after = SIMD4(values[index], values[index &+ 1], values[index &+ 2], values[index &+ 3])
            any.replace(with: 1, where: after .< before)
            index += 4
        }
        while index < values.count {
            if values[index] < values[index &- 1] { return true }
            index += 1
        }
        return any != .zero
    }
}
