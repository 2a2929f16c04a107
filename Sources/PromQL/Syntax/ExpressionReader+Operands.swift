import Matching
import Model

/// What arguments are given to.
enum Callee {
    case function(Token)
    case aggregation(AggregationOperator, start: Int, Grouping?)
}

/// The labels by which an aggregation groups.
struct Grouping {
    var labels: [String]
    /// Whether `labels` are those left out.
    var isWithout: Bool
}

/// What operators stand between.
extension ExpressionReader {
    /// A literal, a selector or a call without arguments; nil if something was opened instead that now is the
    /// innermost expression.
    mutating func startOperand(_ open: inout [OpenExpression]) throws(SyntaxFailure) -> Parsed? {
        switch token.kind {
        case .number, .duration, .string: return try literal()
        case .leftParen:
            open.append(OpenExpression(.parentheses(start: take().span.start)))
            try checkNesting(open.count)
            return nil
        case .leftBrace: return try selector(named: nil)
        case .aggregation(let op):
            let name = take()
            switch token.kind {
            case .leftParen, .keyword(.by), .keyword(.without):
                openAggregationCount += 1
                let callee = Callee.aggregation(op, start: name.span.start, try grouping())
                return try startArguments(of: callee, &open)
            default: return try selector(named: name)
            }
        case .identifier, .queryTime, .extremum:
            let name = take()
            guard token.kind == .leftParen else { return try selector(named: name) }
            return try startArguments(of: .function(name), &open)
        default:
            guard canBeMetricName(token.kind) else { throw unexpected() }
            return try selector(named: take())
        }
    }

    /// Reads all that modifies the operand that was read.
    mutating func readModifiers(into operand: inout Parsed) throws(SyntaxFailure) {
        while true {
            switch token.kind {
            case .leftBracket: operand = try rangeOrSubquery(of: operand)
            case .keyword(.offset): try readOffset(into: &operand)
            case .at: try readAt(into: &operand)
            case .keyword(.anchored), .keyword(.smoothed): try readRangeExtension(into: &operand)
            default: return
            }
        }
    }

    /// `inner` in the parentheses from `start` to the next token.
    mutating func parenthesized(_ inner: Parsed, from start: Int) throws(SyntaxFailure) -> Parsed {
        guard accept(.rightParen) else { throw unexpected() }
        var parsed = inner
        parsed.expr = Expr(.parenthesized(inner.expr), SourceSpan(start, lastEnd))
        parsed.depth += 1
        return try checked(parsed)
    }

    private mutating func literal() throws(SyntaxFailure) -> Parsed {
        let literal = take()
        guard literal.kind != .string else {
            let bytes = StringText.bytes(of: bytes(of: literal))
            let node = String(validating: bytes, as: UTF8.self).map(Expr.Node.string) ?? .bytes(bytes)
            return Parsed(expr: Expr(node, literal.span), type: .string)
        }
        let value = try literalSeconds(literal)
        return Parsed(
            expr: Expr(.number(value, isDuration: literal.kind == .duration), literal.span),
            type: .scalar
        )
    }

    /// The value of a number, or of a duration in seconds.
    func literalSeconds(_ literal: Token) throws(SyntaxFailure) -> Double {
        do throws(LiteralError) {
            guard literal.kind == .duration else { return try NumberText.value(of: bytes(of: literal)) }
            return Double(try NumberText.durationMillis(of: bytes(of: literal))) / 1000
        } catch {
            throw SyntaxFailure(error.message, at: literal.span)
        }
    }

    // MARK: Selectors

    /// Whether a token is a metric's name where an expression may begin; most keywords are.
    func canBeMetricName(_ kind: Token.Kind) -> Bool {
        switch kind {
        case .identifier, .metricIdentifier, .aggregation, .queryTime, .extremum,
            .binary(.and), .binary(.or), .binary(.unless):
            true
        case .keyword(let keyword):
            switch keyword {
            case .bool, .on, .ignoring, .groupLeft, .groupRight: false
            default: true
            }
        default: false
        }
    }

