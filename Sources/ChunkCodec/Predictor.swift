/// Ways to turn integers into small unsigned residuals, docs/formats/chunk.md "Predictors".
///
/// All arithmetic is modulo 2^64. `x` are the integers, `d` their differences.
enum Predictor: UInt8, CaseIterable {
    /// D1: zigzag of `d`.
    case deltas = 0
    /// D2: zigzag of the difference of `d` to the one before, the first to 0.
    case deltasOfDeltas = 1
    /// D1-FOR: `d` above the smallest `d`.
    case rebasedDeltas = 2
    /// D0-FOR: `x - x[0]` above the smallest such offset.
    case rebasedOffsets = 3

    /// The predictors that are worth a try.
    static func candidates(_ effort: EncodingEffort) -> [Predictor] {
        switch effort {
        case .flush: [.deltas, .deltasOfDeltas]
        case .compaction: allCases
        }
    }

    /// Whether a base is stored beside the residuals.
    var hasBase: Bool { self == .rebasedDeltas || self == .rebasedOffsets }

    /// Writes the `count - 1` residuals of `count` >= 1 integers; the answer is the base, 0 if there is none.
    func makeResiduals(
        of integers: UnsafePointer<UInt64>,
        count: Int,
        into residuals: UnsafeMutablePointer<UInt64>
    ) -> UInt64 {
        switch self {
        case .deltas:
            for index in 1..<count {
                residuals[index &- 1] = zigzag(integers[index] &- integers[index &- 1])
            }
            return 0
        case .deltasOfDeltas:
            var previous = integers[0]
            var previousDelta: UInt64 = 0
            for index in 1..<count {
                let delta = integers[index] &- previous
                residuals[index &- 1] = zigzag(delta &- previousDelta)
                previous = integers[index]
                previousDelta = delta
            }
            return 0
        case .rebasedDeltas:
            for index in 1..<count { residuals[index &- 1] = integers[index] &- integers[index &- 1] }
        case .rebasedOffsets:
            let first = integers[0]
            for index in 1..<count { residuals[index &- 1] = integers[index] &- first }
        }
        var base = Int64.max
        for index in 0..<count &- 1 { base = min(base, Int64(bitPattern: residuals[index])) }
        let unsignedBase = UInt64(bitPattern: base)
        for index in 0..<count &- 1 { residuals[index] = residuals[index] &- unsignedBase }
        return unsignedBase
    }
}

/// The way back from residuals to integers, block by block.
struct ResidualDecoder {
    private let predictor: Predictor
    private let base: UInt64
    private let divisor: UInt64
    private let first: UInt64
    private var current: UInt64
    private var delta: UInt64 = 0

    /// A decoder for the integers that follow `first`, all of them `first` plus multiples of `divisor` (>=
    /// 1).
    init(_ predictor: Predictor, first: UInt64, divisor: UInt64, base: UInt64) {
        self.predictor = predictor
        self.base = base
        self.divisor = divisor
        self.first = first
        // With a divisor the predictor worked on quotients, which start at 0.
        current = divisor == 1 ? first : 0
    }

    /// Replaces the next `count` residuals by their integers.
    mutating func decode(_ words: UnsafeMutablePointer<UInt64>, count: Int) {
        var current = current
        switch predictor {
        case .deltas:
            for index in 0..<count {
                current &+= unzigzag(words[index])
                words[index] = current
            }
        case .deltasOfDeltas:
            var delta = delta
            for index in 0..<count {
                delta &+= unzigzag(words[index])
                current &+= delta
                words[index] = current
            }
            self.delta = delta
        case .rebasedDeltas:
            for index in 0..<count {
                current &+= words[index] &+ base
                words[index] = current
            }
        case .rebasedOffsets:
            let start = base &+ current
            for index in 0..<count { words[index] = words[index] &+ start }
        }
        self.current = current
        guard divisor != 1 else { return }
        for index in 0..<count { words[index] = words[index] &* divisor &+ first }
    }
}

@inline(__always)
private func zigzag(_ value: UInt64) -> UInt64 {
    Varint.zigzag(Int64(bitPattern: value))
}

@inline(__always)
private func unzigzag(_ value: UInt64) -> UInt64 {
    (value &>> 1) ^ (0 &- (value & 1))
}
