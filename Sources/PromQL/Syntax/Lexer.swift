/// Cuts the text of a query into tokens, one at a time, in one pass over its bytes.
///
/// What a byte means depends on where it stands: inside `{...}` all words are plain identifiers, inside
/// `[...]` only durations and their arithmetic are allowed. Spaces and comments (`#` to the end of the line)
/// are left out.
/// Source: the lexical rules and the messages of Prometheus 3 (`promql/parser`).
struct Lexer {
    /// The text, valid UTF-8.
    let bytes: [UInt8]
    /// The offset of the next byte to read.
    var position = 0

    private var parenDepth = 0
    private var isInsideBraces = false
    private var isInsideBrackets = false
    /// Whether nothing but operators and parentheses was read since `[` or its colon.
    private var isBeforeDuration = false
    private var sawDuration = false
    private var sawColon = false
    private var isStopped = false

    /// A lexer at the start of `bytes`.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The next token; `endOfInput` again and again behind the last one and behind a failure.
    mutating func next() -> Token {
        guard !isStopped else { return token(.endOfInput, from: bytes.count) }
        skipSpacesAndComments()
        guard let byte = peek() else { return endToken() }
        if isInsideBraces { return tokenInsideBraces(byte) }
        if isInsideBrackets && isBeforeDuration { return tokenBeforeDuration(byte) }
        return plainToken(byte)
    }

    /// The byte `distance` behind the next one, or nil at the end.
    func peek(_ distance: Int = 0) -> UInt8? {
        position + distance < bytes.count ? bytes[position + distance] : nil
    }

    /// The token of `kind` from `start` to here.
    func token(_ kind: Token.Kind, from start: Int) -> Token {
        Token(kind: kind, span: SourceSpan(start, max(start, position)))
    }

    /// A failure that was noticed at `start`.
    mutating func fail(_ message: String, from start: Int) -> Token {
        isStopped = true
        return Token(kind: .failure(message), span: SourceSpan(start, max(start, bytes.count)))
    }

    // MARK: Where we are

