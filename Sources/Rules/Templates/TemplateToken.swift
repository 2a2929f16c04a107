/// A piece of a template as the lexer cuts it.
struct TemplateToken: Hashable, Sendable {
    /// What the piece is.
    enum Kind: Hashable, Sendable {
        /// Something that cannot be; the text says why.
        case error
        case end
        /// Text between actions.
        case text
        case leftDelimiter, rightDelimiter
        case leftParenthesis, rightParenthesis
        case assign, declare, pipe, space
        /// A character that means nothing by itself, such as a comma.
        case character
        case characterConstant, string, rawString, number, boolean
        /// A dot alone.
        case dot
        /// A dot and a name.
        case field
        /// A dollar sign and perhaps a name.
        case variable
        case identifier
        case keyword
    }

    var kind: Kind
    var text: String
    /// The offset of the first byte.
    var position: Int
    /// The line, from 1.
    var line: Int

    /// How Go's messages print it.
    var shown: String {
        switch kind {
        case .end: return "EOF"
        case .error: return text
        case .keyword: return "<\(text)>"
        case .dot: return "<.>"
        default:
            let scalars = text.unicodeScalars
            guard scalars.count > 10 else { return GoQuoting.quote(text) }
            return GoQuoting.quote(String(String.UnicodeScalarView(scalars.prefix(10)))) + "..."
        }
    }

    func isKeyword(_ word: String) -> Bool { kind == .keyword && text == word }
}
