/// What a function of PromQL takes and returns.
package struct FunctionSignature: Hashable, Sendable {
    /// The name, in lower case.
    package var name: String
    /// The types of the arguments, in order; those behind the last one have its type.
    package var arguments: [ValueType]
    /// How often the last argument may occur if that is not exactly once.
    ///
    /// 0: exactly once. n > 0: never to n times. -1: any number of times, also never.
    package var variadicCount: Int
    /// The type of the result.
    package var result: ValueType
    /// Whether Prometheus has it only behind a feature flag; here all of them are there.
    package var isExperimental: Bool

    /// The function called `name`, or nil.
    package static func named(_ name: String) -> FunctionSignature? {
        byName[name]
    }

    /// All functions, by name.
    package static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// All functions.
    ///
    /// Source: Prometheus 3.14, `promql/parser/functions.go` and `docs/querying/functions.md`.
    package static let all: [FunctionSignature] =
        stable("vector", [.scalar])
        + stable("scalar", [.vector], result: .scalar)
        + stable("time pi", [], result: .scalar)
        // Instant vectors.
        + stable("abs ceil floor exp ln log2 log10 sqrt sgn deg rad", [.vector])
        + stable("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh", [.vector])
        + stable("clamp", [.vector, .scalar, .scalar])
        + stable("clamp_min clamp_max", [.vector, .scalar])
        + stable("round", [.vector, .scalar], variadicCount: 1)
        + stable("absent sort sort_desc timestamp", [.vector])
        + stable("year month day_of_month day_of_week day_of_year", [.vector], variadicCount: 1)
        + stable("days_in_month hour minute", [.vector], variadicCount: 1)
        + stable("label_replace", [.vector, .string, .string, .string, .string])
        + stable("label_join", [.vector, .string, .string, .string], variadicCount: -1)
        + stable("histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar", [.vector])
        + stable("histogram_quantile", [.scalar, .vector])
        + stable("histogram_fraction", [.scalar, .scalar, .vector])
        // Range vectors.
        + stable("rate increase irate resets delta idelta deriv changes", [.matrix])
        + stable("avg_over_time min_over_time max_over_time sum_over_time count_over_time", [.matrix])
        + stable("first_over_time last_over_time present_over_time absent_over_time", [.matrix])
        + stable("stddev_over_time stdvar_over_time", [.matrix])
        + stable("quantile_over_time", [.scalar, .matrix])
        + stable("predict_linear", [.matrix, .scalar])
        // Of VictoriaMetrics, for vmalert.
        + stable("default_rollup", [.matrix])
        // Experimental in Prometheus.
        + experimental("start end range step", [], result: .scalar)
        + experimental("min_of max_of", [.scalar, .scalar], result: .scalar)
        + experimental("start_timestamp", [.vector])
        + experimental("sort_by_label sort_by_label_desc", [.vector, .string], variadicCount: -1)
        + experimental("info", [.vector, .vector], variadicCount: 1)
        + experimental("histogram_quantiles", [.vector, .string, .scalar, .scalar], variadicCount: 9)
        + experimental("mad_over_time ts_of_min_over_time ts_of_max_over_time", [.matrix])
        + experimental("ts_of_first_over_time ts_of_last_over_time", [.matrix])
        + experimental("double_exponential_smoothing", [.matrix, .scalar, .scalar])

    private static func stable(
        _ names: String,
        _ arguments: [ValueType],
        variadicCount: Int = 0,
        result: ValueType = .vector
    ) -> [FunctionSignature] {
        names.split(separator: " ").map {
            FunctionSignature(
                name: String($0),
                arguments: arguments,
                variadicCount: variadicCount,
                result: result,
                isExperimental: false
            )
        }
    }

    private static func experimental(
        _ names: String,
        _ arguments: [ValueType],
        variadicCount: Int = 0,
        result: ValueType = .vector
    ) -> [FunctionSignature] {
        names.split(separator: " ").map {
            FunctionSignature(
                name: String($0),
                arguments: arguments,
                variadicCount: variadicCount,
                result: result,
                isExperimental: true
            )
        }
    }
}
