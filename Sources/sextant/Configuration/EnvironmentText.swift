import Glibc

/// Texts in which `$NAME` and `${NAME}` stand for environment variables.
///
/// Source: Prometheus expands the values of `external_labels` this way; `$$` is a dollar sign, and a variable
/// that is not set is empty. Go's `os.Expand` says what a name is.
enum EnvironmentText {
    /// `text` with the values of `variable` put in.
    static func expand(_ text: String, _ variable: (String) -> String?) -> String {
        var out = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            out += rest[..<dollar]
            rest = rest[rest.index(after: dollar)...]
            guard let first = rest.first else { return out + "$" }
            if isSpecial(first) {
                out += first == "$" ? "$" : variable(String(first)) ?? ""
                rest = rest.dropFirst()
            } else if first == "{" {
                let inside = rest.dropFirst()
                guard let close = inside.firstIndex(of: "}") else {
                    // As Go does: the brace that is never closed goes with its dollar sign.
                    rest = inside
                    continue
                }
                out += variable(String(inside[..<close])) ?? ""
                rest = inside[inside.index(after: close)...]
            } else {
                let name = rest.prefix { isNameCharacter($0) }
                guard !name.isEmpty else {
                    out += "$"
                    continue
                }
                out += variable(String(name)) ?? ""
                rest = rest[name.endIndex...]
            }
        }
        return out + rest
    }

    /// Whether it is a name by itself, as in a shell.
    private static func isSpecial(_ character: Character) -> Bool {
        "$*#@!?-0123456789".contains(character)
    }

    private static func isNameCharacter(_ character: Character) -> Bool {
        character == "_" || character.isASCII && (character.isLetter || character.isNumber)
    }
}

/// The environment of this process.
enum Environment {
    /// The value of the variable `name`, or nil if it is not set.
    static func value(_ name: String) -> String? {
        unsafe getenv(name).map { unsafe String(cString: $0) }
    }
}
