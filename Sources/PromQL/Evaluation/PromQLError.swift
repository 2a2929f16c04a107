import Model

/// Why a query has no answer.
package enum PromQLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The request makes no sense as it stands, such as a range query of a string (`bad_data` in the HTTP
    /// API).
    case badData(String)
    /// The evaluation failed, such as a many-to-many match (`execution` in the HTTP API).
    case execution(String)
    /// The source stopped it: time, cancellation, a limit, or data that cannot be read.
    case source(SourceError)
    /// The query is PromQL, but this engine does not evaluate it.
    case unsupported(String)

    /// The sentence for the client; Prometheus's own where Prometheus has one.
    package var description: String {
        switch self {
        case .badData(let text), .execution(let text), .unsupported(let text): text
        case .source(.cancelled): "query was canceled in expression evaluation"
        case .source(.timedOut): "query timed out in expression evaluation"
        case .source(.tooManySamples(let limit)):
            "query processing would load too many samples into memory in query execution "
                + "(limit samples_per_query: \(limit))"
        case .source(.tooMuchMemory(let name, let limit)):
            "query processing would load too many samples into memory in query execution "
                + "(limit \(name): \(limit))"
        case .source(.tooManySeries(let limit)):
            "the query would return more series than the limit series_per_answer (\(limit))"
        case .source(.badMatcher(let reason)), .source(.unavailable(let reason)):
            "expanding series: \(reason)"
        }
    }
}
