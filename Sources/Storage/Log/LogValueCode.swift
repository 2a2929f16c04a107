/// How the log writes a value: half a byte that says what it is, then as few bytes as that needs.
///
/// A value that is an integer, or one of hundredths or thousandths, is written as the zigzag difference to
/// the value before it in the same series and record if that had the same scale, to zero otherwise. Any other
/// value is written as its eight bytes. Which it is, is decided by whether the same bits come back.
///
/// Format: docs/formats/log.md "Values".
enum LogValueCode {
    /// The scale of a value that is not written as an integer.
    static let noScale = 3
    /// How many bytes follow each code: four bits for each of the sixteen codes, the first lowest.
    private static let byteCounts: UInt64 = 0x8742_7432_1754_3210
    /// The scale of each code: four bits for each of the sixteen codes, the first lowest.
    private static let scales: UInt64 = 0x3222_1111_1000_0000
    /// The code for an integer of 0...7 bytes, four bits each; one table for each scale.
    private static let unitCodes: UInt64 = 0x6654_3210
    private static let hundredthCodes: UInt64 = 0xbbba_9877
    private static let thousandthCodes: UInt64 = 0xeeed_dccc
    private static let rawCode: UInt64 = 15

    /// Adding and taking away this number rounds to an integer, which the low bits of the sum show.
    private static let rounder = 6_755_399_441_055_744.0
    /// Below this size a scaled value can be rounded so, 2^51.
    private static let limit = 2_251_799_813_685_248.0

    /// How many bytes follow the code, 0...8.
    @inline(__always)
    static func byteCount(_ code: UInt8) -> Int {
        Int(truncatingIfNeeded: (byteCounts &>> (UInt64(code) &* 4)) & 15)
    }

    /// The scale of the code, 0...3: integers, hundredths, thousandths, `noScale`.
    @inline(__always)
    static func scale(_ code: UInt8) -> Int {
        Int(truncatingIfNeeded: (scales &>> (UInt64(code) &* 4)) & 15)
    }

    /// The value that `integer` means on a scale other than `noScale`.
    @inline(__always)
    static func value(_ integer: Int64, scale: Int) -> Double {
        switch scale {
        case 0: Double(integer)
        case 1: Double(integer) / 100
        default: Double(integer) / 1000
        }
    }

    /// The code of a value, and its bytes, the lowest first.
    ///
    /// `scale` and `integer` are those of the value before in the same series, `noScale` for the first one,
    /// and become those of this one.
    @inline(__always)
    static func encode(
        _ bits: UInt64,
        scale: inout Int,
        integer: inout Int64
    ) -> (code: UInt64, bytes: UInt64) {
        let value = Double(bitPattern: bits)
        let found: Int64
        let foundScale: Int
        let codes: UInt64
        if let units = LogValueCode.integer(value, 1) {
            found = units
            foundScale = 0
            codes = unitCodes
        } else if let hundredths = LogValueCode.integer(value, 100) {
            found = hundredths
            foundScale = 1
            codes = hundredthCodes
        } else if let thousandths = LogValueCode.integer(value, 1000) {
            found = thousandths
            foundScale = 2
            codes = thousandthCodes
        } else {
            scale = noScale
            return (rawCode, bits)
        }
        let difference = found &- (scale == foundScale ? integer : 0)
        scale = foundScale
        integer = found
        let bytes = UInt64(bitPattern: (difference &<< 1) ^ (difference &>> 63))
        let count = UInt64(truncatingIfNeeded: (71 &- bytes.leadingZeroBitCount) &>> 3)
        return ((codes &>> (count &* 4)) & 15, bytes)
    }

    /// The integer that gives back exactly `value` when divided by `scale`.
    @inline(__always)
    private static func integer(_ value: Double, _ scale: Double) -> Int64? {
        let scaled = value * scale
        let shifted = scaled + rounder
        let rounded = shifted - rounder
        guard abs(scaled) < limit, (rounded / scale).bitPattern == value.bitPattern else { return nil }
        return Int64(bitPattern: shifted.bitPattern) &- Int64(bitPattern: rounder.bitPattern)
    }
}
