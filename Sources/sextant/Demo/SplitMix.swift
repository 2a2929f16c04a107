import Foundation

/// A random number generator whose numbers depend on its seed alone.
///
/// Source: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// A generator for one place of a table: other numbers for each seed, row and column.
    init(seed: UInt64, row: Int64, column: Int) {
        var mix = SplitMix(seed: seed)
        mix.state ^= mix.next() &+ UInt64(bitPattern: row)
        mix.state ^= mix.next() &+ UInt64(truncatingIfNeeded: column)
        state = mix.next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number of 0 to 1, 1 left out.
    mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number around 0 with a standard deviation of about 1 (the sum of twelve fractions, less six).
    mutating func bell() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += fraction() }
        return sum
    }

    /// How many events happen where `mean` are expected (Poisson; by the normal law if there are many).
    mutating func eventCount(mean: Double) -> Int {
        guard mean > 0 else { return 0 }
        guard mean < 30 else { return max(0, Int((mean + mean.squareRoot() * bell()).rounded())) }
        var probability = 1.0
        var term = 1.0
        var count = 0
        // The sum of mean^n / n! reaches u * e^mean; a sum that stops growing has reached it.
        let target = fraction() * exp(mean)
        while probability < target, count < 200 {
            count += 1
            term *= mean / Double(count)
            probability += term
        }
        return count
    }

    /// How many of `count` events turn out well, each with the chance `part` (0 to 1).
    mutating func successCount(of count: Int, part: Double) -> Int {
        guard count > 200 else {
            var successes = 0
            for _ in 0..<max(0, count) where fraction() < part { successes += 1 }
            return successes
        }
        let mean = Double(count) * part
        let drawn = mean + (mean * max(0, 1 - part)).squareRoot() * bell()
        return min(count, max(0, Int(drawn.rounded())))
    }
}
