import Glibc

/// Doubles as integers over a power of ten: the part of kind DECIMAL that is arithmetic.
enum DecimalMapping {
    /// The largest exponent that is tried and read.
    static let maxExponent = 15
    /// `10^0 ... 10^15`, all exact.
    static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]

    private static let negativeZero = (-0.0).bitPattern
    /// Up to 2^51 the sum with 1.5 * 2^52 holds the rounded number in its low bits.
    private static let roundingLimit = 2_251_799_813_685_248.0
    private static let roundingShift = 6_755_399_441_055_744.0
    /// 2^53: up to here the integers are exact in a double.
    private static let scaledLimit = 9_007_199_254_740_992.0
    private static let integerLimit = 4.6e18

    /// Writes an integer for each value and answers the exponent; nil if too many values have none.
    ///
    /// The values that have none are added to `exceptions` and repeat the integer before them. An integer `m`
    /// is only taken if `Double(m) / 10^exponent` has the very bits of the value.
    static func map(
        _ values: UnsafeBufferPointer<Double>,
        to integers: UnsafeMutablePointer<UInt64>,
        exceptions: inout Exceptions
    ) -> Int? {
        let maxExceptionCount = values.count / 12 + 2
        var exponent = 0
        var index = 0
        var last: UInt64 = 0
        var firstFitting: Int?
        while index < values.count {
            if let integer = integer(values[index], exponent) {
                last = UInt64(bitPattern: integer)
                integers[index] = last
                if firstFitting == nil { firstFitting = index }
            } else if let larger = largerExponent(values[index], than: exponent) {
                // Start again: what fitted the smaller exponent usually fits this one.
                exponent = larger
                exceptions.removeAll()
                (index, last, firstFitting) = (0, 0, nil)
                continue
            } else {
                guard exceptions.count < maxExceptionCount else { return nil }
                exceptions.append(position: index, bits: values[index].bitPattern)
                integers[index] = last
            }
            index &+= 1
        }
        if let firstFitting {
            for index in 0..<firstFitting { integers[index] = integers[firstFitting] }
        }
        return exponent
    }

    /// The integer that `value` is, if it is one below 4.6e18 and not -0.
    @inline(__always)
    static func integer(_ value: Double) -> Int64? {
        guard value.magnitude < integerLimit else { return nil }
        let integer = Int64(value)
        return Double(integer).bitPattern == value.bitPattern ? integer : nil
    }

    /// The integer `m` with `Double(m) / 10^exponent` equal to `value` in every bit, if there is one.
    @inline(__always)
    private static func integer(_ value: Double, _ exponent: Int) -> Int64? {
        if exponent == 0 { return integer(value) }
        let power = powers[exponent]
        let scaled = value * power
        guard scaled.magnitude < scaledLimit else { return nil }
        let integer =
            if scaled.magnitude < roundingLimit {
                Int64(bitPattern: (scaled + roundingShift).bitPattern &- roundingShift.bitPattern)
            } else {
                Int64(scaled.rounded(.toNearestOrEven))
            }
        return (Double(integer) / power).bitPattern == value.bitPattern ? integer : nil
    }

    /// The smallest exponent above `exponent` that fits `value`, if there is one.
    @inline(never)
    private static func largerExponent(_ value: Double, than exponent: Int) -> Int? {
        guard value.isFinite, value.bitPattern != negativeZero, exponent < maxExponent else { return nil }
        return (exponent + 1...maxExponent).first { integer(value, $0) != nil }
    }
}
