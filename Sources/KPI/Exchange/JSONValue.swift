import Model

/// JSON that keeps the order of its keys and is written for people.
package indirect enum JSONValue: Sendable {
    case string(String)
    case number(Double)
    case bool(Bool)
    case array([JSONValue])
    case object([(key: String, value: JSONValue)])

    /// The text, indented by two blanks, with a line feed at its end.
    package var text: String {
        var out = ""
        write(to: &out, indent: "")
        return out + "\n"
    }

    /// An array of strings.
    static func strings(_ items: [String]) -> JSONValue { .array(items.map(JSONValue.string)) }

    private func write(to out: inout String, indent: String) {
        switch self {
        case .string(let text): out += JSONValue.quoted(text)
        case .number(let number): out += number.isFinite ? ValueText.format(number) : "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .array(let items):
            JSONValue.write(items.map { ("", $0) }, "[", "]", to: &out, indent)
        case .object(let fields):
            JSONValue.write(
                fields.map { (JSONValue.quoted($0.key) + ": ", $0.value) },
                "{",
                "}",
                to: &out,
                indent
            )
        }
    }

    private static func write(
        _ items: [(head: String, value: JSONValue)],
        _ open: String,
        _ close: String,
        to out: inout String,
        _ indent: String
    ) {
        guard !items.isEmpty else {
            out += open + close
            return
        }
        out += open
        for (index, item) in items.enumerated() {
            out += (index > 0 ? ",\n" : "\n") + indent + "  " + item.head
            item.value.write(to: &out, indent: indent + "  ")
        }
        out += "\n" + indent + close
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
