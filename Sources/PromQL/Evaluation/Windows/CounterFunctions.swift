import Model

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
