import Model

/// What a plan depends on beside the expression.
struct PlanOptions {
    /// The query's start, and the time of an instant query.
    var start: Int64
    /// The query's end.
    var end: Int64
    /// The query's step; nil for an instant query.
    var stepMillis: Int64?
    /// The times of the query.
    var grid: StepGrid
    /// How far back an instant selector looks.
    var lookbackMillis: Int64
    /// The step of subqueries that have none.
    var defaultSubqueryStepMillis: Int64
    /// What subqueries and made labels may have.
    var limits: Limits
}
