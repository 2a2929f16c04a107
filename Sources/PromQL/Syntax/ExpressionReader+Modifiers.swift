import Model

/// What stands behind a selector or an expression: ranges, `offset`, `@`, `anchored` and `smoothed`.
extension ExpressionReader {
    private static let durationForms = "number, duration, step(), or range()"

    // MARK: Brackets

    /// The range vector selector or subquery that the brackets behind `base` make of it.
    mutating func rangeOrSubquery(of base: Parsed) throws(SyntaxFailure) -> Parsed {
        let bracket = take()
        let range = try positiveDuration(
            in: "subquery or range selector",
            expected: ExpressionReader.durationForms
        )
        if accept(.rightBracket) { return try matrix(base, range, from: bracket.span.start) }
        guard accept(.colon) else { throw unexpected(in: "subquery or range", expected: "\":\" or \"]\"") }
        var step: DurationExpr?
        if !accept(.rightBracket) {
            step = try positiveDuration(
                in: "subquery selector",
                expected: "number, duration, step(), range(), or \"]\""
            )
            guard accept(.rightBracket) else { throw unexpected(in: "subquery selector", expected: "\"]\"") }
        }
        return try subquery(base, range, step)
    }

    private mutating func positiveDuration(
        in context: String,
        expected: String
    ) throws(SyntaxFailure) -> DurationExpr {
        let duration = try duration(in: DurationContext(context: context, expected: expected))
        if case .failure = token.kind { throw unexpected() }
        if let seconds = duration.literal?.seconds, DurationExpr.millis(seconds: seconds) <= 0 {
            throw SyntaxFailure("duration must be greater than 0", at: duration.span)
        }
        return duration.asWhole
    }

    private func matrix(
        _ base: Parsed,
        _ range: DurationExpr,
        from bracket: Int
    ) throws(SyntaxFailure) -> Parsed {
        let brackets = SourceSpan(bracket, lastEnd)
        guard case .selector(let selector) = base.expr.node else {
            throw SyntaxFailure("ranges only allowed for vector selectors", at: brackets)
        }
        guard selector.modifiers.offset == nil else {
            throw SyntaxFailure("no offset modifiers allowed before range", at: brackets)
        }
        if case .time = selector.modifiers.at {
            throw SyntaxFailure("no @ modifiers allowed before range", at: brackets)
        }
        var parsed = base
        parsed.expr = Expr(.matrix(base: base.expr, range: range), SourceSpan(base.expr.span.start, lastEnd))
        parsed.type = .matrix
        parsed.depth += 1
        return try checked(parsed)
    }

    private func subquery(
        _ base: Parsed,
        _ range: DurationExpr,
        _ step: DurationExpr?
    ) throws(SyntaxFailure) -> Parsed {
        let span = SourceSpan(base.expr.span.start, lastEnd)
        var parsed = base
        parsed.expr = Expr(.subquery(Subquery(base: base.expr, range: range, step: step)), span)
        parsed.type = .matrix
        parsed.depth += 1
        if base.failure == nil, base.type != .vector {
            parsed.failure = SyntaxFailure(
                "subquery is only allowed on instant vector, got \(base.type.rawValue) instead",
                at: span
            )
        }
        return try checked(parsed)
    }

    // MARK: Times

    /// `offset` with its duration.
    mutating func readOffset(into parsed: inout Parsed) throws(SyntaxFailure) {
        take()
        let context = DurationContext(context: "offset", expected: ExpressionReader.durationForms)
        let offset = try offsetDuration(in: context).asWhole
        try change(&parsed, "offset modifier") { (modifiers, span) throws(SyntaxFailure) in
            guard modifiers.offset == nil else {
                throw SyntaxFailure("offset may not be set multiple times", at: span)
            }
            // As in Prometheus, an offset of nothing is none.
            if case .constant(millis: 0, isNumber: _) = offset { return }
            modifiers.offset = offset
        }
    }

