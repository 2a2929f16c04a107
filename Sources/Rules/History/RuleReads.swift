import Matching
import Model
import PromQL

/// What series an expression reads, and how far from the time of its evaluation.
struct RuleReads: Sendable {
    /// One selector.
    struct Read: Sendable {
        /// The name that series must have; nil if there is no such.
        var name: String?
        var matchers: [CompiledMatcher]
        /// A sample at time t counts at evaluations from t + this on, in milliseconds.
        var fromMillis: Int64
        /// And until t + this.
        var throughMillis: Int64
    }

    private(set) var reads: [Read] = []
    /// Whether the value at a time depends on the query around it: on its step, start or end.
    ///
    /// Then a range query is no series of instant queries.
    private(set) var dependsOnQuery = false

    /// What `expr` reads if instant selectors look back so far.
    init(_ expr: Expr, lookbackMillis: Int64) {
        var open = [Part(expr: expr, delay: 0, reach: 0, range: nil)]
        while let part = open.popLast() {
            open += visit(part, lookbackMillis)
        }
    }

    /// A part of the expression, and when it is evaluated: so much before the whole, at the latest and over
    /// so long.
    private struct Part {
        var expr: Expr
        var delay: Int64
        var reach: Int64
        var range: Int64?
    }

    private mutating func visit(_ part: Part, _ lookbackMillis: Int64) -> [Part] {
        switch part.expr.node {
        case .selector(let selector):
            guard let delay = delay(of: selector.modifiers) else { return [] }
            let own = max(part.range ?? 0, lookbackMillis)
            // The parser has tried them; without matchers every late series would count, which is safe.
            let matchers = (try? CompiledMatcher.compile(selector.matchers)) ?? []
            let from = RuleReads.sum(part.delay, delay)
            reads.append(
                Read(
                    name: selector.name ?? RuleReads.name(selector.matchers),
                    matchers: matchers,
                    fromMillis: from,
                    throughMillis: RuleReads.sum(RuleReads.sum(from, part.reach), own)
                )
            )
            return []
        case .matrix(let base, let range):
            var inner = part
            inner.expr = base
            inner.range = millis(range)
            return [inner]
        case .subquery(let subquery):
            let step = subquery.step.map { millis($0) } ?? 60_000
            guard let delay = delay(of: subquery.modifiers) else { return [] }
            let reach = RuleReads.sum(part.reach, RuleReads.sum(millis(subquery.range), step))
            return [
                Part(
                    expr: subquery.base,
                    delay: RuleReads.sum(part.delay, delay),
                    reach: reach,
                    range: nil
                )
            ]
        case .queryTime:
            dependsOnQuery = true
            return []
        default:
            return part.expr.parts.map { Part(expr: $0, delay: part.delay, reach: part.reach, range: nil) }
        }
    }

    /// The name that matchers demand.
    private static func name(_ matchers: [Matcher]) -> String? {
        matchers.first { $0.name == Labels.metricName && $0.kind == .equal }?.value
    }

    /// The offset in milliseconds; nil if the selector is about one point in time, wherever the evaluation
    /// is.
    private mutating func delay(of modifiers: TimeModifiers) -> Int64? {
        switch modifiers.at {
        case .time: return nil
        case .start, .end:
            dependsOnQuery = true
            return nil
        case nil: return modifiers.offset.map { millis($0) } ?? 0
        }
    }

    /// A duration in milliseconds, 0 for what depends on the query.
    private mutating func millis(_ duration: DurationExpr) -> Int64 {
        switch duration {
        case .constant(let millis, _): return millis
        case .number(let seconds): return Int64(exactly: (seconds * 1000).rounded()) ?? 0
        case .unary(let op, let inner):
            let value = millis(inner)
            return op == .minus ? 0 - value : value
        case .parenthesized(let inner): return millis(inner)
        default:
            // Computed durations are rare: what uses them is evaluated slot by slot.
            dependsOnQuery = true
            return 0
        }
    }

    private static func sum(_ one: Int64, _ other: Int64) -> Int64 {
        let (sum, overflow) = one.addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max / 4 : .min / 4) : sum
    }
}

extension RuleReads {
    /// The times at which evaluations see samples of `labels` in `range` that they did not see before; nil if
    /// the expression does not read them.
    ///
    /// If `isMetric`, the labels are but a metric's name, and any of its series may be meant.
    func affected(by labels: Labels, isMetric: Bool = false, in range: TimeRange) -> TimeRange? {
        var affected: TimeRange?
        let name = labels.metricName
        for read in reads {
            if let wanted = read.name, name.map(ByteText.init) != ByteText(wanted) { continue }
            guard isMetric || read.matchers.allSatisfy({ $0.matches(labels) }) else { continue }
            let start = range.start.advanced(byMillis: read.fromMillis)
            let end = range.end.advanced(byMillis: read.throughMillis)
            affected =
                affected.map { TimeRange(min($0.start, start), max($0.end, end)) } ?? TimeRange(start, end)
        }
        return affected
    }
}
