import Model

/// A place in the query text: byte offsets of its first byte and of the byte behind its last.
package struct SourceSpan: Hashable, Sendable {
    /// The offset of the first byte.
    package var start: Int
    /// The offset behind the last byte.
    package var end: Int

    /// The span from `start` to before `end`.
    package init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }
}

/// The type of an expression's value.
package enum ValueType: String, Hashable, Sendable {
    case none
    case scalar
    case vector
    case matrix
    case string

    /// The name as error messages print it.
    package var documented: String {
        switch self {
        case .vector: "instant vector"
        case .matrix: "range vector"
        default: rawValue
        }
    }
}

/// An expression of PromQL with the place it was written at.
package struct Expr: Sendable {
    /// What kind of expression it is, and its parts.
    package indirect enum Node: Sendable {
        /// A number, a duration, `Inf` or `NaN`; `isDuration` if it was written as a duration (`5m`).
        case number(Double, isDuration: Bool)
        /// A string; in contrast to the text it has no quotes or escapes.
        case string(String)
        /// A string that is no UTF-8, which escapes can make; its bytes.
        case bytes([UInt8])
        /// An instant vector selector.
        case selector(Selector)
        /// A range vector selector: `base` is a `.selector`.
        case matrix(base: Expr, range: DurationExpr)
        /// A subquery: `base[range:step]`; without a step the engine's default counts.
        case subquery(Subquery)
        /// A function call.
        case call(function: String, arguments: [Expr])
        /// An aggregation.
        case aggregate(Aggregation)
        /// An operator between two expressions.
        case binary(Binary)
        /// A sign before an expression.
        case unary(UnaryOperator, Expr)
        /// An expression in parentheses.
        case parenthesized(Expr)
        /// `step()`, `range()`, `start()` or `end()` as an expression (experimental in Prometheus).
        case queryTime(QueryTime)
    }

    /// What it is.
    package var node: Node
    /// Where it stands.
    package var span: SourceSpan

    /// The expression `node` written at `span`.
    package init(_ node: Node, _ span: SourceSpan) {
        self.node = node
        self.span = span
    }
}

/// An instant vector selector, `metric{label="value"} offset 5m @ end()`.
package struct Selector: Sendable {
    /// All matchers; a metric name written before the braces is among them, first, as `__name__="name"`.
    package var matchers: [Matcher]
    /// Whether each of `matchers` takes the empty value, so that every series might be selected; Prometheus
    /// refuses such selectors.
    package var matchesAnySeries = true
    /// The metric name if it was written before the braces.
    package var name: String?
    /// The time it is moved by.
    package var modifiers = TimeModifiers()
    /// How the edges of a range are treated.
    package var rangeExtension: RangeExtension = .none

    /// A selector of `matchers`; `name` says that the first one was written as a bare metric name.
    package init(matchers: [Matcher], name: String? = nil) {
        self.matchers = matchers
        self.name = name
    }
}

/// How a selector treats the edges of its range (Prometheus's extended range selectors).
package enum RangeExtension: String, Hashable, Sendable {
    /// Samples inside the range only.
    case none
    /// `anchored`: the values at the edges are the last ones known before them.
    case anchored
    /// `smoothed`: the values at the edges are interpolated.
    case smoothed
}

/// `offset` and `@` behind a selector or a subquery.
package struct TimeModifiers: Sendable {
    /// How far back, from `offset`, which may be negative; nil if none was written.
    package var offset: DurationExpr?
    /// The fixed time from `@`.
    package var at: AtModifier?

    /// No modifiers.
    package init() {}
}

/// The time an `@` modifier fixes.
package enum AtModifier: Hashable, Sendable {
    case time(Timestamp)
    case start
    case end
}

/// A duration, which may be computed (Prometheus's duration expressions).
package indirect enum DurationExpr: Sendable {
    /// A duration in milliseconds; `isNumber` if it was written as a number of seconds.
    case constant(millis: Int64, isNumber: Bool)
    /// A number inside a computation, in seconds or a plain factor: the `0.125` of `[1h * 0.125]`.
    case number(Double)
    /// `step()`: the query's step, in a computation in seconds; 0 for an instant query.
    case step
    /// `range()`: end minus start of the query; 0 for an instant query.
    case range
    /// `-d` or `+d`.
    case unary(UnaryOperator, DurationExpr)
    /// `a + b` and the other arithmetic operators.
    case binary(BinaryOperator, DurationExpr, DurationExpr)
    /// `min_of(a, b)` (and the older `min`).
    case minimum(DurationExpr, DurationExpr)
    /// `max_of(a, b)` (and the older `max`).
    case maximum(DurationExpr, DurationExpr)
    /// A duration in parentheses.
    case parenthesized(DurationExpr)
}

