import Model

/// A query made ready for evaluation: its operations in an order in which each comes after those it needs.
///
/// There is no tree and no recursion, so neither planning nor evaluation can overflow a stack, whatever the
/// nesting. Every node has the grid of times it is evaluated on: the query's own, that of a subquery, or a
/// single time for the parts that are the same at every step (Prometheus's "step invariant" ones). Nodes
/// depend only on their inputs, so independent ones, and the series inside of one, can be evaluated in
/// parallel.
struct Plan {
    /// The operations; the last one yields the result.
    var nodes: [PlanNode]
    /// The grid of the query itself.
    var grid: StepGrid
    /// The selectors that read series in common.
    var readGroups: [ReadGroup] = []

    /// The node that yields the result.
    var root: PlanNode { nodes[nodes.count - 1] }
}

/// One operation.
struct PlanNode {
    /// What it does.
    var operation: Operation
    /// The nodes whose values it takes, in order; each node is taken by one other.
    var inputs: [Int]
    /// The type of its value.
    var type: ValueType
    /// Whether its value is the same at every step.
    var isInvariant: Bool
    /// Where it stands in the text.
    var span: SourceSpan
    /// The times it is evaluated at.
    var grid = StepGrid(instant: 0)
    /// For a subquery the times its first input is wanted at.
    var innerGrid: StepGrid?

    /// The times the input `index` is wanted at.
    func inputGrid(_ index: Int) -> StepGrid {
        index == 0 ? innerGrid ?? grid : grid
    }
}

/// What a node does.
enum Operation {
    /// A number.
    case number(Double)
    /// A string.
    case string(String)
    /// `time()`: the time of the step in seconds.
    case time
    /// An instant selector: for each step the newest sample.
    case selector(SelectorPlan)
    /// `timestamp(selector)`: for each step the time of the newest sample.
    case sampleTimes(SelectorPlan)
    /// A range selector as the whole query: the samples themselves.
    case samples(SelectorPlan)
    /// A subquery as the whole query: the values of its input at its own steps.
    case subquery(SubqueryPlan)
    /// A function over ranges of samples. Inputs: for a subquery its base, then the function's other
    /// arguments.
    case window(WindowPlan)
    /// A function of instant vectors and scalars.
    case call(FunctionCall)
    /// `info`. Input: the series that get labels.
    case info(InfoPlan)
    /// `-vector`, `-scalar`.
    case negate
    /// An operator. Inputs: left, right.
    case binary(BinaryPlan)
    /// An aggregation. Inputs: the vector, then the parameter if the operator has one.
    case aggregate(AggregatePlan)
}

/// A selector with all that is computed from the query's parameters.
struct SelectorPlan {
    /// What selects the series.
    var matchers: [Matcher]
    /// Where it looks.
    var shape: WindowShape
    /// How the edges of its range are treated.
    var rangeExtension = RangeExtension.none
    /// What the source is told about the use of the samples.
    var hints: SelectHints
    /// Its place among selectors that read series in common; nil if there are no others.
    var reader: ReadGroup.Reader?
}

/// A subquery with all that is computed from the query's parameters.
struct SubqueryPlan {
    /// Where it looks.
    var shape: WindowShape
    /// The distance of its steps, positive.
    var stepMillis: Int64

    /// The steps of the subquery under `grid`: the multiples of the step inside of all windows taken
    /// together.
    ///
    /// - Throws: `PromQLError` if there are more than `limit`.
    func grid(under grid: StepGrid, limit: Int) throws(PromQLError) -> StepGrid {
        guard grid.count > 0 else { return StepGrid.empty }
        guard let ends = shape.ends(on: grid) else { throw .badData("the subquery's times are out of range") }
        // The first multiple of the step after the left-open start.
        let start = ends.first - shape.rangeMillis
        let remainder = start % stepMillis
        let behind = remainder < 0 ? remainder + stepMillis : remainder
        let (first, overflow) = start.addingReportingOverflow(stepMillis - behind)
        guard !overflow, let inner = StepGrid(start: first, end: ends.last, stepMillis: stepMillis) else {
            throw .badData("the subquery's times are out of range")
        }
        guard inner.count <= limit else {
            throw .execution(
                "the subquery would have \(inner.count) points per series, more than the limit "
                    + "points_per_subquery (\(limit)); use a larger step or a shorter range"
            )
        }
        return inner
    }
}

extension StepGrid {
    /// The grid without any time.
    static let empty: StepGrid = {
        var grid = StepGrid(instant: 0)
        grid.count = 0
        return grid
    }()
}

/// A function over ranges of samples.
struct WindowPlan {
    /// The function.
    var function: RangeFunction
    /// Where the samples come from.
    var source: Source
    /// Where the range stands in the text.
    var rangeSpan: SourceSpan
    /// Where the first argument stands in the text.
    var firstSpan: SourceSpan

    /// Where the samples come from.
    enum Source {
        case selector(SelectorPlan)
        case subquery(SubqueryPlan)
    }

    /// Where it looks.
    var shape: WindowShape {
        switch source {
        case .selector(let selector): selector.shape
        case .subquery(let subquery): subquery.shape
        }
    }

    /// How the edges of its range are treated.
    var rangeExtension: RangeExtension {
        if case .selector(let selector) = source { selector.rangeExtension } else { .none }
    }

    /// How many inputs come before the function's parameters.
    var parameterStart: Int {
        if case .subquery = source { 1 } else { 0 }
    }
}

/// An operator between two values.
struct BinaryPlan {
    /// The operator.
    var op: BinaryOperator
    /// How two vectors are paired.
    var matching: VectorMatching
    /// Whether a comparison yields 0 and 1.
    var returnsBool: Bool
}

/// An aggregation.
struct AggregatePlan {
    /// The operator.
    var op: AggregationOperator
    /// The groups.
    var grouping: SeriesGrouping
    /// Where the vector stands in the text.
    var vectorSpan: SourceSpan
    /// Where the parameter stands in the text.
    var parameterSpan: SourceSpan
}
