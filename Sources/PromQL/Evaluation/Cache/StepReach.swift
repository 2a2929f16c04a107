import Model

/// How far back the steps of an expression look, for expressions whose value at a step depends on that step's
/// time and on samples before it alone.
///
/// Not of that kind are expressions that fix a time (`@`), look ahead, ask for the query's own range, choose
/// series by their order (`limitk`), or read series that a source computes for the request.
enum StepReach {
    /// Reaches, and times, up to here are far from overflowing.
    static let limitMillis: Int64 = 1 << 52

    /// How far before a step samples are looked at, in milliseconds; nil if steps depend on something else.
    static func millis(
        _ expr: Expr,
        lookbackMillis: Int64,
        defaultSubqueryStepMillis: Int64,
        _ source: any SeriesSource
    ) -> Int64? {
        var most: Int64 = 0
        // A stack of its own: expressions may be long chains.
        var open: [(expr: Expr, reach: Int64)] = [(expr, 0)]
        while let (expr, reach) = open.popLast() {
            guard reach < limitMillis else { return nil }
            switch expr.node {
            case .number, .string, .bytes: break
            case .queryTime: return nil
            case .parenthesized(let inner), .unary(_, let inner): open.append((inner, reach))
            case .binary(let binary):
                open.append((binary.left, reach))
                open.append((binary.right, reach))
            case .call(let function, let arguments):
                if function == "info" { return nil }
                for argument in arguments { open.append((argument, reach)) }
            case .aggregate(let aggregation):
                if aggregation.op == .limitk || aggregation.op == .limitRatio { return nil }
                open.append((aggregation.expr, reach))
                if let parameter = aggregation.parameter { open.append((parameter, reach)) }
            case .matrix(let base, let range):
                guard let length = constant(range) else { return nil }
                open.append((base, reach + length))
            case .subquery(let subquery):
                guard let length = constant(subquery.range),
                    let step = subquery.step.map(constant) ?? defaultSubqueryStepMillis,
                    let offset = offset(subquery.modifiers)
                else { return nil }
                open.append((subquery.base, reach + length + step + offset))
            case .selector(let selector):
                guard selector.rangeExtension == .none, let offset = offset(selector.modifiers),
                    !source.dependsOnHints(selector.matchers)
                else { return nil }
                most = max(most, reach + offset + lookbackMillis)
            }
        }
        return most < limitMillis ? most : nil
    }

    private static func offset(_ modifiers: TimeModifiers) -> Int64? {
        guard modifiers.at == nil else { return nil }
        guard let offset = modifiers.offset else { return 0 }
        return constant(offset)
    }

    /// The duration if it is written as such and does not look ahead.
    private static func constant(_ duration: DurationExpr) -> Int64? {
        guard case .constant(let millis, _) = duration, millis >= 0, millis < limitMillis else { return nil }
        return millis
    }
}