/// `start()`, `end()`, `range()` or `step()` as an expression of its own.
package enum QueryTime: String, Hashable, Sendable {
    case start
    case end
    case range
    case step
}

/// A subquery, `base[range:step] offset 5m @ end()`.
package struct Subquery: Sendable {
    /// What is evaluated at each step.
    package var base: Expr
    /// How far back.
    package var range: DurationExpr
    /// The step; nil for the engine's default.
    package var step: DurationExpr?
    /// The time it is moved by.
    package var modifiers = TimeModifiers()

    /// `base[range:step]`.
    package init(base: Expr, range: DurationExpr, step: DurationExpr?) {
        self.base = base
        self.range = range
        self.step = step
    }
}

/// A sign.
package enum UnaryOperator: String, Hashable, Sendable {
    case plus = "+"
    case minus = "-"
}

/// The operators between two expressions.
package enum BinaryOperator: String, Hashable, Sendable, CaseIterable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"
    case atan2
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case and
    case or
    case unless
    /// `</`: keeps a native histogram's observations below a bound.
    case trimUpper = "</"
    /// `>/`: keeps a native histogram's observations above a bound.
    case trimLower = ">/"

    /// Whether it compares and filters.
    package var isComparison: Bool {
        switch self {
        case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
        default: false
        }
    }

    /// Whether it is `</` or `>/`.
    package var isTrim: Bool { self == .trimUpper || self == .trimLower }

    /// Whether it is `and`, `or` or `unless`.
    package var isSet: Bool {
        switch self {
        case .and, .or, .unless: true
        default: false
        }
    }
}

/// A binary operation with the way its sides are matched.
package struct Binary: Sendable {
    /// The operator.
    package var op: BinaryOperator
    /// The left side.
    package var left: Expr
    /// The right side.
    package var right: Expr
    /// How series of two vectors are paired; nil unless both sides are vectors.
    package var matching: VectorMatching?
    /// Whether a comparison yields 0 and 1 (`bool`) instead of filtering.
    package var returnsBool = false

    /// `left op right`.
    package init(_ op: BinaryOperator, _ left: Expr, _ right: Expr) {
        self.op = op
        self.left = left
        self.right = right
    }
}

/// How the series of two vectors are paired.
package struct VectorMatching: Sendable {
    /// How many series of each side a pair may share.
    package enum Cardinality: String, Hashable, Sendable {
        case oneToOne = "one-to-one"
        /// `group_left`: many on the left.
        case manyToOne = "many-to-one"
        /// `group_right`: many on the right.
        case oneToMany = "one-to-many"
        /// Set operators.
        case manyToMany = "many-to-many"
    }

    /// How many series of each side.
    package var cardinality: Cardinality = .oneToOne
    /// The labels of `on` or `ignoring`.
    package var labels: [String] = []
    /// Whether `labels` are those compared (`on`) or those left out (`ignoring`).
    package var isOn = false
    /// The labels that `group_left`/`group_right` copy from the "one" side.
    package var include: [String] = []
    /// The value for a missing left side (`fill`, `fill_left`).
    package var fillLeft: Double?
    /// The value for a missing right side (`fill`, `fill_right`).
    package var fillRight: Double?

    /// Pairs one to one by all labels.
    package init() {}
}

/// The aggregation operators.
package enum AggregationOperator: String, Hashable, Sendable, CaseIterable {
    case sum, avg, min, max, count, group, stddev, stdvar, topk, bottomk, quantile
    case countValues = "count_values"
    case limitk
    case limitRatio = "limit_ratio"

    /// Whether it takes a parameter before the expression.
    package var takesParameter: Bool {
        switch self {
        case .topk, .bottomk, .quantile, .countValues, .limitk, .limitRatio: true
        default: false
        }
    }
}

/// An aggregation, `sum by (job) (expr)`.
package struct Aggregation: Sendable {
    /// The operator.
    package var op: AggregationOperator
    /// What is aggregated.
    package var expr: Expr
    /// The parameter, for the operators that take one.
    package var parameter: Expr?
    /// The labels of `by` or `without`.
    package var grouping: [String] = []
    /// Whether `grouping` are the labels left out (`without`).
    package var isWithout = false

    /// `op(parameter, expr)`.
    package init(_ op: AggregationOperator, _ expr: Expr, parameter: Expr? = nil) {
        self.op = op
        self.expr = expr
        self.parameter = parameter
    }
}
