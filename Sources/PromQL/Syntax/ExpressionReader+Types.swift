import Model

/// The type rules: each of these functions builds a node from its parts and notes the first error.
///
/// Source: Prometheus 3, `promql/parser` (`checkAST`). It looks at parts before the whole, save that a call's
/// number of arguments comes before the arguments.
extension ExpressionReader {
    /// A sign before an expression; that of a number becomes part of the number.
    func unary(_ sign: UnaryOperator, _ operand: Parsed, from start: Int) throws(SyntaxFailure) -> Parsed {
        let span = SourceSpan(start, operand.expr.span.end)
        if case .number(let value, let isDuration) = operand.expr.node {
            let signed = sign == .minus ? -value : value
            return Parsed(expr: Expr(.number(signed, isDuration: isDuration), span), type: .scalar)
        }
        var parsed = operand
        parsed.expr = Expr(.unary(sign, operand.expr), span)
        parsed.depth += 1
        if parsed.failure == nil, operand.type != .scalar, operand.type != .vector {
            parsed.failure = SyntaxFailure(
                "unary expression only allowed on expressions of type scalar or instant vector, "
                    + "got \(QuotedText.string(operand.type.documented))",
                at: span
            )
        }
        return try checked(parsed)
    }

    // MARK: Binary

    /// `left op right`.
    func binary(
        _ op: BinaryOperator,
        _ left: Parsed,
        _ right: Parsed,
        _ modifiers: OperatorModifiers
    ) throws(SyntaxFailure) -> Parsed {
        var binary = Binary(op, left.expr, right.expr)
        binary.returnsBool = modifiers.returnsBool
        if left.type == .vector, right.type == .vector {
            var matching = modifiers.matching
            if op.isSet, matching.cardinality == .oneToOne { matching.cardinality = .manyToMany }
            binary.matching = matching
        }
        let span = SourceSpan(left.expr.span.start, right.expr.span.end)
        return try checked(
            Parsed(
                expr: Expr(.binary(binary), span),
                type: left.type == .scalar && right.type == .scalar ? .scalar : .vector,
                depth: 1 + max(left.depth, right.depth),
                failure: left.failure ?? right.failure ?? binaryFailure(op, left, right, modifiers, at: span)
            )
        )
    }

    private func binaryFailure(
        _ op: BinaryOperator,
        _ left: Parsed,
        _ right: Parsed,
        _ modifiers: OperatorModifiers,
        at span: SourceSpan
    ) -> SyntaxFailure? {
        let matching = modifiers.matching
        let areScalars = left.type == .scalar && right.type == .scalar
        if modifiers.returnsBool, !op.isComparison {
            return SyntaxFailure(
                "bool modifier can only be used on comparison operators",
                at: operatorSpan(left, right)
            )
        }
        if op.isComparison, !modifiers.returnsBool, areScalars {
            return SyntaxFailure(
                "comparisons between scalars must use BOOL modifier",
                at: operatorSpan(left, right)
            )
        }
        if matching.isOn, !matching.include.isEmpty {
            let included = Set(matching.include)
            if let label = matching.labels.first(where: included.contains) {
                return SyntaxFailure(
                    "label \(QuotedText.string(label)) must not occur in ON and GROUP clause at once",
                    at: operatorSpan(left, right)
                )
            }
        }
        for side in [left, right] where side.type != .scalar && side.type != .vector {
            return SyntaxFailure(
                "binary expression must contain only scalar and instant vector types",
                at: side.expr.span
            )
        }
        let isFilled = matching.fillLeft != nil || matching.fillRight != nil
        if left.type == .scalar || right.type == .scalar {
            if !matching.labels.isEmpty {
                return SyntaxFailure("vector matching only allowed between instant vectors", at: span)
            }
            if isFilled {
                return SyntaxFailure(
                    "filling in missing series only allowed between instant vectors",
                    at: span
                )
            }
            guard op.isSet else { return nil }
            return SyntaxFailure(
                "set operator \"\(op.rawValue)\" not allowed in binary scalar expression",
                at: span
            )
        }
        guard op.isSet else { return nil }
        if matching.cardinality == .manyToOne || matching.cardinality == .oneToMany {
            return SyntaxFailure("no grouping allowed for \"\(op.rawValue)\" operation", at: span)
        }
        return isFilled
            ? SyntaxFailure("filling in missing series not allowed for set operators", at: span) : nil
    }

    /// What stands between the two sides, without the spaces around it.
    private func operatorSpan(_ left: Parsed, _ right: Parsed) -> SourceSpan {
        let between = bytes[left.expr.span.end..<max(left.expr.span.end, right.expr.span.start)]
        let start = between.firstIndex { !Lexer.isSpace($0) } ?? between.startIndex
        let last = between.lastIndex { !Lexer.isSpace($0) } ?? start
        return SourceSpan(start, last + 1)
    }

    // MARK: Calls

