import StrictYAML

/// A text that is given in the configuration or in a file of its own.
///
/// The file is read each time, so that it can be changed without a reload.
package enum SecretText: Hashable, Sendable {
    /// The text itself.
    case text(String)
    /// The path of the file that holds it; white space around it does not count.
    case file(String)

    /// The text, read now if it is in a file; blocks then.
    func value() throws(HTTPCall.Failure) -> String {
        switch self {
        case .text(let text): return text
        case .file(let path):
            do {
                let text = try TextFile.read(path)
                let isSpace: (Character) -> Bool = { $0.isWhitespace }
                let tail = text.drop(while: isSpace)
                return String(
                    tail[
                        ..<(tail.lastIndex { !isSpace($0) }.map { tail.index(after: $0) } ?? tail.startIndex)
                    ]
                )
            } catch {
                throw HTTPCall.Failure(description: "\(error)")
            }
        }
    }
}
