import PromQL

/// How far the samples that an expression reads lie from the time of its evaluation: a sample at t counts at
/// evaluations from t - `leadMillis` to t + `reachMillis`, and at no other.
struct ExpressionSpan: Hashable, Sendable {
    /// How far a sample may lie behind the evaluation, in milliseconds; at least 0.
    private(set) var leadMillis: Int64 = 0
    /// How far it may lie before the evaluation, in milliseconds; at least 0.
    private(set) var reachMillis: Int64 = 0

    /// A selector with these edges looks for neighbours as far as this beyond its range, in milliseconds.
    private static let edgeMillis: Int64 = 3_600_000

    /// The span of `expr`; nil if it reads fixed times, times that have to be computed, or series that it
    /// does not name.
    init?(_ expr: Expr, _ options: EngineOptions) {
        guard let lead = expr.leadMillis else { return nil }
        leadMillis = lead
        var open = [Part(expr: expr)]
        while let part = open.popLast() {
            switch part.expr.node {
            case .selector(let selector):
                guard let own = selector.modifiers.delayMillis else { return nil }
                let edge = selector.rangeExtension == .none ? 0 : ExpressionSpan.edgeMillis
                let lookback = options.lookbackMillis
                let length = max(part.rangeMillis, lookback) + lookback + edge
                reachMillis = max(reachMillis, part.delayMillis + own + length)
            case .matrix(let base, let range):
                guard let millis = range.plainMillis else { return nil }
                open.append(Part(expr: base, delayMillis: part.delayMillis, rangeMillis: millis))
            case .subquery(let subquery):
                // The first step of a subquery may lie a step before its range.
                guard let own = subquery.modifiers.delayMillis, let range = subquery.range.plainMillis,
                    let step = subquery.step.map(\.plainMillis) ?? options.defaultSubqueryStepMillis
                else { return nil }
                open.append(Part(expr: subquery.base, delayMillis: part.delayMillis + own + range + step))
            case .call("info", _): return nil
            default: open += part.expr.parts.map { Part(expr: $0, delayMillis: part.delayMillis) }
            }
        }
    }

    /// A part of an expression, by how much it is evaluated before the whole at most, and over how long.
    private struct Part {
        var expr: Expr
        var delayMillis: Int64 = 0
        var rangeMillis: Int64 = 0
    }

    /// The buckets whose values a sample at `millis` may change.
    func buckets(of millis: Int64) -> Range<Int64> {
        let grain = ExpressionBuckets.bucketMillis
        let millis = min(max(millis, Int64.min / 8), Int64.max / 8)
        let first = (millis - leadMillis).floored(by: grain) * grain
        return first..<((millis + reachMillis).floored(by: grain) * grain + grain)
    }
}
