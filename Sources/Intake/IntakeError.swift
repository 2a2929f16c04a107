/// Why a body cannot be read at all; what is wrong with single series is in `Rejections`.
package enum IntakeError: Error, Hashable, Sendable {
    /// The headers announce something that this daemon does not read (HTTP 415).
    case unsupportedMediaType(String)
    /// The body is not what the headers say (HTTP 400).
    case malformed(String)
    /// The body exceeds a limit (HTTP 413): the name the limit has in `Limits`, and its value.
    case tooLarge(limitName: String, limit: Int)
}

extension IntakeError: CustomStringConvertible {
    /// The sentence for the client.
    package var description: String {
        switch self {
        case .unsupportedMediaType(let reason), .malformed(let reason): reason
        case .tooLarge(let name, let limit): "the body exceeds the limit \(name) of \(limit)"
        }
    }
}

extension IntakeError {
    /// A message ends in the middle of a field; Prometheus's text.
    static let unexpectedEnd = IntakeError.malformed("unexpected EOF")
    /// A snappy block that does not decode; Prometheus's text.
    static let corruptSnappy = IntakeError.malformed("snappy: corrupt input")
}
