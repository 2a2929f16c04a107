/// Sample values and times as the Prometheus API and the text exposition print them.
public enum ValueText {
    /// Appends `value` as Go's `strconv` prints it in the Prometheus API: the shortest digits that read back
    /// to the same bits, without exponent unless |value| < 1e-6 or >= 1e21, then as `1e-07`; `NaN`, `+Inf`,
    /// `-Inf`, `-0`.
    public static func append(_ value: Double, to out: inout [UInt8]) {
        guard value.isFinite else {
            out.append(contentsOf: (value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf").utf8)
            return
        }
        let magnitude = value.magnitude
        if magnitude < 1e15, magnitude.rounded(.towardZero) == magnitude {
            if value.sign == .minus { out.append(UInt8(ascii: "-")) }
            append(integer: UInt64(magnitude), to: &out)
            return
        }
        if ShortestDecimal.range.contains(magnitude) {
            if value.sign == .minus { out.append(UInt8(ascii: "-")) }
            ShortestDecimal.append(magnitude, to: &out)
            return
        }
        let (digits, pointAt) = shortestDigits(magnitude)
        if value.sign == .minus { out.append(UInt8(ascii: "-")) }
        if magnitude < 1e-6 || magnitude >= 1e21 {
            appendScientific(digits, pointAt: pointAt, to: &out)
        } else {
            appendPlain(digits, pointAt: pointAt, to: &out)
        }
    }

    /// `value` as `append(_:to:)` prints it.
    public static func format(_ value: Double) -> String {
        var out: [UInt8] = []
        append(value, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// `value` as Go prints it with format 'e', such as `1e+00` (the form of alert values).
    public static func formatScientific(_ value: Double) -> String {
        guard value.isFinite else { return format(value) }
        var out: [UInt8] = value.sign == .minus ? [UInt8(ascii: "-")] : []
        let (digits, pointAt) = value == 0 ? ([UInt8(ascii: "0")], 1) : shortestDigits(value.magnitude)
        appendScientific(digits, pointAt: pointAt, to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    /// Appends a time in seconds: whole ones without a point, others with three digits behind it.
    public static func append(_ time: Timestamp, to out: inout [UInt8]) {
        if time.millis < 0 { out.append(UInt8(ascii: "-")) }
        let (seconds, millis) = time.millis.magnitude.quotientAndRemainder(dividingBy: 1000)
        append(integer: seconds, to: &out)
        guard millis > 0 else { return }
        out.append(UInt8(ascii: "."))
        for digit in [millis / 100, millis / 10 % 10, millis % 10] {
            out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
        }
    }

    /// Appends the decimal digits of `integer`.
    public static func append(integer: UInt64, to out: inout [UInt8]) {
        if integer < 10 {
            out.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: integer))
            return
        }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var start = 20
        var rest = integer
        while rest > 0 {
            start &-= 1
            digits[start] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        out.append(addingCapacity: 20 - start) { span in
            for index in start..<20 { span.append(digits[index]) }
        }
    }

    /// The value that `text` stands for in an exposition or a query: decimal, hexadecimal, `Inf`, `NaN` in
    /// any case.
    public static func parse(_ text: some StringProtocol) -> Double? {
        // A name begins otherwise.
        if let first = text.utf8.first, first >= 0x30 && first <= 0x39 { return Double(text) }
        switch text.lowercased() {
        case "nan", "+nan", "-nan": return Double(bitPattern: StaleMarker.ordinaryNaNBitPattern)
        case "inf", "+inf", "infinity", "+infinity": return .infinity
        case "-inf", "-infinity": return -.infinity
        default: break
        }
        guard let first = text.utf8.first(where: { $0 != 0x2b && $0 != 0x2d }),
            (first >= 0x30 && first <= 0x39) || first == 0x2e
        else { return nil }
        return Double(text)
    }

    /// The shortest digits of a positive finite value, and how many of them stand before the decimal point.
    private static func shortestDigits(_ value: Double) -> (digits: [UInt8], pointAt: Int) {
        var digits: [UInt8] = []
        var pointAt: Int?
        var exponent = 0
        var rest = Array(value.description.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "."): pointAt = digits.count
            case UInt8(ascii: "e"): exponent = Int(String(decoding: rest, as: UTF8.self)) ?? 0; rest = []
            default: digits.append(byte)
            }
        }
        var point = (pointAt ?? digits.count) + exponent
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        if leading < digits.count {
            digits.removeFirst(leading)
            point -= leading
        }
        return (digits, point)
    }

    private static func appendPlain(_ digits: [UInt8], pointAt: Int, to out: inout [UInt8]) {
        let zero = UInt8(ascii: "0")
        if pointAt <= 0 {
            out.append(contentsOf: [zero, UInt8(ascii: ".")])
            out.append(contentsOf: repeatElement(zero, count: -pointAt))
            out.append(contentsOf: digits)
        } else if pointAt >= digits.count {
            out.append(contentsOf: digits)
            out.append(contentsOf: repeatElement(zero, count: pointAt - digits.count))
        } else {
            out.append(contentsOf: digits[..<pointAt])
            out.append(UInt8(ascii: "."))
            out.append(contentsOf: digits[pointAt...])
        }
    }

    private static func appendScientific(_ digits: [UInt8], pointAt: Int, to out: inout [UInt8]) {
        out.append(digits[0])
        if digits.count > 1 {
            out.append(UInt8(ascii: "."))
            out.append(contentsOf: digits[1...])
        }
        let exponent = pointAt - 1
        out.append(UInt8(ascii: "e"))
        out.append(UInt8(ascii: exponent < 0 ? "-" : "+"))
        if exponent.magnitude < 10 { out.append(UInt8(ascii: "0")) }
        append(integer: UInt64(exponent.magnitude), to: &out)
    }
}
