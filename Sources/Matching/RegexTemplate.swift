/// A text with `$1` and `${name}` for what the groups of a regular expression took.
///
/// Source: Go's `Regexp.Expand`: `$name` takes as many letters, digits and underscores as there are, `$$` is
/// a dollar, unknown groups are empty, and a dollar that starts nothing stays.
package struct RegexTemplate: Sendable {
    /// A piece of the template.
    private enum Part: Sendable {
        case text(String)
        case group(Int)
    }

    private let parts: [Part]

    /// Whether there is a reference in it, be it to a group that does not exist.
    package let hasReferences: Bool

    /// The template `text` for the groups of `regex`.
    package init(_ text: String, for regex: Regex) {
        var parts: [Part] = []
        var hasReferences = false
        var plain: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                plain.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "$") {
                plain.append(byte)
                rest = rest.dropFirst()
            } else if let name = RegexTemplate.reference(&rest) {
                hasReferences = true
                parts.append(.text(String(decoding: plain, as: UTF8.self)))
                plain = []
                if let index = RegexTemplate.group(name, regex.groupNames) { parts.append(.group(index)) }
            } else {
                plain.append(byte)
            }
        }
        self.parts = parts + [.text(String(decoding: plain, as: UTF8.self))]
        self.hasReferences = hasReferences
    }

    /// The template with what the groups took put in; `captures` are of the regex that it was made for.
    package func expanded(_ captures: [String?]) -> String {
        var value = ""
        for part in parts {
            switch part {
            case .text(let text): value += text
            case .group(let index): value += captures[index] ?? ""
            }
        }
        return value
    }

    /// The name after a dollar, which is then consumed; nil if there is none.
    private static func reference(_ rest: inout ArraySlice<UInt8>) -> String? {
        let isBraced = rest.first == UInt8(ascii: "{")
        let body = isBraced ? rest.dropFirst() : rest
        let scalars = String(decoding: body, as: UTF8.self).unicodeScalars
        let name = String(
            String.UnicodeScalarView(
                scalars.prefix {
                    $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType == .decimal
                }
            )
        )
        guard !name.isEmpty else { return nil }
        let after = body.dropFirst(name.utf8.count)
        guard isBraced else {
            rest = after
            return name
        }
        guard after.first == UInt8(ascii: "}") else { return nil }
        rest = after.dropFirst()
        return name
    }

    /// The group a name or a number stands for.
    private static func group(_ name: String, _ groupNames: [String?]) -> Int? {
        if let number = Int(name), !name.hasPrefix("+") {
            return groupNames.indices.contains(number) ? number : nil
        }
        return groupNames.firstIndex { $0?.utf8.elementsEqual(name.utf8) ?? false }
    }
}
