import Model

/// Why a push or a delete is refused; the text is what the client gets.
package enum PushError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The path names no group.
    case badPath(String)
    /// The body cannot be read.
    case badBody(String)
    /// The metrics contradict themselves or what is there; the group notes the failure.
    case inconsistent(String)
    /// There would be more groups or series than a limit allows.
    case tooMany(String)
    /// The store cannot keep what was pushed.
    case sink(SinkError)

    /// The sentence for the client.
    package var description: String {
        switch self {
        case .badPath(let text), .badBody(let text), .tooMany(let text): text
        case .inconsistent(let text):
            "pushed metrics are invalid or inconsistent with existing metrics: \(text)"
        case .sink(let error): error.description
        }
    }
}