    /// `@` with its time.
    mutating func readAt(into parsed: inout Parsed) throws(SyntaxFailure) {
        take()
        var at: AtModifier
        var problem: String?
        switch token.kind {
        case .queryTime(.start), .queryTime(.end):
            at = take().kind == .queryTime(.start) ? .start : .end
            guard accept(.leftParen), accept(.rightParen) else {
                throw unexpected(in: "@", expected: "timestamp")
            }
        default:
            let sign = sign(token.kind)
            if sign != nil { take() }
            guard token.kind == .number || token.kind == .duration else {
                throw unexpected(in: "@", expected: "timestamp")
            }
            let magnitude = try literalSeconds(take())
            let seconds = sign == .minus ? -magnitude : magnitude
            let millis = (seconds * 1000).rounded(.toNearestOrAwayFromZero)
            at = .time(Timestamp(millis: Int64(exactly: millis) ?? 0))
            if Int64(exactly: millis) == nil {
                let shown = ExpressionPrinter.fixed(seconds, digitCount: 6)
                problem = "timestamp out of bounds for @ modifier: \(shown)"
            }
        }
        try change(&parsed, "@ modifier") { (modifiers, span) throws(SyntaxFailure) in
            if let problem { throw SyntaxFailure(problem, at: span) }
            guard modifiers.at == nil else {
                throw SyntaxFailure("@ <timestamp> may not be set multiple times", at: span)
            }
            modifiers.at = at
        }
    }

    /// Changes the time modifiers of the selector or subquery that `parsed` is; `name` names the modifier in
    /// errors.
    private func change(
        _ parsed: inout Parsed,
        _ name: String,
        _ body: (inout TimeModifiers, SourceSpan) throws(SyntaxFailure) -> Void
    ) throws(SyntaxFailure) {
        let span = parsed.expr.span
        switch parsed.expr.node {
        case .selector(var selector):
            try body(&selector.modifiers, span)
            parsed.expr.node = .selector(selector)
        case .matrix(var base, let range):
            guard case .selector(var selector) = base.node else {
                throw SyntaxFailure("ranges only allowed for vector selectors", at: span)
            }
            try body(&selector.modifiers, span)
            base.node = .selector(selector)
            parsed.expr.node = .matrix(base: base, range: range)
        case .subquery(var subquery):
            try body(&subquery.modifiers, span)
            parsed.expr.node = .subquery(subquery)
        default:
            throw SyntaxFailure(
                "\(name) must be preceded by an instant vector selector or range vector selector "
                    + "or a subquery",
                at: span
            )
        }
        parsed.expr.span.end = lastEnd
    }

    // MARK: Edges

    /// `anchored` or `smoothed`.
    mutating func readRangeExtension(into parsed: inout Parsed) throws(SyntaxFailure) {
        let added: RangeExtension = take().kind == .keyword(.anchored) ? .anchored : .smoothed
        let span = parsed.expr.span
        switch parsed.expr.node {
        case .selector(var selector):
            try add(added, to: &selector, at: span)
            parsed.expr.node = .selector(selector)
        case .matrix(var base, let range):
            guard case .selector(var selector) = base.node else { return }
            try add(added, to: &selector, at: span)
            base.node = .selector(selector)
            parsed.expr.node = .matrix(base: base, range: range)
        case .subquery:
            throw SyntaxFailure("\(added.rawValue) modifier is not supported for subqueries", at: span)
        default:
            throw SyntaxFailure("\(added.rawValue) modifier not implemented", at: span)
        }
    }

    private func add(
        _ added: RangeExtension,
        to selector: inout Selector,
        at span: SourceSpan
    ) throws(SyntaxFailure) {
        guard selector.rangeExtension == .none || selector.rangeExtension == added else {
            throw SyntaxFailure("anchored and smoothed modifiers cannot be used together", at: span)
        }
        selector.rangeExtension = added
    }
}