    private mutating func skipSpacesAndComments() {
        while let byte = peek() {
            if Lexer.isSpace(byte) {
                position += 1
            } else if byte == UInt8(ascii: "#") {
                while let byte = peek(), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") {
                    position += 1
                }
            } else {
                return
            }
        }
    }

    private mutating func endToken() -> Token {
        if isInsideBraces { return fail("unexpected end of input inside braces", from: position) }
        if isInsideBrackets && isBeforeDuration {
            return fail("unexpected end of input in duration expression", from: position)
        }
        if parenDepth > 0 { return fail("unclosed left parenthesis", from: position) }
        if isInsideBrackets { return fail("unclosed left bracket", from: position) }
        isStopped = true
        return token(.endOfInput, from: position)
    }

    // MARK: Outside of braces

    private mutating func plainToken(_ byte: UInt8) -> Token {
        let start = position
        if Lexer.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Lexer.isDigit) == true) {
            return numberToken()
        }
        if Lexer.isAlpha(byte) || byte == UInt8(ascii: ":") {
            return isInsideBrackets ? wordInsideBrackets(byte) : wordToken()
        }
        if let token = quotedToken(byte) { return token }
        position += 1
        switch byte {
        case UInt8(ascii: ","): return token(.comma, from: start)
        case UInt8(ascii: "("), UInt8(ascii: ")"): return parenToken(byte)
        case UInt8(ascii: "{"):
            isInsideBraces = true
            return token(.leftBrace, from: start)
        case UInt8(ascii: "["), UInt8(ascii: "]"): return bracketToken(byte)
        case UInt8(ascii: "@"): return token(.at, from: start)
        case UInt8(ascii: "="):
            if accept(UInt8(ascii: "=")) { return token(.binary(.equal), from: start) }
            guard peek() == UInt8(ascii: "~") else { return token(.assign, from: start) }
            return fail("unexpected character after '=': '~'", from: start)
        case UInt8(ascii: "!"):
            if accept(UInt8(ascii: "=")) { return token(.binary(.notEqual), from: start) }
            return fail("unexpected character after '!': \(quotedCharacter())", from: start)
        case UInt8(ascii: "<"):
            if accept(UInt8(ascii: "=")) { return token(.binary(.lessOrEqual), from: start) }
            let op: BinaryOperator = accept(UInt8(ascii: "/")) ? .trimUpper : .less
            return token(.binary(op), from: start)
        case UInt8(ascii: ">"):
            if accept(UInt8(ascii: "=")) { return token(.binary(.greaterOrEqual), from: start) }
            let op: BinaryOperator = accept(UInt8(ascii: "/")) ? .trimLower : .greater
            return token(.binary(op), from: start)
        default:
            if let op = Lexer.arithmetic(byte) { return token(.binary(op), from: start) }
            position = start
            return fail("unexpected character: \(quotedCharacter())", from: start)
        }
    }

    private mutating func parenToken(_ byte: UInt8) -> Token {
        let isOpening = byte == UInt8(ascii: "(")
        parenDepth += isOpening ? 1 : -1
        guard parenDepth >= 0 else { return fail("unexpected right parenthesis ')'", from: position) }
        return token(isOpening ? .leftParen : .rightParen, from: position - 1)
    }

    private mutating func bracketToken(_ byte: UInt8) -> Token {
        let start = position - 1
        let isOpening = byte == UInt8(ascii: "[")
        guard isOpening != isInsideBrackets else {
            return fail("unexpected \(isOpening ? "left bracket '['" : "right bracket ']'")", from: start)
        }
        isInsideBrackets = isOpening
        isBeforeDuration = isOpening
        sawColon = false
        return token(isOpening ? .leftBracket : .rightBracket, from: start)
    }

    private mutating func wordToken() -> Token {
        let start = position
        var hasColon = false
        while let byte = peek(), Lexer.isAlphaNumeric(byte) || byte == UInt8(ascii: ":") {
            if byte == UInt8(ascii: ":") { hasColon = true }
            position += 1
        }
        if hasColon { return token(.metricIdentifier, from: start) }
        guard position - start <= Token.longestWordBytes, let kind = Token.words[lowercasedWord(from: start)]
        else {
            return token(.identifier, from: start)
        }
        switch kind {
        case .keyword(.fill), .keyword(.fillLeft), .keyword(.fillRight):
            // These came late, so they are keywords only where they were an error before.
            return token(isFollowedByLeftParen() ? kind : .identifier, from: start)
        default: return token(kind, from: start)
        }
    }

    private func isFollowedByLeftParen() -> Bool {
        var distance = 0
        while let byte = peek(distance), Lexer.isSpace(byte) { distance += 1 }
        return peek(distance) == UInt8(ascii: "(")
    }

    private func lowercasedWord(from start: Int) -> String {
        String(
            decoding: bytes[start..<position].lazy.map { $0 >= 0x41 && $0 <= 0x5a ? $0 | 0x20 : $0 },
            as: UTF8.self
        )
    }

    // MARK: Inside brackets

    private mutating func tokenBeforeDuration(_ byte: UInt8) -> Token {
        let start = position
        if Lexer.isDigit(byte) || (byte == UInt8(ascii: ".") && peek(1).map(Lexer.isDigit) == true) {
            return numberToken()
        }
        if Lexer.isAlpha(byte) {
            return durationWord()
                ?? fail("unexpected character in duration expression: \(quotedCharacter())", from: start)
        }
        position += 1
        switch byte {
        case UInt8(ascii: ":"):
            guard sawDuration else {
                return fail("unexpected colon before duration in duration expression", from: position)
            }
            guard !sawColon else {
                return fail("unexpected repeated colon in duration expression", from: position)
            }
            sawColon = true
            return token(.colon, from: start)
        case UInt8(ascii: "("), UInt8(ascii: ")"): return parenToken(byte)
        case UInt8(ascii: "]"): return bracketToken(byte)
        case UInt8(ascii: ","): return token(.comma, from: start)
        default:
            if let op = Lexer.arithmetic(byte) { return token(.binary(op), from: start) }
            position = start
            return fail("unexpected character in duration expression: \(quotedCharacter())", from: start)
        }
    }

    private mutating func wordInsideBrackets(_ byte: UInt8) -> Token {
        let start = position
        if byte == UInt8(ascii: ":") {
            guard !sawColon else { return fail("unexpected colon ':'", from: start) }
            sawColon = true
            position += 1
            return token(.colon, from: start)
        }
        return durationWord()
            ?? fail("unexpected character: \(quotedCharacter()), expected ':'", from: start)
    }

    /// `step`, `min_of` and so on; nil, with nothing read, if the word is none of them.
    private mutating func durationWord() -> Token? {
        let start = position
        while let byte = peek(), Lexer.isAlpha(byte) { position += 1 }
        guard position - start <= Token.longestWordBytes,
            let kind = Token.durationWords[lowercasedWord(from: start)]
        else {
            position = start
            return nil
        }
        sawDuration = true
        return token(kind, from: start)
    }

    private mutating func numberToken() -> Token {
        let start = position
        isBeforeDuration = false
        if isInsideBrackets { sawDuration = true }
        if scanNumber() { return token(.number, from: start) }
        if scanRestOfDuration() { return token(.duration, from: start) }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        return fail("bad number or duration syntax: \(QuotedText.string(text))", from: start)
    }

    // MARK: Inside braces

    private mutating func tokenInsideBraces(_ byte: UInt8) -> Token {
        let start = position
        if Lexer.isAlpha(byte) {
            while let byte = peek(), Lexer.isAlphaNumeric(byte) { position += 1 }
            return token(.identifier, from: start)
        }
        if let token = quotedToken(byte) { return token }
        position += 1
        switch byte {
        case UInt8(ascii: ","): return token(.comma, from: start)
        case UInt8(ascii: "="):
            let kind: Token.Kind = accept(UInt8(ascii: "~")) ? .matches : .assign
            return token(kind, from: start)
        case UInt8(ascii: "!"):
            if accept(UInt8(ascii: "~")) { return token(.matchesNot, from: start) }
            if accept(UInt8(ascii: "=")) { return token(.binary(.notEqual), from: start) }
            return fail("unexpected character after '!' inside braces: \(quotedCharacter())", from: start)
        case UInt8(ascii: "{"): return fail("unexpected left brace '{'", from: start)
        case UInt8(ascii: "}"):
            isInsideBraces = false
            return token(.rightBrace, from: start)
        default:
            position = start
            return fail("unexpected character inside braces: \(quotedCharacter())", from: start)
        }
    }

    // MARK: Characters

    /// Reads the next byte if it is `byte`.
    mutating func accept(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        position += 1
        return true
    }

    /// The character here in single quotes; the replacement character at the end.
    private func quotedCharacter() -> String {
        QuotedText.character(scalar(at: position))
    }

    /// The character at `offset`; the replacement character at the end.
    func scalar(at offset: Int) -> Unicode.Scalar {
        guard offset < bytes.count else { return "\u{fffd}" }
        let character = bytes[offset..<min(offset + 4, bytes.count)]
        return String(decoding: character, as: UTF8.self).unicodeScalars.first ?? "\u{fffd}"
    }

    private static func arithmetic(_ byte: UInt8) -> BinaryOperator? {
        switch byte {
        case UInt8(ascii: "+"): .add
        case UInt8(ascii: "-"): .subtract
        case UInt8(ascii: "*"): .multiply
        case UInt8(ascii: "/"): .divide
        case UInt8(ascii: "%"): .modulo
        case UInt8(ascii: "^"): .power
        default: nil
        }
    }

    static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (byte >= 0x9 && byte <= 0xd && byte != 0xb && byte != 0xc)
    }

    static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    static func isAlpha(_ byte: UInt8) -> Bool {
        (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z")) || byte == UInt8(ascii: "_")
    }

    static func isAlphaNumeric(_ byte: UInt8) -> Bool {
        isAlpha(byte) || isDigit(byte)
    }
}
