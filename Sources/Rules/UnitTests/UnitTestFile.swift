import Model
import PromQL

/// What a file of unit tests of rules holds.
package struct UnitTestFile: Sendable {
    /// The file's path.
    package var path: String
    /// The rule files and patterns, as seen from the file's folder.
    package var rulePaths: [String] = []
    /// The time between two evaluations, in milliseconds.
    package var evaluationIntervalMillis: Int64 = 60_000
    /// The groups that are evaluated last, in their order; the others come before.
    package var groupOrder: [String] = []
    /// Whether numbers that differ in their last bit count as the same.
    package var comparesFuzzily = false
    /// The tests.
    package var tests: [UnitTest] = []
}

/// Series, and what is expected of rules and expressions over them.
package struct UnitTest: Sendable {
    /// A place in the file.
    package struct Place: Hashable, Sendable {
        /// The line, from 1.
        package var line: Int
        /// The column, from 1.
        package var column: Int
    }

    /// A series that exists before rules are evaluated.
    struct Series: Sendable {
        var labels: Labels
        var values: [SeriesValues.Value]
    }

    /// An alert that is expected.
    struct ExpectedAlert: Hashable, Sendable {
        var labels: Labels
        var annotations: [Label]
    }

    /// The alerts that an alerting rule is to have at a time, only those that fire.
    struct AlertCase: Sendable {
        var place: Place
        var millis: Int64
        var name: String
        var alerts: [ExpectedAlert]
    }

    /// A sample that is expected.
    struct ExpectedSample: Sendable {
        var labels: Labels
        var value: Double
        var histogram: NativeHistogram?
    }

    /// The samples that an expression is to have at a time.
    struct ExpressionCase: Sendable {
        var place: Place
        var millis: Int64
        var expression: String
        var samples: [ExpectedSample]
    }

    /// Where it begins.
    package var place: Place
    /// Its name; may be empty.
    package var name = ""
    /// The time between two values of the series, in milliseconds.
    var intervalMillis: Int64
    /// The time of the first values and of the first evaluation.
    var start = Timestamp(millis: 0)
    var series: [Series] = []
    var alertCases: [AlertCase] = []
    var expressionCases: [ExpressionCase] = []
    var externalLabels = Labels.empty
    var externalURL = ""

    /// How long after the start the last evaluation is, in milliseconds.
    var lastMillis: Int64 {
        max(alertCases.map(\.millis).max() ?? 0, expressionCases.map(\.millis).max() ?? 0)
    }
}
