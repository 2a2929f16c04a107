import Model

extension Expr {
    /// The type of the expression's value.
    package var valueType: ValueType {
        var expr = self
        while true {
            switch expr.node {
            case .number, .queryTime: return .scalar
            case .string, .bytes: return .string
            case .selector, .aggregate: return .vector
            case .matrix, .subquery: return .matrix
            case .call(let function, _): return FunctionSignature.named(function)?.result ?? .none
            case .unary(_, let operand): expr = operand
            case .parenthesized(let inner): expr = inner
            case .binary: return expr.hasOnlyScalarOperands ? .scalar : .vector
            }
        }
    }

    /// Calls `body` with every selector in the expression, from left to right, and the place where it is
    /// written.
    ///
    /// - Throws: What `body` throws.
    package func forEachSelector<Failure: Error>(
        _ body: (Selector, SourceSpan) throws(Failure) -> Void
    ) throws(Failure) {
        var open = [self]
        while let expr = open.popLast() {
            if case .selector(let selector) = expr.node { try body(selector, expr.span) }
            open.append(contentsOf: expr.parts.reversed())
        }
    }

    /// Whether all that the expression reads of `source` is stored there, nothing computed for the request.
    package func readsOnlyStored(of source: any SeriesSource) -> Bool {
        var open = [self]
        while let expr = open.popLast() {
            if case .selector(let selector) = expr.node, source.dependsOnHints(selector.matchers) {
                return false
            }
            open.append(contentsOf: expr.parts)
        }
        return true
    }

    /// The expressions that this one directly consists of, in the order of the text.
    package var parts: [Expr] {
        switch node {
        case .number, .string, .bytes, .selector, .queryTime: []
        case .matrix(let base, _): [base]
        case .subquery(let subquery): [subquery.base]
        case .call(_, let arguments): arguments
        case .aggregate(let aggregation): [aggregation.parameter, aggregation.expr].compactMap(\.self)
        case .binary(let binary): [binary.left, binary.right]
        case .unary(_, let operand): [operand]
        case .parenthesized(let inner): [inner]
        }
    }

    /// Whether nothing but scalars stands between the operators of this one.
    private var hasOnlyScalarOperands: Bool {
        var open = [self]
        while let expr = open.popLast() {
            switch expr.node {
            case .binary, .unary, .parenthesized: open.append(contentsOf: expr.parts)
            default: if expr.valueType != .scalar { return false }
            }
        }
        return true
    }
}
