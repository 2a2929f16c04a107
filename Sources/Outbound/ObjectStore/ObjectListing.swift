/// A page of the answer to a list request, which is XML; only what is needed of it is read.
struct ObjectListing: Hashable {
    /// One object.
    struct Object: Hashable {
        var key: String
        var size: Int
    }

    /// The objects of the page.
    private(set) var objects: [Object] = []
    /// What the next page is asked for with; nil after the last.
    private(set) var nextToken: String?

    /// Reads the text of an answer; what is not as expected is left out.
    init(_ text: String) {
        var rest = Substring(text)
        while let content = ObjectListing.element("Contents", &rest) {
            var inside = content
            guard let key = ObjectListing.element("Key", &inside) else { continue }
            var again = content
            let size = ObjectListing.element("Size", &again).flatMap { Int($0) } ?? 0
            objects.append(Object(key: ObjectListing.unescaped(key), size: size))
        }
        var whole = Substring(text)
        guard ObjectListing.element("IsTruncated", &whole) == "true" else { return }
        whole = Substring(text)
        nextToken = ObjectListing.element("NextContinuationToken", &whole).map(ObjectListing.unescaped)
    }

    /// What the XML of an error says, after a colon; empty if it says nothing.
    static func errorText(_ text: String) -> String {
        var rest = Substring(text)
        guard let code = element("Code", &rest) else { return "" }
        let message = element("Message", &rest).map { ": \(unescaped($0.prefix(500)))" } ?? ""
        return ": \(unescaped(code))\(message)"
    }

    /// The text of the first element of this name; nil if there is none.
    static func value(_ name: String, in text: String) -> String? {
        var rest = Substring(text)
        return element(name, &rest).map(unescaped)
    }

    /// `text` as the text of an element.
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    /// The content of the next element of this name; `text` goes on behind it.
    private static func element(_ name: String, _ text: inout Substring) -> Substring? {
        guard let start = text.firstRange(of: "<\(name)>") else { return nil }
        let behind = text[start.upperBound...]
        guard let end = behind.firstRange(of: "</\(name)>") else { return nil }
        text = behind[end.upperBound...]
        return behind[..<end.lowerBound]
    }

    private static func unescaped(_ text: Substring) -> String {
        var out = String(text)
        for (escape, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&#34;", "\""),
            ("&amp;", "&"),
        ] {
            out = out.split(separator: escape, omittingEmptySubsequences: false).joined(separator: character)
        }
        return out
    }
}
