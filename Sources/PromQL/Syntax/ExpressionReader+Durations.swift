/// Where a duration stands, for the message about a token that does not fit.
struct DurationContext {
    var context: String
    var expected: String
}

/// A duration under construction.
struct ParsedDuration {
    /// A number or duration as it was written, with its sign.
    struct Literal {
        var seconds: Double
        var isNumber: Bool
    }

    /// The duration as a part of a computation.
    var expr: DurationExpr
    /// Where it stands.
    var span: SourceSpan
    /// The literal that it is, also inside parentheses; nil if it is computed.
    var literal: Literal?
    /// The number of levels of its tree.
    var depth = 1

    /// A literal.
    init(_ literal: Literal, _ span: SourceSpan) {
        self.literal = literal
        self.span = span
        expr =
            literal.isNumber
            ? .number(literal.seconds)
            : .constant(millis: DurationExpr.millis(seconds: literal.seconds), isNumber: false)
    }

    /// A computed duration.
    init(_ expr: DurationExpr, _ span: SourceSpan, depth: Int = 1) {
        self.expr = expr
        self.span = span
        self.depth = depth
    }

    /// The duration by itself: a literal is a constant in milliseconds, whatever it was written as.
    var asWhole: DurationExpr {
        guard let literal else { return expr }
        return .constant(millis: DurationExpr.millis(seconds: literal.seconds), isNumber: literal.isNumber)
    }
}

extension DurationExpr {
    /// `seconds` in whole milliseconds, rounded to nanoseconds and then cut towards zero as in Prometheus; 0
    /// if they do not fit.
    static func millis(seconds: Double) -> Int64 {
        let nanos = (seconds * 1e9).rounded(.toNearestOrAwayFromZero)
        return Int64(exactly: (nanos / 1e6).rounded(.towardZero)) ?? 0
    }
}

/// A duration that is being read, with what it will be part of.
struct OpenDuration {
    enum Purpose {
        case whole
        /// What stands in the parentheses that begin here.
        case parentheses(start: Int)
        /// The first of the two durations of `min_of` or `max_of`, or the second one once the first is known.
        case extremum(isMaximum: Bool, start: Int, first: ParsedDuration?)
    }

    var purpose: Purpose
    var operands: [ParsedDuration] = []
    var pending: [PendingOperator] = []

    init(_ purpose: Purpose) {
        self.purpose = purpose
    }
}

/// Durations, which may be computed; like expressions they are read without recursion.
extension ExpressionReader {
    /// The longest duration in seconds: Prometheus counts nanoseconds in 64 bits.
    private static let longestSeconds = 9_223_372_036.854775807

    /// What the end of a duration completes.
    private enum Closed {
        case whole(ParsedDuration)
        case operand(ParsedDuration)
        /// The first duration of a `min_of` or `max_of`.
        case first
    }

    /// A duration, up to the first token that does not continue it.
    mutating func duration(in context: DurationContext) throws(SyntaxFailure) -> ParsedDuration {
        try continueDuration([OpenDuration(.whole)], in: context)
    }

    /// The duration behind `offset`.
    ///
    /// Only one in parentheses goes on with an operator: `a offset 1m + 1m` is `(a offset 1m) + 1m`.
    mutating func offsetDuration(in context: DurationContext) throws(SyntaxFailure) -> ParsedDuration {
        if token.kind == .leftParen { return try duration(in: context) }
        guard let sign = sign(token.kind) else { return try singleDuration(in: context) }
        let start = take().span.start
        guard self.sign(token.kind) == nil else { throw unexpected(context) }
        return try signed(sign, try singleDuration(in: context), from: start)
    }

    /// A duration without operators next to it.
    private mutating func singleDuration(in context: DurationContext) throws(SyntaxFailure) -> ParsedDuration
    {
        var open: [OpenDuration] = []
        if let duration = try startDuration(&open, in: context) { return duration }
        return try continueDuration(open, in: context)
    }

    /// Reads on in the innermost of `open` until the outermost is complete.
    private mutating func continueDuration(
        _ open: [OpenDuration],
        in context: DurationContext
    ) throws(SyntaxFailure) -> ParsedDuration {
        var open = open
        while true {
            while let sign = sign(token.kind) {
                open[open.count - 1].pending.append(PendingOperator(kind: .sign(sign), span: take().span))
                try checkNesting(open.count + open[open.count - 1].pending.count)
            }
            guard var operand = try startDuration(&open, in: context) else { continue }
            behind: while true {
                open[open.count - 1].operands.append(operand)
                if case .binary(let op) = token.kind, op.isArithmetic {
                    try readOperator(op, into: &open[open.count - 1], depth: open.count)
                    break behind
                }
                switch try close(&open, in: context) {
                case .whole(let duration): return duration
                case .operand(let duration):
                    if open.isEmpty { return duration }
                    operand = duration
                case .first: break behind
                }
            }
        }
    }

    private mutating func readOperator(
        _ op: BinaryOperator,
        into open: inout OpenDuration,
        depth: Int
    ) throws(SyntaxFailure) {
        while let last = open.pending.last, last.comes(before: op) {
            open.pending.removeLast()
            try apply(last, to: &open.operands)
        }
        open.pending.append(PendingOperator(kind: .binary(op, OperatorModifiers()), span: take().span))
        try checkNesting(depth + open.pending.count)
    }

