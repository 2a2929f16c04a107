import Model

/// What the text of a string token stands for.
enum StringText {
    /// The bytes that a string in quotes stands for; the lexer has checked its escape sequences.
    ///
    /// Go's escape sequences: `\x` and octal ones stand for a byte, `\u` and `\U` for a character.
    static func bytes(of text: ArraySlice<UInt8>) -> [UInt8] {
        guard let quote = text.first, text.count >= 2 else { return [] }
        var rest = text.dropFirst().dropLast()
        guard quote != UInt8(ascii: "`"), rest.contains(UInt8(ascii: "\\")) else { return Array(rest) }
        var out: [UInt8] = []
        out.reserveCapacity(rest.count)
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escape = rest.popFirst() else {
                out.append(byte)
                continue
            }
            switch escape {
            case UInt8(ascii: "a"): out.append(0x7)
            case UInt8(ascii: "b"): out.append(0x8)
            case UInt8(ascii: "f"): out.append(0xc)
            case UInt8(ascii: "n"): out.append(0xa)
            case UInt8(ascii: "r"): out.append(0xd)
            case UInt8(ascii: "t"): out.append(0x9)
            case UInt8(ascii: "v"): out.append(0xb)
            case UInt8(ascii: "x"): out.append(UInt8(truncatingIfNeeded: number(2, radix: 16, from: &rest)))
            case UInt8(ascii: "u"): appendScalar(number(4, radix: 16, from: &rest), to: &out)
            case UInt8(ascii: "U"): appendScalar(number(8, radix: 16, from: &rest), to: &out)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                let high = UInt32(escape - UInt8(ascii: "0")) * 64
                out.append(UInt8(truncatingIfNeeded: high + number(2, radix: 8, from: &rest)))
            default: out.append(escape)
            }
        }
        return out
    }

    /// The value of the digit `byte`, 0 to 15; nil if it is none.
    static func digit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    private static func number(_ digitCount: Int, radix: UInt32, from rest: inout ArraySlice<UInt8>) -> UInt32
    {
        var value: UInt32 = 0
        for _ in 0..<digitCount { value = value &* radix &+ (rest.popFirst().flatMap(digit) ?? 0) }
        return value
    }

    private static func appendScalar(_ value: UInt32, to out: inout [UInt8]) {
        out.append(contentsOf: Unicode.Scalar(value).map { Array(String($0).utf8) } ?? [])
    }
}

/// What the text of a number or duration token stands for.
///
/// Source: Go's `strconv.ParseInt` with base 0 (hexadecimal, octal with a leading zero, underscores between
/// digits), then `strconv.ParseFloat`; durations as Prometheus's `model.ParseDuration`.
enum NumberText {
    /// The value of a number; the message says why it has none.
    static func value(of text: ArraySlice<UInt8>) throws(LiteralError) -> Double {
        let digits = String(decoding: text.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self).lowercased()
        switch digits {
        case "inf": return .infinity
        case "nan": return Double(bitPattern: StaleMarker.ordinaryNaNBitPattern)
        default: break
        }
        let shown = QuotedText.string(String(decoding: text, as: UTF8.self))
        let value: Double?
        if text.last == UInt8(ascii: "_") {
            value = nil
        } else if digits.hasPrefix("0x") {
            value = Int64(digits.dropFirst(2), radix: 16).map { Double($0) }
        } else if digits.hasPrefix("0"), let octal = Int64(digits, radix: 8) {
            value = Double(octal)
        } else {
            value = Double(digits.hasSuffix(".") ? String(digits.dropLast()) : digits)
        }
        guard let value else {
            throw LiteralError("error parsing number: strconv.ParseFloat: parsing \(shown): invalid syntax")
        }
        guard value.isFinite else {
            throw LiteralError(
                "error parsing number: strconv.ParseFloat: parsing \(shown): value out of range"
            )
        }
        return value
    }

    /// The duration in milliseconds; the message says why it has none.
    ///
    /// The longest has 2^63 - 1 nanoseconds.
    static func durationMillis(of text: ArraySlice<UInt8>) throws(LiteralError) -> Int64 {
        let shown = String(decoding: text, as: UTF8.self)
        if let millis = DurationText.parse(shown) { return millis }
        var rest = text
        var isOrdered = true
        var lastUnit = -1
        while let first = rest.first, isOrdered {
            isOrdered = Lexer.isDigit(first)
            guard isOrdered else { break }
            rest = rest.drop(while: Lexer.isDigit)
            let unit = String(decoding: rest.prefix { !Lexer.isDigit($0) }, as: UTF8.self)
            rest = rest.dropFirst(unit.utf8.count)
            guard let order = ["y", "w", "d", "h", "m", "s", "ms"].firstIndex(of: unit) else {
                throw LiteralError(
                    "unknown unit \(QuotedText.string(unit)) in duration \(QuotedText.string(shown))"
                )
            }
            isOrdered = order > lastUnit
            lastUnit = order
        }
        throw LiteralError(
            isOrdered ? "duration out of range" : "not a valid duration string: \(QuotedText.string(shown))"
        )
    }
}

/// Why the text of a literal has no value.
struct LiteralError: Error {
    /// What is wrong.
    var message: String

    init(_ message: String) {
        self.message = message
    }
}
