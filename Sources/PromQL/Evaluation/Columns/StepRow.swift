/// One row under construction: values and the bits that say which are there.
struct StepRow {
    /// A value per step; undefined where the bit is not set.
    var values: [Double]
    /// The bits, as in `StepTable`.
    var present: [UInt64]

    /// A row without values.
    init(stepCount: Int) {
        values = [Double](repeating: 0, count: stepCount)
        present = [UInt64](repeating: 0, count: (stepCount + 63) / 64)
    }

    /// Removes all values.
    mutating func clear() {
        for word in present.indices { present[word] = 0 }
    }

    /// Sets the value at `step`.
    @inline(__always)
    mutating func set(_ step: Int, _ value: Double) {
        values[step] = value
        present[step >> 6] |= 1 << UInt64(step & 63)
    }

    /// Whether there is no value.
    var isEmpty: Bool { present.allSatisfy { $0 == 0 } }

    /// The steps at which there is a value.
    var steps: SetBits { SetBits(present) }
}
