/// Cuts a template into tokens.
///
/// Source: the documentation of Go's `text/template`: actions between `{{` and `}}`, trim markers, comments.
struct TemplateLexer {
    private static let keywords: Set<String> = [
        "block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with",
    ]

    private let bytes: [UInt8]
    private var position = 0
    private var line = 1
    private var start = 0
    private var startLine = 1
    private var parenthesisDepth = 0
    private var tokens: [TemplateToken] = []

    private init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The tokens of `text`; the last one is the end or an error.
    static func tokens(of text: String) -> [TemplateToken] {
        var lexer = TemplateLexer(text)
        while lexer.text() {
            guard lexer.action() else { break }
        }
        return lexer.tokens
    }

    // MARK: - Text

    /// Reads up to behind the next left delimiter; false at the end.
    private mutating func text() -> Bool {
        var end = position
        while end < bytes.count, !has("{{", at: end) { end += 1 }
        let isLast = end >= bytes.count
        var textEnd = end
        let trims = !isLast && hasTrimMarkerAfterDelimiter(at: end + 2)
        if trims {
            while textEnd > position, TemplateLexer.isSpace(bytes[textEnd - 1]) { textEnd -= 1 }
        }
        if textEnd > position {
            advance(to: textEnd)
            emit(.text)
        }
        advance(to: end)
        skip()
        guard !isLast else {
            emit(.end)
            return false
        }
        let body = end + 2 + (trims ? 2 : 0)
        if has("/*", at: body) { return comment(from: body) }
        advance(to: end + 2)
        emit(.leftDelimiter)
        advance(to: body)
        skip()
        parenthesisDepth = 0
        return true
    }

    /// Skips a comment and goes on with the text behind it.
    private mutating func comment(from body: Int) -> Bool {
        var end = body + 2
        while end < bytes.count, !has("*/", at: end) { end += 1 }
        guard end < bytes.count else { return fail("unclosed comment") }
        end += 2
        let trims = end + 1 < bytes.count && TemplateLexer.isSpace(bytes[end]) && has("-}}", at: end + 1)
        guard trims || has("}}", at: end) else {
            return fail("comment ends before closing delimiter")
        }
        advance(to: end + (trims ? 4 : 2))
        if trims { skipSpace() }
        skip()
        return text()
    }

    // MARK: - Actions

    /// Reads up to behind the right delimiter; false after an error.
    private mutating func action() -> Bool {
        while true {
            skip()
            if let trims = rightDelimiter() {
                guard parenthesisDepth == 0 else { return fail("unclosed left paren") }
                if trims {
                    advance(to: position + 2)
                    skip()
                }
                advance(to: position + 2)
                emit(.rightDelimiter)
                if trims {
                    skipSpace()
                    skip()
                }
                return true
            }
            guard position < bytes.count else { return fail("unclosed action") }
            guard token() else { return false }
        }
    }

    /// Whether the right delimiter is here, and if so whether it trims.
    private func rightDelimiter() -> Bool? {
        if has("}}", at: position) { return false }
        guard position < bytes.count, TemplateLexer.isSpace(bytes[position]), has("-}}", at: position + 1)
        else { return nil }
        return true
    }

    private mutating func token() -> Bool {
        let byte = bytes[position]
        if TemplateLexer.isSpace(byte) { return spaces() }
        switch byte {
        case UInt8(ascii: "="): return single(.assign)
        case UInt8(ascii: ":"):
            guard has(":=", at: position) else { return fail("expected :=") }
            advance(to: position + 2)
            return emit(.declare)
        case UInt8(ascii: "|"): return single(.pipe)
        case UInt8(ascii: "\""): return quoted(byte, .string, "unterminated quoted string")
        case UInt8(ascii: "'"): return quoted(byte, .characterConstant, "unterminated character constant")
        case UInt8(ascii: "`"): return rawString()
        case UInt8(ascii: "$"): return word(.variable)
        case UInt8(ascii: "."):
            if let next = self.byte(after: 1), TemplateLexer.isDigit(next) { return number() }
            return word(.field)
        case UInt8(ascii: "("):
            parenthesisDepth += 1
            return single(.leftParenthesis)
        case UInt8(ascii: ")"):
            parenthesisDepth -= 1
            guard parenthesisDepth >= 0 else { return fail("unexpected right paren") }
            return single(.rightParenthesis)
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number()
        default:
            if TemplateLexer.isWordByte(byte) { return identifier() }
            guard byte >= 0x20, byte < 0x7f else {
                return fail("unrecognized character in action: \(shownCharacter())")
            }
            return single(.character)
        }
    }

    private mutating func spaces() -> Bool {
        var end = position
        while end < bytes.count, TemplateLexer.isSpace(bytes[end]) {
            if has("-}}", at: end + 1) { break }
            end += 1
        }
        guard end > position else { return true }
        advance(to: end)
        return emit(.space)
    }

