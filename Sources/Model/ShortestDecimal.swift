/// The shortest decimal that reads back as a number of usual size, straight as bytes.
///
/// Source: Raffaele Giulietti, "The Schubfach way to render doubles" (2020). For the numbers of `range` the
/// powers of ten that it needs fit into 64 bits and are exact.
enum ShortestDecimal {
    /// The numbers that it takes, if they are no integers.
    static let range = 1e-3..<1e15

    /// Appends a number of `range` that is no integer, such as `0.25`.
    static func append(_ value: Double, to out: inout [UInt8]) {
        let (digits, exponent) = decimal(of: value)
        // 24 digits with zeros in front: bytes of a block are in the order of the text.
        let (high, low) = digits.quotientAndRemainder(dividingBy: 10_000_000_000_000_000)
        let (middle, last) = low.quotientAndRemainder(dividingBy: 100_000_000)
        let blocks = (eightDigits(high), eightDigits(middle), eightDigits(last))
        var text = InlineArray<24, UInt8>(repeating: 0)
        for place in 0..<8 {
            let shift = UInt64(place * 8)
            text[place] = UInt8(truncatingIfNeeded: blocks.0 >> shift) | UInt8(ascii: "0")
            text[place + 8] = UInt8(truncatingIfNeeded: blocks.1 >> shift) | UInt8(ascii: "0")
            text[place + 16] = UInt8(truncatingIfNeeded: blocks.2 >> shift) | UInt8(ascii: "0")
        }
        var end = 24
        while text[end - 1] == UInt8(ascii: "0") { end -= 1 }
        let point = 24 + exponent
        var start = 0
        while start < point - 1, text[start] == UInt8(ascii: "0") { start += 1 }
        out.append(addingCapacity: end - start + 1) { span in
            for place in start..<point { span.append(text[place]) }
            span.append(UInt8(ascii: "."))
            for place in point..<end { span.append(text[place]) }
        }
    }

    /// The digits of a number below 10^8, the first one in the lowest byte.
    private static func eightDigits(_ number: UInt64) -> UInt64 {
        // Two lanes of four digits, four of two, eight of one; each division is a multiplication.
        let thousands = (number &* 109_951_163) >> 40
        let fours = thousands | (number &- thousands &* 10_000) << 32
        let hundreds = ((fours &* 10_486) >> 20) & 0x0000_007f_0000_007f
        let twos = hundreds | (fours &- hundreds &* 100) << 16
        let tens = ((twos &* 103) >> 10) & 0x000f_000f_000f_000f
        return tens | (twos &- tens &* 10) << 8
    }

    /// The digits, perhaps with zeros at their end, and the power of ten that they are multiplied by, -19 to
    /// -1.
    private static func decimal(of value: Double) -> (digits: UInt64, exponent: Int) {
        let fraction = value.significandBitPattern
        let mantissa = 1 << 52 | fraction
        let power = Int(value.exponentBitPattern) - 1075
        // Below a power of two numbers lie closer together.
        let isUneven = fraction == 0
        // The floor of log10 of the distance to the next number.
        let exponent = (power * 1_262_611 - (isUneven ? 524_031 : 0)) >> 22
        let shift = UInt64(power + (-exponent * 1_741_647) >> 19 + 1)
        let scale = powersOfTen[-exponent]
        let factor = scale << UInt64(scale.leadingZeroBitCount)
        // In quarters: the number, and the ends of what rounds to it.
        let lower = scaled(factor, (4 * mantissa - (isUneven ? 1 : 2)) << shift) + mantissa & 1
        let exact = scaled(factor, 4 * mantissa << shift)
        let upper = scaled(factor, (4 * mantissa + 2) << shift) - mantissa & 1
        let units = exact / 4
        let tens = units / 10
        let isTenInside = lower <= 40 * tens
        let isNextTenInside = 40 * tens + 40 <= upper
        if isTenInside != isNextTenInside { return (10 * (tens + (isNextTenInside ? 1 : 0)), exponent) }
        let isUnitInside = lower <= 4 * units
        let isNextInside = 4 * units + 4 <= upper
        if isUnitInside != isNextInside { return (units + (isNextInside ? 1 : 0), exponent) }
        let middle = 4 * units + 2
        let isUp = exact > middle || exact == middle && units & 1 == 1
        return (units + (isUp ? 1 : 0), exponent)
    }

    /// The upper half of a product, its last bit set if anything is lost.
    private static func scaled(_ factor: UInt64, _ number: UInt64) -> UInt64 {
        let (high, low) = factor.multipliedFullWidth(by: number)
        return low == 0 ? high : high | 1
    }
}

/// 10^0 to 10^19.
private let powersOfTen: InlineArray<20, UInt64> = [
    1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000, 10_000_000_000,
    100_000_000_000, 1_000_000_000_000, 10_000_000_000_000, 100_000_000_000_000, 1_000_000_000_000_000,
    10_000_000_000_000_000, 100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
]