    /// A literal, `step()` or `range()`; nil if something was opened instead that now is the innermost
    /// duration.
    private mutating func startDuration(
        _ open: inout [OpenDuration],
        in context: DurationContext
    ) throws(SyntaxFailure) -> ParsedDuration? {
        let start = token.span.start
        switch token.kind {
        case .number, .duration: return try durationLiteral()
        case .queryTime(.step), .queryTime(.range):
            let isStep = take().kind == .queryTime(.step)
            guard accept(.leftParen), accept(.rightParen) else { throw unexpected(context) }
            return ParsedDuration(isStep ? .step : .range, SourceSpan(start, lastEnd))
        case .extremum, .aggregation(.min), .aggregation(.max):
            let name = take()
            guard accept(.leftParen) else {
                // `min` alone is not the beginning of anything here.
                guard case .aggregation = name.kind else { throw unexpected(context) }
                throw unexpected(name, in: context.context, expected: context.expected)
            }
            let isMaximum = name.kind == .extremum(isMaximum: true) || name.kind == .aggregation(.max)
            open.append(OpenDuration(.extremum(isMaximum: isMaximum, start: start, first: nil)))
        case .leftParen:
            take()
            open.append(OpenDuration(.parentheses(start: start)))
        default: throw unexpected(context)
        }
        try checkNesting(open.count)
        return nil
    }

    private mutating func durationLiteral() throws(SyntaxFailure) -> ParsedDuration {
        let literal = take()
        let seconds = try literalSeconds(literal)
        guard abs(seconds) <= ExpressionReader.longestSeconds else {
            throw SyntaxFailure("duration out of range", at: literal.span)
        }
        return ParsedDuration(
            ParsedDuration.Literal(seconds: seconds, isNumber: literal.kind == .number),
            literal.span
        )
    }

    /// Ends the innermost duration at a token that does not continue it.
    private mutating func close(
        _ open: inout [OpenDuration],
        in context: DurationContext
    ) throws(SyntaxFailure) -> Closed {
        guard var last = open.popLast() else { preconditionFailure("BUG: expected an open duration") }
        while let pending = last.pending.popLast() { try apply(pending, to: &last.operands) }
        guard var duration = last.operands.popLast(), last.operands.isEmpty else {
            preconditionFailure("BUG: expected one duration to be left")
        }
        switch last.purpose {
        case .whole: return .whole(duration)
        case .parentheses(let start):
            guard accept(.rightParen) else { throw unexpected(context) }
            duration.expr = .parenthesized(duration.expr)
            duration.span = SourceSpan(start, lastEnd)
            duration.depth += 1
            return .operand(try checked(duration))
        case .extremum(let isMaximum, let start, nil):
            guard accept(.comma) else { throw unexpected(context) }
            open.append(OpenDuration(.extremum(isMaximum: isMaximum, start: start, first: duration)))
            return .first
        case .extremum(let isMaximum, let start, let first?):
            guard accept(.rightParen) else { throw unexpected(context) }
            let expr: DurationExpr =
                isMaximum ? .maximum(first.expr, duration.expr) : .minimum(first.expr, duration.expr)
            let depth = 1 + max(first.depth, duration.depth)
            return .operand(try checked(ParsedDuration(expr, SourceSpan(start, lastEnd), depth: depth)))
        }
    }

    // MARK: Operators

    private func apply(
        _ pending: PendingOperator,
        to operands: inout [ParsedDuration]
    ) throws(SyntaxFailure) {
        guard let right = operands.popLast() else { preconditionFailure("BUG: expected a duration") }
        switch pending.kind {
        case .sign(let sign):
            operands.append(try signed(sign, right, from: pending.span.start))
        case .binary(let op, _):
            guard let left = operands.popLast() else { preconditionFailure("BUG: expected a left duration") }
            if right.literal?.seconds == 0, op == .divide || op == .modulo {
                if case .failure = token.kind { throw unexpected() }
                throw SyntaxFailure("\(op == .divide ? "division" : "modulo") by zero", at: pending.span)
            }
            let span = SourceSpan(left.span.start, right.span.end)
            let depth = 1 + max(left.depth, right.depth)
            operands.append(
                try checked(ParsedDuration(.binary(op, left.expr, right.expr), span, depth: depth))
            )
        }
    }

    /// `operand` with a sign before it; a plus does nothing.
    private func signed(
        _ sign: UnaryOperator,
        _ operand: ParsedDuration,
        from start: Int
    ) throws(SyntaxFailure) -> ParsedDuration {
        let span = SourceSpan(start, operand.span.end)
        if case .parenthesized = operand.expr {
            // The sign of a literal in parentheses counts too, but how it was written stays.
            guard sign == .minus else { return operand }
            var result = ParsedDuration(.unary(.minus, operand.expr), span, depth: operand.depth + 1)
            result.literal = operand.literal.map { .init(seconds: -$0.seconds, isNumber: $0.isNumber) }
            return try checked(result)
        }
        if var literal = operand.literal {
            if sign == .minus { literal.seconds.negate() }
            return ParsedDuration(literal, span)
        }
        guard sign == .minus else { return operand }
        return try checked(ParsedDuration(.unary(.minus, operand.expr), span, depth: operand.depth + 1))
    }

    // MARK: Checks

    private func unexpected(_ context: DurationContext) -> SyntaxFailure {
        unexpected(in: context.context, expected: context.expected)
    }

    private func checked(_ duration: ParsedDuration) throws(SyntaxFailure) -> ParsedDuration {
        try checkNesting(duration.depth)
        return duration
    }
}

extension BinaryOperator {
    /// Whether it is `+ - * / % ^`, which durations may be computed with.
    var isArithmetic: Bool {
        switch self {
        case .add, .subtract, .multiply, .divide, .modulo, .power: true
        default: false
        }
    }
}
