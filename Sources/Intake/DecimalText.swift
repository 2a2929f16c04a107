import Model

/// Numbers in a text body.
enum DecimalText {
    /// The longest text of a value, in bytes: more than the exact decimal digits of any double.
    private static let longestValueBytes = 2048

    /// The value that the bytes at `range` stand for: decimal, hexadecimal, `Inf` or `NaN` in any case; nil
    /// if they are no number or one beyond the largest double.
    static func double(_ line: Span<UInt8>, _ range: Range<Int>) -> Double? {
        if let value = exactDouble(line, range) { return value }
        guard range.count <= longestValueBytes else { return nil }
        let text = line.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        guard let value = ValueText.parse(text) else { return nil }
        let isWord = text.utf8.contains { $0 | 0x20 == UInt8(ascii: "n") }
        return value.isFinite || isWord ? value : nil
    }

    /// The whole number at `range`, with or without a sign; nil if it is none or does not fit.
    static func integer(_ line: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var position = range.lowerBound
        guard position < range.upperBound else { return nil }
        let sign = line[position]
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { position += 1 }
        guard position < range.upperBound else { return nil }
        var value: Int64 = 0
        while position < range.upperBound {
            guard let digit = digit(line[position]) else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            // Built downwards, because there is one more negative number.
            let (next, tooSmall) = product.subtractingReportingOverflow(Int64(digit))
            guard !tooLarge, !tooSmall else { return nil }
            value = next
            position += 1
        }
        if sign == UInt8(ascii: "-") { return value }
        return value == .min ? nil : -value
    }

    // MARK: Private

    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18,
        1e19, 1e20, 1e21, 1e22,
    ]

    /// The value if it is plain decimal and its digits and its power of ten are doubles without rounding, so
    /// that one multiplication or division rounds right; nil also for what may be fine but needs more care.
    ///
    /// Source: W. D. Clinger, How to Read Floating Point Numbers Accurately, 1990.
    private static func exactDouble(_ line: Span<UInt8>, _ range: Range<Int>) -> Double? {
        var position = range.lowerBound
        let end = range.upperBound
        guard position < end else { return nil }
        let sign = line[position]
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { position += 1 }
        var digits: UInt64 = 0
        var digitCount = 0
        var exponent = 0
        var hasPoint = false
        loop: while position < end {
            let byte = line[position]
            if let digit = digit(byte) {
                digitCount += 1
                guard digitCount <= 19 else { return nil }
                digits = digits &* 10 &+ digit
                if hasPoint { exponent -= 1 }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break loop
            }
            position += 1
        }
        guard digitCount > 0, digits < 1 << 53 else { return nil }
        if position < end {
            guard line[position] | 0x20 == UInt8(ascii: "e"), position + 1 < end, end - position <= 5,
                let written = integer(line, position + 1..<end)
            else { return nil }
            exponent += Int(written)
        }
        guard exponent.magnitude < powersOfTen.count else { return nil }
        let power = powersOfTen[Int(exponent.magnitude)]
        let value = exponent < 0 ? Double(digits) / power : Double(digits) * power
        return sign == UInt8(ascii: "-") ? -value : value
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt64? {
        let digit = byte &- UInt8(ascii: "0")
        return digit < 10 ? UInt64(digit) : nil
    }
}
