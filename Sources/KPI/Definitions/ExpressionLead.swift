import PromQL

/// How far behind a range the sample may lie that `smoothed` takes, at most, in milliseconds.
private let smoothedReachMillis: Int64 = 3_600_000

extension Expr {
    /// How far behind the time of its evaluation the expression reads samples, in milliseconds; nil if that
    /// does not move with the time of the evaluation, or is not known.
    var leadMillis: Int64? {
        var lead: Int64 = 0
        var open = [(expr: self, delay: Int64(0))]
        while let (expr, delay) = open.popLast() {
            switch expr.node {
            case .selector(let selector):
                guard let own = selector.modifiers.delayMillis else { return nil }
                // Between samples, `smoothed` looks at the next one.
                let beyond = selector.rangeExtension == .smoothed ? smoothedReachMillis : 0
                lead = max(lead, beyond - (delay + own))
            case .subquery(let subquery):
                guard let own = subquery.modifiers.delayMillis else { return nil }
                open.append((subquery.base, delay + own))
            case .queryTime: return nil
            default: open += expr.parts.map { ($0, delay) }
            }
        }
        return lead
    }
}

extension TimeModifiers {
    /// How much earlier than the evaluation it reads; nil if it reads a fixed time, or a computed one.
    var delayMillis: Int64? {
        guard at == nil else { return nil }
        return offset.map(\.plainMillis) ?? 0
    }
}

extension DurationExpr {
    /// The milliseconds; nil if they have to be computed, or are more than a century.
    var plainMillis: Int64? {
        let limit: Int64 = 3_200_000_000_000
        switch self {
        case .constant(let millis, _): return millis.magnitude < limit ? millis : nil
        case .number(let seconds): return seconds.magnitude < 3.2e9 ? Int64(seconds * 1000) : nil
        case .unary(let sign, let inner): return inner.plainMillis.map { sign == .minus ? -$0 : $0 }
        case .parenthesized(let inner): return inner.plainMillis
        default: return nil
        }
    }
}
