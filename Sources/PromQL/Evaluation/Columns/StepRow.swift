import Model

/// One row under construction: values and the bits that say which are there, and native histograms.
struct StepRow {
    /// A value per step; undefined where the bit is not set.
    var values: [Double]
    /// The bits, as in `StepTable`.
    var present: [UInt64]
    /// The native histograms, by step; where one is, there is no value.
    var histograms = HistogramColumn()

    /// A row without values.
    init(stepCount: Int) {
        values = [Double](repeating: 0, count: stepCount)
        present = [UInt64](repeating: 0, count: (stepCount + 63) / 64)
    }

    /// Removes all values.
    mutating func clear() {
        for word in present.indices { present[word] = 0 }
        if !histograms.isEmpty { histograms.removeAll() }
    }

    /// Sets the value at `step`.
    @inline(__always)
    mutating func set(_ step: Int, _ value: Double) {
        values[step] = value
        present[step >> 6] |= 1 << UInt64(step & 63)
    }

    /// Sets the histogram at `step`, which is behind all others.
    mutating func set(_ step: Int, _ histogram: NativeHistogram) {
        histograms.append(histogram, at: step)
    }

    /// Whether there is a value at `step`.
    @inline(__always)
    func contains(_ step: Int) -> Bool { (present[step >> 6] >> UInt64(step & 63)) & 1 != 0 }

    /// The first step at which there is a value or a histogram, or nil.
    var firstStep: Int? {
        let firstValue = present.firstIndex { $0 != 0 }.map { ($0 << 6) + present[$0].trailingZeroBitCount }
        return [firstValue, histograms.positions.first].compactMap(\.self).min()
    }

    /// Whether there is neither a value nor a histogram.
    var isEmpty: Bool { hasNoValue && histograms.isEmpty }

    /// Whether there is no value.
    var hasNoValue: Bool { present.allSatisfy { $0 == 0 } }

    /// The steps at which there is a value.
    var steps: SetBits { SetBits(present) }
}
