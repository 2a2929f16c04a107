import Model

/// Turns text into PromQL expressions.
///
/// The language is all of Prometheus 3, with everything that is experimental there. Errors have the text and
/// the position that Prometheus gives them, for its clients read them.
package enum Parser {
    /// The most levels a tree may have: `a + b + c` has three, since `+` is left-associative.
    ///
    /// Parentheses, calls and signs are further limited by `Limits.nestingDepth`. Reading, printing and
    /// visiting take no stack; freeing a tree and whatever else walks it recursively has to get along with so
    /// many levels.
    package static let treeDepthLimit = 512

    /// The expression that `text` stands for; it is well typed.
    package static func parse(_ text: String, limits: Limits = .default) throws(ParseError) -> Expr {
        let bytes = Array(text.utf8)
        do throws(SyntaxFailure) {
            var reader = try ExpressionReader(bytes, limits)
            let parsed = try reader.wholeExpression()
            if let failure = parsed.failure { throw failure }
            return parsed.expr
        } catch {
            throw ParseError(error.message, at: error.span, in: bytes)
        }
    }

    /// The matchers of a series selector, `metric{label="value"}` without modifiers; at least one of them
    /// does not match the empty value.
    package static func parseSelector(
        _ text: String,
        limits: Limits = .default
    ) throws(ParseError) -> [Matcher] {
        let bytes = Array(text.utf8)
        let selector: Selector
        do throws(SyntaxFailure) {
            var reader = try ExpressionReader(bytes, limits)
            selector = try reader.wholeSelector()
        } catch {
            throw ParseError(error.message, at: error.span, in: bytes)
        }
        guard !selector.matchesAnySeries else {
            throw ParseError(withoutPosition: "match[] must contain at least one non-empty matcher")
        }
        return selector.matchers
    }
}

/// An expression under construction with what is known of it.
struct Parsed {
    /// The expression.
    var expr: Expr
    /// The type of its value.
    var type: ValueType
    /// The number of levels of its tree.
    var depth = 1
    /// The first type error in it, in the order in which Prometheus looks for them; it is reported only if
    /// the whole text has no other error.
    var failure: SyntaxFailure?
}

/// Reads expressions from tokens, one token ahead, and checks their types while it builds them.
struct ExpressionReader {
    let bytes: [UInt8]
    let limits: Limits
    private var lexer: Lexer
    /// The next token.
    private(set) var token: Token
    /// The offset behind the last token that was taken.
    private(set) var lastEnd = 0
    /// How many aggregations are open; an unexpected token inside one is reported as "in aggregation".
    var openAggregationCount = 0

    /// A reader at the first token of `bytes`.
    init(_ bytes: [UInt8], _ limits: Limits) throws(SyntaxFailure) {
        guard bytes.count <= limits.queryTextBytes else {
            throw SyntaxFailure(
                "\(bytes.count) bytes are more than the limit query_text_bytes (\(limits.queryTextBytes))",
                at: SourceSpan(0, bytes.count)
            )
        }
        self.bytes = bytes
        self.limits = limits
        lexer = Lexer(bytes)
        token = lexer.next()
    }

    /// The expression that the whole text is.
    mutating func wholeExpression() throws(SyntaxFailure) -> Parsed {
        guard token.kind != .endOfInput else {
            throw SyntaxFailure("no expression found in input", at: SourceSpan(0, 0))
        }
        let parsed = try expression()
        guard token.kind == .endOfInput else { throw unexpected() }
        return parsed
    }

    /// The instant vector selector that the whole text is.
    mutating func wholeSelector() throws(SyntaxFailure) -> Selector {
        let parsed: Parsed
        if token.kind == .leftBrace {
            parsed = try selector(named: nil)
        } else if canBeMetricName(token.kind) {
            parsed = try selector(named: take())
        } else {
            throw unexpected()
        }
        guard token.kind == .endOfInput, case .selector(let selector) = parsed.expr.node else {
            throw unexpected()
        }
        return selector
    }

    // MARK: Tokens

    /// Takes the next token.
    @discardableResult
    mutating func take() -> Token {
        let taken = token
        lastEnd = taken.span.end
        token = lexer.next()
        return taken
    }

    /// Takes the next token if it is of `kind`.
    mutating func accept(_ kind: Token.Kind) -> Bool {
        guard token.kind == kind else { return false }
        take()
        return true
    }

    /// The bytes of `token`.
    func bytes(of token: Token) -> ArraySlice<UInt8> {
        bytes[token.span.start..<token.span.end]
    }

    /// The text of `token`.
    func text(of token: Token) -> String {
        String(decoding: bytes(of: token), as: UTF8.self)
    }

    /// The value of the string `token` in a selector or a list of labels, which must be UTF-8: escapes can
    /// make it something else, which no label's name or value may be.
    func string(_ token: Token) throws(SyntaxFailure) -> String {
        guard let value = String(validating: StringText.bytes(of: bytes(of: token)), as: UTF8.self) else {
            throw SyntaxFailure("invalid UTF-8 in string \(text(of: token))", at: token.span)
        }
        return value
    }

    // MARK: Errors

    /// That the next token does not fit where an expression or an operator may stand.
    func unexpected() -> SyntaxFailure {
        unexpected(in: openAggregationCount > 0 ? "aggregation" : "")
    }

    /// That the next token does not fit into `context`, where `expected` may stand.
    func unexpected(in context: String, expected: String = "") -> SyntaxFailure {
        unexpected(token, in: context, expected: expected)
    }

    /// That `token` does not fit into `context`, where `expected` may stand.
    func unexpected(_ token: Token, in context: String, expected: String) -> SyntaxFailure {
        if case .failure(let message) = token.kind { return SyntaxFailure(message, at: token.span) }
        var message = "unexpected " + token.described(as: text(of: token))
        if !context.isEmpty { message += " in " + context }
        if !expected.isEmpty { message += ", expected " + expected }
        return SyntaxFailure(message, at: token.span)
    }

    /// Checks how many parentheses, calls and signs are open at the next token.
    func checkNesting(_ depth: Int) throws(SyntaxFailure) {
        guard depth <= Limits.nestingDepth else {
            throw SyntaxFailure(
                "expression is nested deeper than \(Limits.nestingDepth) levels",
                at: token.span
            )
        }
    }

    /// Checks the depth of the tree of `parsed`.
    func checked(_ parsed: Parsed) throws(SyntaxFailure) -> Parsed {
        guard parsed.depth <= Parser.treeDepthLimit else {
            throw SyntaxFailure(
                "expression is nested deeper than \(Parser.treeDepthLimit) levels",
                at: parsed.expr.span
            )
        }
        return parsed
    }
}
