/// What the headers of a remote write request have to say.
package enum RemoteWriteHeaders {
    /// The message of remote write 1.0.
    private static let message1 = "prometheus.WriteRequest"
    /// The message of remote write 2.0.
    private static let message2 = "io.prometheus.write.v2.Request"

    /// Checks that the headers announce a remote write 1.0 body; a header that is missing or empty is taken
    /// for the right one, as Prometheus does for the sake of old clients.
    ///
    /// - Throws: `unsupportedMediaType` with an explanation.
    package static func check(contentType: String?, contentEncoding: String?) throws(IntakeError) {
        try checkType(contentType ?? "")
        let encoding = trimmed(contentEncoding ?? "")
        guard encoding.isEmpty || encoding.lowercased() == "snappy" else {
            throw .unsupportedMediaType(
                "Content-Encoding \(encoding) is not accepted; remote write bodies have to be snappy"
            )
        }
    }

    private static func checkType(_ contentType: String) throws(IntakeError) {
        let parts = contentType.split(separator: ";", omittingEmptySubsequences: false).map { trimmed($0) }
        guard let type = parts.first, !trimmed(contentType).isEmpty else { return }
        guard type.lowercased() == "application/x-protobuf" else {
            throw .unsupportedMediaType(
                "Content-Type \(type) is not accepted; expected application/x-protobuf"
            )
        }
        for parameter in parts.dropFirst() where !parameter.isEmpty {
            let pair = parameter.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else {
                throw .unsupportedMediaType(
                    "Content-Type parameter \(parameter) is not of the form key=value"
                )
            }
            guard trimmed(pair[0]).lowercased() == "proto" else { continue }
            var message = trimmed(pair[1])
            if message.count >= 2, message.hasPrefix("\""), message.hasSuffix("\"") {
                message = String(message.dropFirst().dropLast())
            }
            switch message {
            case message1: continue
            case message2:
                throw .unsupportedMediaType(
                    "remote write 2.0 (\(message2)) is not supported yet; send remote write 1.0 (\(message1))"
                )
            default:
                throw .unsupportedMediaType("unknown remote write message \(message); expected \(message1)")
            }
        }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        var rest = Substring(text).drop(while: isBlank)
        while let last = rest.last, isBlank(last) { rest.removeLast() }
        return String(rest)
    }
}
