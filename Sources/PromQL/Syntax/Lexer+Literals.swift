/// Numbers, durations and strings.
extension Lexer {
    // MARK: Numbers

    /// Reads a number as far as it is one; false, with what led there read, if something is glued to it.
    mutating func scanNumber() -> Bool {
        var isHexadecimal = false
        if accept(UInt8(ascii: "0")), accept(UInt8(ascii: "x")) || accept(UInt8(ascii: "X")) {
            _ = accept(UInt8(ascii: "_"))
            isHexadecimal = true
        }
        // As in Prometheus, a point here does not count; `0.5.5` is refused when its value is computed.
        _ = accept(UInt8(ascii: "."))
        var sawPoint = false
        var sawExponent = false
        scan: while let byte = peek() {
            switch byte {
            case _ where Lexer.isDigit(byte) || (isHexadecimal && Lexer.isHexadecimalDigit(byte)):
                position += 1
            case UInt8(ascii: "."):
                position += 1
                guard !sawPoint, !isHexadecimal, !acceptAny(of: "._") else { return false }
                sawPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                position += 1
                guard !sawExponent else { return false }
                sawExponent = true
                _ = acceptAny(of: "+-")
                guard !acceptAny(of: "._eE"), peek() != nil else { return false }
            case UInt8(ascii: "_"):
                position += 1
                guard !acceptAny(of: "._eE"), peek() != nil else { return false }
            default: break scan
            }
        }
        return !(peek().map(Lexer.isAlphaNumeric) ?? false)
    }

    /// Reads a unit and further numbers with units behind a number; false, with the offending byte read, if
    /// something else follows.
    ///
    /// Which units there are and their order is checked when the duration is computed.
    mutating func scanRestOfDuration() -> Bool {
        guard acceptAny(of: "smhdwy") else { return false }
        _ = accept(UInt8(ascii: "s"))
        while let byte = peek(), Lexer.isDigit(byte) {
            while let byte = peek(), Lexer.isDigit(byte) { position += 1 }
            guard acceptAny(of: "smhdw") else { return false }
            _ = accept(UInt8(ascii: "s"))
        }
        guard let byte = peek(), Lexer.isAlphaNumeric(byte) else { return true }
        position += 1
        return false
    }

    private mutating func acceptAny(of set: StaticString) -> Bool {
        guard let byte = peek(), set.description.utf8.contains(byte) else { return false }
        position += 1
        return true
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "f"))
    }

    // MARK: Strings

    /// The string that `quote` starts; nil if `quote` is none.
    mutating func quotedToken(_ quote: UInt8) -> Token? {
        switch quote {
        case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"): break
        default: return nil
        }
        let start = position
        let isRaw = quote == UInt8(ascii: "`")
        position += 1
        while true {
            guard let byte = peek(), isRaw || byte != UInt8(ascii: "\n") else {
                return fail(isRaw ? "unterminated raw string" : "unterminated quoted string", from: start)
            }
            position += 1
            if byte == quote { return token(.string, from: start) }
            if byte == UInt8(ascii: "\\"), !isRaw, let problem = scanEscape(quote) {
                return fail(problem, from: start)
            }
            // U+FFFD stands for bytes that were no UTF-8.
            if byte == 0xef, peek() == 0xbf, peek(1) == 0xbd {
                return fail("invalid UTF-8 rune", from: start)
            }
        }
    }

    /// Reads an escape sequence behind its backslash; says what is wrong with it, or nil.
    private mutating func scanEscape(_ quote: UInt8) -> String? {
        guard let byte = peek() else { return "escape sequence not terminated" }
        let digitCount: Int
        let radix: UInt32
        var limit: UInt32 = 255
        switch byte {
        case quote, UInt8(ascii: "\\"), UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"), UInt8(ascii: "v"):
            position += 1
            return nil
        case UInt8(ascii: "0")...UInt8(ascii: "7"):
            (digitCount, radix) = (3, 8)
        case UInt8(ascii: "x"):
            (digitCount, radix) = (2, 16)
            position += 1
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            (digitCount, radix, limit) = (byte == UInt8(ascii: "u") ? 4 : 8, 16, 0x10ffff)
            position += 1
        default: return "unknown escape sequence \(QuotedText.codePoint(scalar(at: position)))"
        }
        var value: UInt32 = 0
        for _ in 0..<digitCount {
            guard let byte = peek() else { return "escape sequence not terminated" }
            guard let digit = StringText.digit(byte), digit < radix else {
                return "illegal character \(QuotedText.codePoint(scalar(at: position))) in escape sequence"
            }
            value = value &* radix &+ digit
            position += 1
        }
        guard value <= limit, !(0xd800..<0xe000).contains(value) else {
            return "escape sequence is an invalid Unicode code point"
        }
        return nil
    }
}