    /// An instant vector selector whose bare name, if it has one, was taken.
    mutating func selector(named name: Token?) throws(SyntaxFailure) -> Parsed {
        var selector = Selector(matchers: [], name: name.map { text(of: $0) })
        if let text = selector.name {
            selector.matchers.append(Matcher(Labels.metricName, .equal, text))
            selector.matchesAnySeries = false
        }
        let start = name?.span.start ?? token.span.start
        if token.kind == .leftBrace { try readMatchers(into: &selector) }
        let span = SourceSpan(start, lastEnd)
        return Parsed(
            expr: Expr(.selector(selector), span),
            type: .vector,
            failure: selectorFailure(selector, at: span)
        )
    }

    private mutating func readMatchers(into selector: inout Selector) throws(SyntaxFailure) {
        take()
        if accept(.rightBrace) { return }
        while true {
            let start = token.span.start
            let matcher = try matcher()
            do throws(RegexError) {
                if try !CompiledMatcher(matcher, regexLimit: limits.regexBytes).matchesEmpty {
                    selector.matchesAnySeries = false
                }
            } catch {
                throw SyntaxFailure(error.description, at: SourceSpan(start, lastEnd))
            }
            selector.matchers.append(matcher)
            if accept(.comma) {
                if accept(.rightBrace) { return }
            } else if accept(.rightBrace) {
                return
            } else {
                throw unexpected(in: "label matching", expected: "\",\" or \"}\"")
            }
        }
    }

    private mutating func matcher() throws(SyntaxFailure) -> Matcher {
        guard token.kind == .identifier || token.kind == .string else {
            throw unexpected(in: "label matching", expected: "identifier or \"}\"")
        }
        let isQuoted = token.kind == .string
        let first = take()
        let name = isQuoted ? try string(first) : text(of: first)
        let kind: Matcher.Kind
        switch token.kind {
        case .assign: kind = .equal
        case .binary(.notEqual): kind = .notEqual
        case .matches: kind = .regex
        case .matchesNot: kind = .notRegex
        case .failure: throw unexpected()
        default:
            if isQuoted { return Matcher(Labels.metricName, .equal, name) }
            throw unexpected(in: "label matching", expected: "label matching operator")
        }
        take()
        guard token.kind == .string else { throw unexpected(in: "label matching", expected: "string") }
        return Matcher(name, kind, try string(take()))
    }

    // MARK: Calls and aggregations

    /// Reads the parenthesis before the arguments; the finished call if there are none.
    private mutating func startArguments(
        of callee: Callee,
        _ open: inout [OpenExpression]
    ) throws(SyntaxFailure) -> Parsed? {
        guard accept(.leftParen) else { throw unexpected() }
        if accept(.rightParen) { return try finish(callee, []) }
        open.append(OpenExpression(.argument(of: callee)))
        try checkNesting(open.count)
        return nil
    }

    /// Reads the comma behind an argument.
    mutating func readComma() throws(SyntaxFailure) {
        guard token.kind == .comma else { throw unexpected() }
        let comma = take()
        if case .failure = token.kind { throw unexpected() }
        guard canStartExpression(token.kind) else {
            throw SyntaxFailure("trailing commas not allowed in function call args", at: comma.span)
        }
    }

    /// Whether an expression may begin with a token of `kind`.
    func canStartExpression(_ kind: Token.Kind) -> Bool {
        switch kind {
        case .number, .duration, .string, .leftParen, .leftBrace, .binary(.add), .binary(.subtract): true
        default: canBeMetricName(kind)
        }
    }

    /// The call whose closing parenthesis was read.
    mutating func finish(_ callee: Callee, _ arguments: [Parsed]) throws(SyntaxFailure) -> Parsed {
        switch callee {
        case .function(let name):
            let function = text(of: name)
            guard let signature = FunctionSignature.named(function) else {
                throw SyntaxFailure(
                    "unknown function with name \(QuotedText.string(function))",
                    at: name.span
                )
            }
            return try self.call(signature, arguments, at: SourceSpan(name.span.start, lastEnd))
        case .aggregation(let op, let start, let grouping):
            let grouping = grouping == nil ? try self.grouping() : grouping
            if case .failure = token.kind { throw unexpected() }
            openAggregationCount -= 1
            return try aggregate(op, arguments, grouping, at: SourceSpan(start, lastEnd))
        }
    }

    /// `by (...)` or `without (...)`, or nil if neither is there.
    private mutating func grouping() throws(SyntaxFailure) -> Grouping? {
        let isWithout = token.kind == .keyword(.without)
        guard isWithout || token.kind == .keyword(.by) else { return nil }
        take()
        return Grouping(labels: try labelList(), isWithout: isWithout)
    }
}
