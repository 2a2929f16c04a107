import Model

extension Parser {
    /// The labels of a series written as a metric, `name{label="value"}`; an empty text is a series without
    /// labels.
    package static func parseMetric(_ text: String, limits: Limits = .default) throws(ParseError) -> Labels {
        let bytes = Array(text.utf8)
        if text.allSatisfy(\.isWhitespace) { return .empty }
        do throws(SyntaxFailure) {
            var reader = try ExpressionReader(bytes, limits)
            var builder = LabelsBuilder()
            for matcher in try reader.wholeSelector().matchers {
                guard matcher.kind == .equal else {
                    throw SyntaxFailure("a series has labels with =", at: SourceSpan(0, bytes.count))
                }
                builder.set(matcher.name, matcher.value)
            }
            return builder.build()
        } catch {
            throw ParseError(error.message, at: error.span, in: bytes)
        }
    }
}