    private mutating func quoted(_ quote: UInt8, _ kind: TemplateToken.Kind, _ failure: String) -> Bool {
        var end = position + 1
        while end < bytes.count, bytes[end] != quote {
            if bytes[end] == UInt8(ascii: "\n") { return fail(failure) }
            end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < bytes.count else { return fail(failure) }
        advance(to: end + 1)
        return emit(kind)
    }

    private mutating func rawString() -> Bool {
        guard let end = bytes[(position + 1)...].firstIndex(of: UInt8(ascii: "`")) else {
            return fail("unterminated raw quoted string")
        }
        advance(to: end + 1)
        return emit(.rawString)
    }

    /// A field or a variable: its first byte, then a word that may be empty.
    private mutating func word(_ kind: TemplateToken.Kind) -> Bool {
        var end = position + 1
        while end < bytes.count, TemplateLexer.isWordByte(bytes[end]) { end += 1 }
        let isBare = end == position + 1
        advance(to: end)
        guard isAtTerminator else { return fail("bad character \(shownCharacter())") }
        return emit(kind == .field && isBare ? .dot : kind)
    }

    private mutating func identifier() -> Bool {
        var end = position
        while end < bytes.count, TemplateLexer.isWordByte(bytes[end]) { end += 1 }
        advance(to: end)
        guard isAtTerminator else { return fail("bad character \(shownCharacter())") }
        let word = String(decoding: bytes[start..<end], as: UTF8.self)
        if word == "true" || word == "false" { return emit(.boolean) }
        return emit(TemplateLexer.keywords.contains(word) ? .keyword : .identifier)
    }

    private mutating func number() -> Bool {
        var end = position
        func accept(_ allowed: String) -> Bool {
            guard end < bytes.count, allowed.utf8.contains(bytes[end]) else { return false }
            end += 1
            return true
        }
        _ = accept("+-")
        var digits = "0123456789_"
        if accept("0") {
            if accept("xX") {
                digits = "0123456789abcdefABCDEF_"
            } else if accept("oO") {
                digits = "01234567_"
            } else if accept("bB") {
                digits = "01_"
            }
        }
        while accept(digits) {}
        if accept(".") { while accept(digits) {} }
        if digits.utf8.count == 11, accept("eE") {
            _ = accept("+-")
            while accept("0123456789_") {}
        }
        if digits.utf8.count == 23, accept("pP") {
            _ = accept("+-")
            while accept("0123456789_") {}
        }
        if end < bytes.count, TemplateLexer.isWordByte(bytes[end]) {
            let text = String(decoding: bytes[position...end], as: UTF8.self)
            return fail("bad number syntax: \(GoQuoting.quote(text))")
        }
        advance(to: end)
        return emit(.number)
    }

    // MARK: - Parts

    private var isAtTerminator: Bool {
        guard position < bytes.count else { return true }
        let byte = bytes[position]
        return TemplateLexer.isSpace(byte) || ".,|:)(=".utf8.contains(byte) || has("}}", at: position)
    }

    private func has(_ text: StaticString, at offset: Int) -> Bool {
        guard offset >= 0, offset + text.utf8CodeUnitCount <= bytes.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where unsafe bytes[offset + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    private func hasTrimMarkerAfterDelimiter(at offset: Int) -> Bool {
        offset + 1 < bytes.count && bytes[offset] == UInt8(ascii: "-")
            && TemplateLexer.isSpace(bytes[offset + 1])
    }

    private func byte(after count: Int) -> UInt8? {
        position + count < bytes.count ? bytes[position + count] : nil
    }

    /// The character here as Go prints it with `%#U`.
    private func shownCharacter() -> String {
        let rest = String(decoding: bytes[position...].prefix(4), as: UTF8.self)
        guard let scalar = rest.unicodeScalars.first else { return "U+FFFD" }
        let digits = String(scalar.value, radix: 16, uppercase: true)
        let padded = String(repeating: "0", count: max(0, 4 - digits.count)) + digits
        return scalar.properties.generalCategory == .control ? "U+\(padded)" : "U+\(padded) '\(scalar)'"
    }

    private mutating func advance(to offset: Int) {
        while position < offset, position < bytes.count {
            if bytes[position] == UInt8(ascii: "\n") { line += 1 }
            position += 1
        }
    }

    private mutating func skipSpace() {
        var end = position
        while end < bytes.count, TemplateLexer.isSpace(bytes[end]) { end += 1 }
        advance(to: end)
    }

    private mutating func skip() {
        start = position
        startLine = line
    }

    private mutating func single(_ kind: TemplateToken.Kind) -> Bool {
        advance(to: position + 1)
        return emit(kind)
    }

    @discardableResult
    private mutating func emit(_ kind: TemplateToken.Kind) -> Bool {
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        tokens.append(TemplateToken(kind: kind, text: text, position: start, line: startLine))
        skip()
        return true
    }

    private mutating func fail(_ message: String) -> Bool {
        tokens.append(TemplateToken(kind: .error, text: message, position: start, line: startLine))
        return false
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0d || byte == 0x0a
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    /// Bytes of letters outside of ASCII count as parts of words, too.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == 0x5f || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7a) || byte >= 0x80
    }
}
