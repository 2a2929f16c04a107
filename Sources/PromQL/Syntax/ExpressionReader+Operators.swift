/// What was written behind a binary operator, before its right side.
struct OperatorModifiers {
    var returnsBool = false
    var matching = VectorMatching()
}

/// An operator whose right side is still being read.
struct PendingOperator {
    enum Kind {
        case sign(UnaryOperator)
        case binary(BinaryOperator, OperatorModifiers)
    }

    var kind: Kind
    /// Where the operator stands.
    var span: SourceSpan

    /// How tightly it binds; a sign binds like `*`, so that `-2^2` is `-(2^2)`.
    var precedence: Int {
        switch kind {
        case .sign: BinaryOperator.multiply.precedence
        case .binary(let op, _): op.precedence
        }
    }

    /// Whether it gets its right side before `next` does: it binds tighter, or as tightly and from the left.
    func comes(before next: BinaryOperator) -> Bool {
        precedence > next.precedence || (precedence == next.precedence && next != .power)
    }

    /// Whether its right side may again begin with such an operator, without end.
    var nests: Bool {
        switch kind {
        case .sign, .binary(.power, _): true
        case .binary: false
        }
    }
}

extension BinaryOperator {
    /// How tightly it binds, from 1.
    var precedence: Int {
        switch self {
        case .or: 1
        case .and, .unless: 2
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .trimUpper, .trimLower: 3
        case .add, .subtract: 4
        case .multiply, .divide, .modulo, .atan2: 5
        case .power: 6
        }
    }
}

/// An expression that is being read, with what it will be part of.
struct OpenExpression {
    enum Purpose {
        case whole
        /// What stands in the parentheses that begin here.
        case parentheses(start: Int)
        /// An argument of a call or aggregation.
        case argument(of: Callee)
    }

    var purpose: Purpose
    var operands: [Parsed] = []
    var pending: [PendingOperator] = []
    /// How many of `pending` nest.
    var nestingCount = 0
    /// The arguments before this one.
    var arguments: [Parsed] = []

    init(_ purpose: Purpose) {
        self.purpose = purpose
    }
}

/// Expressions of operators.
///
/// Neither operators nor parentheses nor calls recurse: what is open waits on a stack, so that a text cannot
/// exhaust the thread's.
extension ExpressionReader {
    /// What the end of an expression completes.
    private enum Closed {
        case whole(Parsed)
        /// Something that operators stand next to.
        case operand(Parsed)
        /// An argument that another one follows.
        case argument
    }

    /// An expression, up to the first token that does not continue it.
    mutating func expression() throws(SyntaxFailure) -> Parsed {
        var open = [OpenExpression(.whole)]
        while true {
            try readSigns(into: &open[open.count - 1], depth: open.count)
            guard var operand = try startOperand(&open) else { continue }
            behind: while true {
                try readModifiers(into: &operand)
                open[open.count - 1].operands.append(operand)
                if case .binary(let op) = token.kind {
                    try readOperator(op, into: &open[open.count - 1], depth: open.count)
                    break behind
                }
                switch try close(&open) {
                case .whole(let parsed): return parsed
                case .operand(let parsed): operand = parsed
                case .argument: break behind
                }
            }
        }
    }

    private mutating func readSigns(into open: inout OpenExpression, depth: Int) throws(SyntaxFailure) {
        while let sign = sign(token.kind) {
            open.pending.append(PendingOperator(kind: .sign(sign), span: take().span))
            open.nestingCount += 1
            try checkNesting(depth + open.nestingCount)
        }
    }

    private mutating func readOperator(
        _ op: BinaryOperator,
        into open: inout OpenExpression,
        depth: Int
    ) throws(SyntaxFailure) {
        while let last = open.pending.last, last.comes(before: op) {
            open.nestingCount -= last.nests ? 1 : 0
            open.pending.removeLast()
            try apply(last, to: &open.operands)
        }
        let span = take().span
        open.pending.append(PendingOperator(kind: .binary(op, try operatorModifiers()), span: span))
        open.nestingCount += op == .power ? 1 : 0
        try checkNesting(depth + open.nestingCount)
    }

