/// Text in quotes, as the error messages and printed expressions of Prometheus show it.
///
/// Source: Go's `strconv.Quote` and `fmt`'s `%q` and `%#U`: what is printable (letters, marks, numbers,
/// punctuation, symbols and the ASCII space) stays, the rest is escaped.
enum QuotedText {
    /// `text` in double quotes; unlike Go it escapes U+FFFD too, which a query must not contain.
    static func string(_ text: some StringProtocol) -> String {
        var out = "\""
        for scalar in text.unicodeScalars { appendToString(scalar, to: &out) }
        return out + "\""
    }

    /// `bytes` in double quotes; those that are no UTF-8 are escaped one by one.
    static func bytes(_ bytes: [UInt8]) -> String {
        var out = "\""
        var decoder = UTF8()
        var position = 0
        var rest = bytes.makeIterator()
        while true {
            switch decoder.decode(&rest) {
            case .scalarValue(let scalar):
                appendToString(scalar, to: &out)
                position += UTF8.width(scalar)
            case .emptyInput: return out + "\""
            case .error:
                // Go on behind the first byte of what could not be read.
                out += "\\x" + hex(UInt32(bytes[position]), digitCount: 2)
                position += 1
                decoder = UTF8()
                rest = Array(bytes[position...]).makeIterator()
            }
        }
    }

    /// `text` in double quotes, cut behind its tenth character with `...` if it has more than ten bytes.
    static func shortened(_ text: String) -> String {
        guard text.utf8.count > 10 else { return string(text) }
        return string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(10)))) + "..."
    }

    /// `scalar` in single quotes.
    static func character(_ scalar: Unicode.Scalar) -> String {
        var out = "'"
        append(scalar, quote: "'", to: &out)
        return out + "'"
    }

    /// `scalar` as `U+0071 'q'`, or only its number if it is not printable.
    static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let number = "U+" + hex(scalar.value, digitCount: 4).uppercased()
        return isPrintable(scalar) ? "\(number) '\(scalar)'" : number
    }

    private static func appendToString(_ scalar: Unicode.Scalar, to out: inout String) {
        if scalar == "\u{fffd}" {
            out += "\\ufffd"
        } else {
            append(scalar, quote: "\"", to: &out)
        }
    }

    private static func append(_ scalar: Unicode.Scalar, quote: Unicode.Scalar, to out: inout String) {
        switch scalar {
        case quote, "\\":
            out += "\\"
            out.unicodeScalars.append(scalar)
        case "\u{7}": out += "\\a"
        case "\u{8}": out += "\\b"
        case "\u{c}": out += "\\f"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case "\u{b}": out += "\\v"
        case _ where isPrintable(scalar): out.unicodeScalars.append(scalar)
        case _ where scalar.value < 0x20 || scalar.value == 0x7f:
            out += "\\x" + hex(scalar.value, digitCount: 2)
        case _ where scalar.value < 0x10000: out += "\\u" + hex(scalar.value, digitCount: 4)
        default: out += "\\U" + hex(scalar.value, digitCount: 8)
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value < 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .spaceSeparator, .lineSeparator,
            .paragraphSeparator:
            return false
        default: return true
        }
    }

    private static func hex(_ value: UInt32, digitCount: Int) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digitCount - digits.count)) + digits
    }
}
