import Model

/// `rate`, `increase` and `delta`: the change over the window, extrapolated to its ends.
///
/// Source: Prometheus `extrapolatedRate`. A counter that falls was reset to zero. A window's first and last
/// sample rarely lie at its ends; up to 1.1 of the mean distance of samples the change is taken to go on to
/// the end, else for half that distance, and for a counter never further back than to where it would have
/// been zero.
struct ExtrapolatedChange: WindowFunction {
    private let isCounter: Bool
    /// The length of the window if the result is a change per second.
    private let rangeSeconds: Double?
    /// Whether windows have so much in common that running sums are worth it.
    private let isRunning: Bool
    /// Where the counter was reset: the indices of the samples that are below the one before, and behind them
    /// whatever is left of other series.
    private var resets: [Int] = []
    private var resetCount = 0
    /// The first of `resets` that may lie inside of a window still to come.
    private var firstReset = 0
    /// The first of `resets` behind the window; only looked at where there are `losses`.
    private var lastReset = 0
    /// The sums of what was lost by the resets before each, and by all; empty if they would not be exact.
    private var losses: [Double] = []

    /// The change of a counter or a gauge; per second if the length of the window is given.
    ///
    /// `isRunning` tells whether windows have much in common.
    init(isCounter: Bool, perSecondOf rangeMillis: Int64?, isRunning: Bool) {
        self.isCounter = isCounter
        rangeSeconds = rangeMillis.map(Extrapolation.seconds)
        self.isRunning = isRunning
    }

    mutating func begin(_ samples: SampleColumn) {
        guard isCounter else { return }
        firstReset = 0
        lastReset = 0
        losses.removeAll(keepingCapacity: true)
        resetCount = 0
        let values = samples.values.span
        guard ExtrapolatedChange.falls(values) else { return }
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
        var any: Int64 = 0
        for index in 1..<values.count { any |= values[index] < values[index &- 1] ? 1 : 0 }
        return any != 0
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard window.count >= 2 else { return nil }
        let firstValue = samples.values[window.low]
        var change = samples.values[window.high - 1] - firstValue
        if isCounter, resetCount > 0 {
            while firstReset < resetCount, resets[firstReset] <= window.low { firstReset += 1 }
            if losses.isEmpty {
                var reset = firstReset
                while reset < resetCount, resets[reset] < window.high {
                    change += samples.values[resets[reset] - 1]
                    reset += 1
                }
            } else {
                lastReset = max(lastReset, firstReset)
                while lastReset < resetCount, resets[lastReset] < window.high { lastReset += 1 }
                change += losses[lastReset] - losses[firstReset]
            }
        }
        let extrapolation = Extrapolation(window, samples.timestamps, window.low, window.high - 1)
        return change
            * extrapolation.factor(
                isCounter: isCounter,
                start: firstValue,
                change: change,
                perRangeOf: rangeSeconds
            )
    }
}

/// By how much a change between two samples is multiplied to reach to both ends of a window.
struct Extrapolation {
    private let toStart: Double
    private let toEnd: Double
    private let sampled: Double
    private let meanDistance: Double

    /// The extrapolation from the samples of `window`, the first and the last of which are given.
    @inline(__always)
    init(_ window: Window, _ timestamps: [Int64], _ first: Int, _ last: Int) {
        self.init(
            after: window.start,
            through: window.end,
            firstMillis: timestamps[first],
            lastMillis: timestamps[last],
            distanceCount: last - first
        )
    }

    /// The extrapolation to the times behind `start` up to `end` from samples between two times.
    @inline(__always)
    init(after start: Int64, through end: Int64, firstMillis: Int64, lastMillis: Int64, distanceCount: Int) {
        toStart = Double(firstMillis - start) / 1000
        toEnd = Double(end - lastMillis) / 1000
        sampled = Double(lastMillis - firstMillis) / 1000
        meanDistance = sampled / Double(distanceCount)
    }

    /// The factor for a change that began at `start`; also divided by a range's length if that is given.
    @inline(__always)
    func factor(isCounter: Bool, start: Double, change: Double, perSecondOf rangeMillis: Int64?) -> Double {
        factor(
            isCounter: isCounter,
            start: start,
            change: change,
            perRangeOf: rangeMillis.map(Extrapolation.seconds)
        )
    }

    /// The factor for a change that began at `start`; also divided by so many seconds if they are given.
    @inline(__always)
    func factor(isCounter: Bool, start: Double, change: Double, perRangeOf rangeSeconds: Double?) -> Double {
        let threshold = meanDistance * 1.1
        var toStart = toStart >= threshold ? meanDistance / 2 : toStart
        if isCounter, change > 0, start >= 0 {
            let toZero = sampled * (start / change)
            if toZero < toStart { toStart = toZero }
        }
        let toEnd = toEnd >= threshold ? meanDistance / 2 : toEnd
        let factor = (sampled + toStart + toEnd) / sampled
        guard let rangeSeconds else { return factor }
        return factor / rangeSeconds
    }

    /// Milliseconds in seconds, rounded as Go's `Duration.Seconds` does.
    @inline(__always)
    static func seconds(millis: Int64) -> Double {
        Double(millis / 1000) + Double(millis % 1000) * 1e6 / 1e9
    }
}

/// `irate` and `idelta`: the change between the last two samples.
struct LastChange: WindowFunction {
    private let isRate: Bool

    /// The change per second of a counter, or the plain change of a gauge.
    init(isRate: Bool) {
        self.isRate = isRate
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        guard window.count >= 2 else { return nil }
        let last = samples.values[window.high - 1]
        let previous = samples.values[window.high - 2]
        let wasReset = isRate && last < previous
        let change = wasReset ? last : last - previous
        guard isRate else { return change }
        let millis = samples.timestamps[window.high - 1] - samples.timestamps[window.high - 2]
        return change / (Double(millis) / 1000)
    }
}

/// `resets` and `changes`: how many samples are below, or differ from, the one before.
struct PairCount: WindowFunction {
    private let isReset: Bool
    /// For each sample how many pairs up to it count; exact, so a window is a difference of two.
    private var totals: [Int] = []

    /// Counts falls (`isReset`) or changes.
    init(isReset: Bool) {
        self.isReset = isReset
    }

    mutating func begin(_ samples: SampleColumn) {
        totals.removeAll(keepingCapacity: true)
        var total = 0
        var previous: Double?
        for value in samples.values {
            if let previous,
                isReset ? value < previous : value != previous && !(value.isNaN && previous.isNaN)
            {
                total += 1
            }
            totals.append(total)
            previous = value
        }
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        Double(totals[window.high - 1] - totals[window.low])
    }
}
