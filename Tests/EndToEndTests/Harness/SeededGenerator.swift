import Foundation

/// Random numbers that come again with the same seed (SplitMix64 by Steele, Lea and Flood, 2014).
struct SeededGenerator: RandomNumberGenerator, Sendable {
    /// The seed in `SEXTANT_SEED`, or a new one; a test prints it so that its run can be repeated.
    static var seed: UInt64 {
        ProcessInfo.processInfo.environment["SEXTANT_SEED"].flatMap(UInt64.init) ?? .random(in: 1...(1 << 53))
    }

    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return SeededGenerator.mix(state)
    }

    /// Scatters the bits of `value`: equal for equal values, unlike for neighbours.
    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}
