/// A set of steps.
struct StepSet {
    /// The bits, as in `StepTable`.
    var words: [UInt64]
    /// The number of steps of the grid.
    let stepCount: Int

    /// The set without steps.
    init(stepCount: Int) {
        self.init(stepCount: stepCount, words: [UInt64](repeating: 0, count: (stepCount + 63) / 64))
    }

    /// The set with these bits.
    init(stepCount: Int, words: [UInt64]) {
        self.stepCount = stepCount
        self.words = words
    }

    /// All steps.
    static func all(_ stepCount: Int) -> StepSet {
        var set = StepSet(stepCount: stepCount)
        set.invert()
        return set
    }

    /// Whether the set has no step.
    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    /// The first step, or nil.
    var first: Int? {
        words.firstIndex { $0 != 0 }.map { ($0 << 6) + words[$0].trailingZeroBitCount }
    }

    /// The steps, rising.
    var positions: SetBits { SetBits(words) }

    /// Whether `step` belongs to it.
    @inline(__always)
    func contains(_ step: Int) -> Bool { (words[step >> 6] >> UInt64(step & 63)) & 1 != 0 }

    /// Adds `step`.
    @inline(__always)
    mutating func insert(_ step: Int) { words[step >> 6] |= 1 << UInt64(step & 63) }

    /// Adds the steps of `other`.
    mutating func formUnion(_ other: StepSet) { formUnion(other.words.span) }

    /// Adds the steps of `other`, the bits of a row.
    mutating func formUnion(_ other: Span<UInt64>) {
        for word in words.indices { words[word] |= other[word] }
    }

    /// Keeps only the steps that are also in `other`.
    mutating func formIntersection(_ other: StepSet) { formIntersection(other.words.span) }

    /// Keeps only the steps that are also in `other`, the bits of a row.
    mutating func formIntersection(_ other: Span<UInt64>) {
        for word in words.indices { words[word] &= other[word] }
    }

    /// Removes the steps of `other`.
    mutating func subtract(_ other: StepSet) {
        for word in words.indices { words[word] &= ~other.words[word] }
    }

    /// Turns the set into its complement.
    mutating func invert() {
        for word in words.indices { words[word] = ~words[word] }
        let used = stepCount & 63
        if used != 0, let last = words.indices.last { words[last] &= (1 << UInt64(used)) - 1 }
    }
}

/// The positions of the bits that are set, rising.
struct SetBits: Sequence, IteratorProtocol {
    private let words: [UInt64]
    private var index = 0
    private var rest: UInt64

    /// The bits of `words`; bit i of word w has the position 64 w + i.
    init(_ words: [UInt64]) {
        self.words = words
        rest = words.first ?? 0
    }

    /// The next position, or nil behind the last.
    @inline(__always)
    mutating func next() -> Int? {
        while rest == 0 {
            index += 1
            guard index < words.count else { return nil }
            rest = words[index]
        }
        let position = (index << 6) + rest.trailingZeroBitCount
        rest &= rest - 1
        return position
    }
}
