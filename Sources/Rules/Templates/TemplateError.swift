/// Why a template cannot be parsed or expanded, in the words of Go's `text/template`.
struct TemplateError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The whole sentence.
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
