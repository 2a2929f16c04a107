/// Names of labels as the path of an address spells them.
///
/// Source: https://prometheus.io/docs/instrumenting/escaping_schemes/, the scheme "values": `U__`, then legal
/// characters as they are, `__` for an underscore and `_hex_` for any other character.
enum EscapedName {
    private static let prefix = "U__"

    /// The name that `text` stands for; `text` itself if it is not escaped, or not rightly.
    static func decode(_ text: String) -> String {
        guard text.hasPrefix(prefix) else { return text }
        var name = ""
        var rest = text.dropFirst(prefix.count)
        while let character = rest.popFirst() {
            guard character == "_" else {
                name.append(character)
                continue
            }
            guard let end = rest.firstIndex(of: "_") else { return text }
            let digits = rest[..<end]
            rest = rest[rest.index(after: end)...]
            if digits.isEmpty {
                name.append("_")
            } else {
                guard digits.count <= 6, digits.allSatisfy(\.isHexDigit),
                    let scalar = UInt32(digits, radix: 16).flatMap(Unicode.Scalar.init)
                else { return text }
                name.unicodeScalars.append(scalar)
            }
        }
        return name
    }
}
