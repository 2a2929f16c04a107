import Model
import PromQL

/// A series of a result.
struct PastSeries: Sendable {
    var labels: Labels
    var column: SampleColumn
}

/// Evaluates expressions at past times; it may block.
package struct PastQuery: Sendable {
    /// The store that is read.
    package var source: any SeriesSource
    /// What evaluates.
    package var engine: @Sendable () -> Engine

    /// A query over `source`.
    package init(source: any SeriesSource, engine: @escaping @Sendable () -> Engine) {
        self.source = source
        self.engine = engine
    }

    /// The series at one time, each with one sample.
    func instant(_ expr: Expr, at time: Timestamp, budget: QueryBudget) throws -> [PastSeries] {
        switch try engine().instant(expr, at: time, source: source, budget: budget).value {
        case .scalar(_, let value):
            [PastSeries(labels: .empty, column: PastQuery.column(time, value))]
        case .vector(let samples):
            samples.map { PastSeries(labels: $0.labels, column: PastQuery.column(time, $0.value)) }
        default: throw RuleError.notAVector
        }
    }

    /// The series at times one step apart.
    func range(
        _ expr: Expr,
        from start: Timestamp,
        through end: Timestamp,
        stepMillis: Int64,
        budget: QueryBudget
    ) throws -> [PastSeries] {
        let answer = try engine().range(
            expr,
            start: start,
            end: end,
            stepMillis: stepMillis,
            source: source,
            budget: budget
        )
        guard case .matrix(let series) = answer.value else { throw RuleError.notAVector }
        return series.map { PastSeries(labels: $0.labels, column: $0.column) }
    }

    private static func column(_ time: Timestamp, _ value: Double) -> SampleColumn {
        SampleColumn(timestamps: [time.millis], values: [value])
    }
}
