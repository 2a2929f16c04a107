import Model
import PromQL

/// Evaluates an expression at a time for a rule; it may block.
package typealias RuleQuery = @Sendable (Expr, Timestamp, QueryBudget) throws -> QueryValue

extension Engine {
    /// The rule queries that this engine answers from `source`.
    package func ruleQuery(over source: any SeriesSource) -> RuleQuery {
        { expr, time, budget in
            try self.instant(expr, at: time, source: source, budget: budget).value
        }
    }
}
