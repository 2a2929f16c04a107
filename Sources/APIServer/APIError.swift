import Model
import PromQL

/// Why a request failed, in the terms of the Prometheus API.
struct APIError: Error, Sendable {
    /// The classes of errors that the API tells apart.
    enum Kind: String, Sendable {
        case badData = "bad_data"
        case execution
        case canceled
        case timeout
        case `internal`
        case unavailable
        case notFound = "not_found"

        /// The status code that goes with the class.
        var statusCode: Int {
            switch self {
            case .badData: 400
            case .execution: 422
            case .canceled: 499
            case .timeout: 503
            case .internal: 500
            case .unavailable: 500
            case .notFound: 404
            }
        }
    }

    /// The class, printed as `errorType`.
    var kind: Kind
    /// The text, printed as `error`.
    var message: String
    /// The status code.
    var statusCode: Int
    /// After how many seconds the client may try again; nil if that would not help.
    var retryAfterSeconds: Int?

    init(_ kind: Kind, _ message: String, statusCode: Int? = nil, retryAfterSeconds: Int? = nil) {
        self.kind = kind
        self.message = message
        self.statusCode = statusCode ?? kind.statusCode
        self.retryAfterSeconds = retryAfterSeconds
    }

    static func badData(_ message: String) -> APIError {
        APIError(.badData, message)
    }

    /// An error about the request parameter `name`.
    static func invalid(_ name: String, _ reason: String) -> APIError {
        APIError(.badData, "invalid parameter \"\(name)\": \(reason)")
    }

    /// The daemon does not take work at present, but will again.
    static func busy(_ message: String, retryAfterSeconds: Int = 1) -> APIError {
        APIError(.unavailable, message, statusCode: 503, retryAfterSeconds: retryAfterSeconds)
    }

    /// A body of more than `limit` bytes; `name` is what the limit is called.
    static func bodyTooLarge(_ name: String, limit: Int) -> APIError {
        APIError(.badData, "request body exceeds the limit \(name) of \(limit) bytes", statusCode: 413)
    }
}

extension APIError {
    /// That a query needs more memory than it alone, or all queries together, may have.
    init(tooMuchMemory message: String, limitName: String) {
        // Only what all queries share is a matter of time.
        if limitName == "query_memory_bytes" {
            self.init(.execution, message)
        } else {
            self = .busy(message)
        }
    }

    /// What a source's error means to a client.
    init(_ error: SourceError) {
        switch error {
        case .cancelled:
            self.init(.canceled, "query was canceled in query execution")
        case .timedOut(let millis):
            self.init(
                .timeout,
                "query timed out in query execution: it ran longer than "
                    + "\(DurationText.format(millis: millis)) "
                    + "(limit query_timeout)"
            )
        case .tooManySamples(let limit):
            self.init(
                .execution,
                "query processing would load too many samples into memory in query execution "
                    + "(limit samples_per_query: \(limit))"
            )
        case .tooMuchMemory(let name, let limit):
            self.init(
                tooMuchMemory: "query processing would load too many samples into memory in query execution "
                    + "(limit \(name): \(limit))",
                limitName: name
            )
        case .tooManySeries(let limit):
            self.init(
                .execution,
                "the answer would have more series than the limit series_per_answer (\(limit))"
            )
        case .badMatcher(let reason):
            self.init(.badData, reason)
        case .unavailable(let reason):
            self.init(.internal, reason)
        }
    }
}
