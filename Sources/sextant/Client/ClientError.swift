import Foundation
import Outbound

/// Why a command did not get what it asked a daemon for.
struct ClientError: Error, CustomStringConvertible {
    /// Who can do something about it.
    enum Kind: Sendable {
        /// Nobody answered.
        case unreachable
        /// The request was wrong (`bad_data`), such as an expression that cannot be parsed.
        case badRequest
        /// The daemon could not, or would not, do what it was asked for.
        case refused
    }

    /// Who can do something about it.
    var kind: Kind
    /// What the server said, word for word.
    var message: String

    var description: String { message }
}

extension ClientError {
    /// What an answer without success says: the error of the API's envelope, or the text of the body.
    init(_ answer: HTTPCall.Answer) {
        let failure = try? JSONDecoder().decode(FailureAnswer.self, from: Data(answer.body))
        let text = answer.text.trimmingCharacters(in: .whitespacesAndNewlines)
        message = failure?.error ?? "status \(answer.status)\(text.isEmpty ? "" : ": \(text.prefix(2000))")"
        kind = failure?.errorType == "bad_data" ? .badRequest : .refused
    }
}

private struct FailureAnswer: Decodable {
    var errorType: String
    var error: String
}
