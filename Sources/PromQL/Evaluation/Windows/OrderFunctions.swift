import Model

/// `first_over_time`, `last_over_time`, and the times of these samples.
struct EdgeSample: WindowFunction {
    private let isLast: Bool
    private let isTime: Bool

    /// The last or the first sample, its time in seconds or its value.
    init(isLast: Bool, isTime: Bool) {
        self.isLast = isLast
        self.isTime = isTime
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        let index = isLast ? window.high - 1 : window.low
        return isTime ? Double(samples.timestamps[index]) / 1000 : samples.values[index]
    }
}

/// `min_over_time`, `max_over_time`, and the times of these samples.
///
/// NaN counts only where there is nothing else. Of equal values Prometheus reports the time of the last.
///
/// The candidates of a window form a queue in which values only get worse towards the end: a new sample
/// removes from the end those it beats. Each sample enters and leaves once.
struct Extreme: WindowFunction {
    private let isMaximum: Bool
    private let isTime: Bool
    /// The indices of the candidates; those before `head` have left.
    private var candidates: [Int] = []
    private var head = 0
    /// The first sample that has not entered.
    private var next = 0

    /// The largest or the smallest sample, its time in seconds or its value.
    init(isMaximum: Bool, isTime: Bool) {
        self.isMaximum = isMaximum
        self.isTime = isTime
    }

    mutating func begin(_ samples: SampleColumn) {
        candidates.removeAll(keepingCapacity: true)
        head = 0
        next = 0
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        next = max(next, window.low)
        while next < window.high {
            enter(next, samples)
            next += 1
        }
        while head < candidates.count, candidates[head] < window.low { head += 1 }
        guard head < candidates.count else {
            return isTime ? Double(samples.timestamps[window.high - 1]) / 1000 : .nan
        }
        let best = candidates[head]
        return isTime ? Double(samples.timestamps[best]) / 1000 : samples.values[best]
    }

    private mutating func enter(_ index: Int, _ samples: SampleColumn) {
        let value = samples.values[index]
        if value.isNaN { return }
        while candidates.count > head, let last = candidates.last {
            let other = samples.values[last]
            let isBeaten = isMaximum ? value > other : value < other
            guard isBeaten || isTime && value == other else { break }
            candidates.removeLast()
        }
        candidates.append(index)
    }
}

/// `min_over_time` and `max_over_time` of windows that have little in common: as `Extreme`, by a scan.
struct ScannedExtreme: WindowFunction {
    private let isMaximum: Bool

    /// The largest or the smallest sample.
    init(isMaximum: Bool) {
        self.isMaximum = isMaximum
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        let values = samples.values.span.extracting(window.indices)
        let extreme = isMaximum ? largest(values) : smallest(values)
        // Which of the two zeros came first, and whether there was any number, only a closer look can tell.
        guard extreme == 0 || extreme.isInfinite else { return extreme }
        for index in values.indices where values[index] == extreme { return values[index] }
        return .nan
    }

    /// The largest number; -Inf if there is none.
    private func largest(_ values: Span<Double>) -> Double {
        // Four at a time, because a comparison waits for the one before.
        let none = -Double.infinity
        var (first, second, third, fourth) = (none, none, none, none)
        var index = 0
        while index &+ 4 <= values.count {
            let (a, b, c, d) = (values[index], values[index &+ 1], values[index &+ 2], values[index &+ 3])
            first = a > first ? a : first
            second = b > second ? b : second
            third = c > third ? c : third
            fourth = d > fourth ? d : fourth
            index &+= 4
        }
        while index < values.count {
            first = values[index] > first ? values[index] : first
            index &+= 1
        }
        return max(max(first, second), max(third, fourth))
    }

    /// The smallest number; Inf if there is none.
    private func smallest(_ values: Span<Double>) -> Double {
        let none = Double.infinity
        var (first, second, third, fourth) = (none, none, none, none)
        var index = 0
        while index &+ 4 <= values.count {
            let (a, b, c, d) = (values[index], values[index &+ 1], values[index &+ 2], values[index &+ 3])
            first = a < first ? a : first
            second = b < second ? b : second
            third = c < third ? c : third
            fourth = d < fourth ? d : fourth
            index &+= 4
        }
        while index < values.count {
            first = values[index] < first ? values[index] : first
            index &+= 1
        }
        return min(min(first, second), min(third, fourth))
    }
}

/// `quantile_over_time`.
struct WindowQuantile: WindowFunction {
    private let phi: ScalarColumn
    private var values: [Double] = []

    /// The quantile φ, which may differ from step to step.
    init(phi: ScalarColumn) {
        self.phi = phi
    }

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        values.removeAll(keepingCapacity: true)
        values.append(contentsOf: samples.values[window.indices])
        return SortedQuantile.of(&values, phi[window.step])
    }
}

/// `mad_over_time`: the median of the distances from the median.
struct MedianDeviation: WindowFunction {
    private var values: [Double] = []

    /// The function, without state.
    init() {}

    mutating func value(_ window: Window, _ samples: SampleColumn) -> Double? {
        values.removeAll(keepingCapacity: true)
        values.append(contentsOf: samples.values[window.indices])
        let median = SortedQuantile.of(&values, 0.5)
        values.removeAll(keepingCapacity: true)
        for index in window.indices { values.append((samples.values[index] - median).magnitude) }
        return SortedQuantile.of(&values, 0.5)
    }
}