    /// A call of the function with `signature`.
    func call(
        _ signature: FunctionSignature,
        _ arguments: [Parsed],
        at span: SourceSpan
    ) throws(SyntaxFailure) -> Parsed {
        let time = arguments.isEmpty ? QueryTime(rawValue: signature.name) : nil
        let node: Expr.Node =
            time.map { .queryTime($0) } ?? .call(function: signature.name, arguments: arguments.map(\.expr))
        return try checked(
            Parsed(
                expr: Expr(node, span),
                type: signature.result,
                depth: 1 + (arguments.map(\.depth).max() ?? 0),
                failure: callFailure(signature, arguments, at: span)
            )
        )
    }

    private func callFailure(
        _ signature: FunctionSignature,
        _ arguments: [Parsed],
        at span: SourceSpan
    ) -> SyntaxFailure? {
        let name = QuotedText.string(signature.name)
        let expectedCount = signature.arguments.count
        let isVariadic = signature.variadicCount != 0
        if !isVariadic, arguments.count != expectedCount {
            return SyntaxFailure(
                "expected \(expectedCount) argument(s) in call to \(name), got \(arguments.count)",
                at: span
            )
        }
        if isVariadic, arguments.count < expectedCount - 1 {
            return SyntaxFailure(
                "expected at least \(expectedCount - 1) argument(s) in call to \(name), "
                    + "got \(arguments.count)",
                at: span
            )
        }
        let most = expectedCount - 1 + signature.variadicCount
        if signature.variadicCount > 0, arguments.count > most {
            return SyntaxFailure(
                "expected at most \(most) argument(s) in call to \(name), got \(arguments.count)",
                at: span
            )
        }
        let isInfo = signature.name == "info" && arguments.count > 1
        if isInfo, let failure = infoFailure(arguments[1], at: span) { return failure }
        for (index, argument) in arguments.enumerated() {
            let expected = signature.arguments[min(index, expectedCount - 1)]
            // The selector behind `info` may match anything.
            if let failure = argument.failure, !(isInfo && index == 1) { return failure }
            if argument.type != expected {
                return SyntaxFailure(
                    "expected type \(expected.documented) in call to function \(name), "
                        + "got \(argument.type.documented)",
                    at: argument.expr.span
                )
            }
        }
        return nil
    }

    /// What is wrong with the second argument of `info`, which must be matchers without a name.
    private func infoFailure(_ argument: Parsed, at span: SourceSpan) -> SyntaxFailure? {
        guard argument.type == .vector else {
            return SyntaxFailure(
                "expected type instant vector in call to function \"info\", got \(argument.type.documented)",
                at: span
            )
        }
        guard case .selector(let selector) = argument.expr.node else {
            return SyntaxFailure("expected label selectors only", at: argument.expr.span)
        }
        guard selector.name == nil else {
            return SyntaxFailure(
                "expected label selectors only, got vector selector instead",
                at: argument.expr.span
            )
        }
        return nil
    }

    // MARK: Aggregations

    /// An aggregation of its last argument.
    func aggregate(
        _ op: AggregationOperator,
        _ arguments: [Parsed],
        _ grouping: Grouping?,
        at span: SourceSpan
    ) throws(SyntaxFailure) -> Parsed {
        guard let expr = arguments.last else {
            throw SyntaxFailure("no arguments for aggregate expression provided", at: span)
        }
        let expectedCount = op.takesParameter ? 2 : 1
        guard arguments.count == expectedCount else {
            throw SyntaxFailure(
                "wrong number of arguments for aggregate expression provided, "
                    + "expected \(expectedCount), got \(arguments.count)",
                at: span
            )
        }
        let parameter = op.takesParameter ? arguments.first : nil
        var aggregation = Aggregation(op, expr.expr, parameter: parameter?.expr)
        aggregation.grouping = grouping?.labels ?? []
        aggregation.isWithout = grouping?.isWithout ?? false
        var failure = mismatch(expr, .vector, "aggregation expression")
        if failure == nil, let parameter {
            failure = mismatch(parameter, op == .countValues ? .string : .scalar, "aggregation parameter")
        }
        return try checked(
            Parsed(
                expr: Expr(.aggregate(aggregation), span),
                type: .vector,
                depth: 1 + max(expr.depth, parameter?.depth ?? 0),
                failure: failure
            )
        )
    }

    private func mismatch(_ part: Parsed, _ expected: ValueType, _ context: String) -> SyntaxFailure? {
        if let failure = part.failure { return failure }
        guard part.type != expected else { return nil }
        return SyntaxFailure(
            "expected type \(expected.documented) in \(context), got \(part.type.documented)",
            at: part.expr.span
        )
    }

    // MARK: Selectors

    /// What is wrong with the matchers of a selector.
    func selectorFailure(_ selector: Selector, at span: SourceSpan) -> SyntaxFailure? {
        if let name = selector.name {
            guard let other = selector.matchers.dropFirst().first(where: { $0.name == Labels.metricName })
            else {
                return nil
            }
            return SyntaxFailure(
                "metric name must not be set twice: \(QuotedText.string(name)) "
                    + "or \(QuotedText.string(other.value))",
                at: span
            )
        }
        guard selector.matchesAnySeries else { return nil }
        return SyntaxFailure("vector selector must contain at least one non-empty matcher", at: span)
    }
}
