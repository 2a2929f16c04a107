import Model

/// The mean of histograms: the sum divided by the count as long as the sum is finite, then a running mean.
struct HistogramMean {
    private var running: HistogramSum
    private var count = 1.0
    private var isIncremental = false

    /// The mean of one histogram.
    init(_ first: NativeHistogram) {
        running = HistogramSum(first)
    }

    /// Whether custom bounds were left out.
    var hasReconciledBounds: Bool { running.hasReconciledBounds }

    /// Adds a histogram.
    mutating func add(_ other: NativeHistogram) throws(HistogramMismatch) {
        count += 1
        if !isIncremental {
            var next = running
            try next.add(other)
            if !next.hasOverflow {
                running = next
                return
            }
            isIncremental = true
            running.divide(by: count - 1)
        }
        running.scale(by: (count - 1) / count)
        try running.add(other.divided(by: count))
    }

    /// The mean.
    var value: NativeHistogram {
        if isIncremental { return running.value }
        var mean = running
        mean.divide(by: count)
        return mean.value
    }
}

extension HistogramSum {
    /// Whether one of two histograms says that its counter was reset and the other that it was not.
    static func areColliding(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
        left.counterReset == .reset && right.counterReset == .notReset
            || left.counterReset == .notReset && right.counterReset == .reset
    }
}
