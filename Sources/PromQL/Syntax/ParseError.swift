/// Why a text is no PromQL expression, and where in it.
package struct ParseError: Error, Hashable, CustomStringConvertible {
    /// What is wrong, without the position.
    package var message: String
    /// The bytes of the text that are wrong.
    package var span: SourceSpan
    /// The line of the span's start, from 1; nil if the message concerns the text as a whole.
    package var line: Int?
    /// The column of the span's start in its line, in bytes, from 1.
    package var column: Int
    /// Whether the text is empty, so that there is no position in it.
    private var isTextEmpty: Bool

    /// The error `message` about the bytes `span` of `text`.
    package init(_ message: String, at span: SourceSpan, in text: String) {
        self.init(message, at: span, in: text.utf8)
    }

    init(_ message: String, at span: SourceSpan, in bytes: some Collection<UInt8>) {
        self.message = message
        self.span = span
        var line = 1
        var column = 1
        for byte in bytes.prefix(max(0, span.start)) {
            column += 1
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            }
        }
        self.line = line
        self.column = column
        isTextEmpty = bytes.isEmpty
    }

    /// The error `message` about a text as a whole.
    init(withoutPosition message: String) {
        self.message = message
        span = SourceSpan(0, 0)
        line = nil
        column = 1
        isTextEmpty = false
    }

    /// As Prometheus prints it, `1:4: parse error: unexpected end of input`.
    package var description: String {
        guard let line else { return message }
        return "\(isTextEmpty ? "unknown position" : "\(line):\(column)"): parse error: \(message)"
    }
}

/// A parse error before its line and column are known.
struct SyntaxFailure: Error {
    /// What is wrong.
    var message: String
    /// The bytes that are wrong.
    var span: SourceSpan

    init(_ message: String, at span: SourceSpan) {
        self.message = message
        self.span = span
    }
}