    /// Ends the innermost expression at a token that does not continue it.
    private mutating func close(_ open: inout [OpenExpression]) throws(SyntaxFailure) -> Closed {
        guard var last = open.popLast() else { preconditionFailure("BUG: expected an open expression") }
        while let pending = last.pending.popLast() { try apply(pending, to: &last.operands) }
        guard let parsed = last.operands.popLast(), last.operands.isEmpty else {
            preconditionFailure("BUG: expected one operand to be left")
        }
        switch last.purpose {
        case .whole: return .whole(parsed)
        case .parentheses(let start): return .operand(try parenthesized(parsed, from: start))
        case .argument(let callee):
            last.arguments.append(parsed)
            if accept(.rightParen) { return .operand(try finish(callee, last.arguments)) }
            try readComma()
            last.nestingCount = 0
            open.append(last)
            return .argument
        }
    }

    /// The sign that `kind` is, or nil.
    func sign(_ kind: Token.Kind) -> UnaryOperator? {
        switch kind {
        case .binary(.add): .plus
        case .binary(.subtract): .minus
        default: nil
        }
    }

    /// Replaces the last operands by what `pending` makes of them.
    private func apply(_ pending: PendingOperator, to operands: inout [Parsed]) throws(SyntaxFailure) {
        guard let right = operands.popLast() else { preconditionFailure("BUG: expected an operand") }
        switch pending.kind {
        case .sign(let sign):
            operands.append(try unary(sign, right, from: pending.span.start))
        case .binary(let op, let modifiers):
            guard let left = operands.popLast() else { preconditionFailure("BUG: expected a left operand") }
            operands.append(try binary(op, left, right, modifiers))
        }
    }

    // MARK: Behind an operator

    /// `bool`, `on`/`ignoring` with `group_left`/`group_right`, and `fill`.
    private mutating func operatorModifiers() throws(SyntaxFailure) -> OperatorModifiers {
        var modifiers = OperatorModifiers()
        modifiers.returnsBool = accept(.keyword(.bool))
        if token.kind == .keyword(.on) || token.kind == .keyword(.ignoring) {
            modifiers.matching.isOn = take().kind == .keyword(.on)
            modifiers.matching.labels = try labelList()
            if token.kind == .keyword(.groupLeft) || token.kind == .keyword(.groupRight) {
                modifiers.matching.cardinality = take().kind == .keyword(.groupLeft) ? .manyToOne : .oneToMany
                if token.kind == .leftParen || !canStartExpression(token.kind) {
                    modifiers.matching.include = try labelList()
                }
            }
        }
        try fillModifiers(&modifiers.matching)
        return modifiers
    }

    /// `fill(v)`, or `fill_left(v)` and `fill_right(v)` in any order.
    private mutating func fillModifiers(_ matching: inout VectorMatching) throws(SyntaxFailure) {
        if accept(.keyword(.fill)) {
            let value = try fillValue()
            matching.fillLeft = value
            matching.fillRight = value
        } else if accept(.keyword(.fillLeft)) {
            matching.fillLeft = try fillValue()
            if accept(.keyword(.fillRight)) { matching.fillRight = try fillValue() }
        } else if accept(.keyword(.fillRight)) {
            matching.fillRight = try fillValue()
            if accept(.keyword(.fillLeft)) { matching.fillLeft = try fillValue() }
        }
    }

    private mutating func fillValue() throws(SyntaxFailure) -> Double {
        guard accept(.leftParen) else { throw unexpected() }
        let sign = sign(token.kind)
        if sign != nil { take() }
        guard token.kind == .number || token.kind == .duration else { throw unexpected() }
        let value = try literalSeconds(take())
        guard accept(.rightParen) else { throw unexpected() }
        return sign == .minus ? -value : value
    }

    // MARK: Labels

    /// The labels in parentheses behind `by`, `on`, `group_left` and so on.
    mutating func labelList() throws(SyntaxFailure) -> [String] {
        guard accept(.leftParen) else { throw unexpected(in: "grouping opts", expected: "\"(\"") }
        var labels: [String] = []
        if accept(.rightParen) { return labels }
        while true {
            labels.append(try groupingLabel())
            if accept(.comma) {
                if accept(.rightParen) { return labels }
            } else if accept(.rightParen) {
                return labels
            } else {
                throw unexpected(in: "grouping opts", expected: "\",\" or \")\"")
            }
        }
    }

    private mutating func groupingLabel() throws(SyntaxFailure) -> String {
        switch token.kind {
        case .identifier, .metricIdentifier, .aggregation, .keyword, .queryTime, .extremum,
            .binary(.and), .binary(.or), .binary(.unless), .binary(.atan2):
            return text(of: take())
        case .string:
            let label = take()
            let name = try string(label)
            guard !name.isEmpty else {
                throw SyntaxFailure("invalid label name for grouping: \"\"", at: label.span)
            }
            return name
        default:
            throw unexpected(in: "grouping opts", expected: "label")
        }
    }
}
