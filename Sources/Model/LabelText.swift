/// How label and metric names and values are written as text.
public enum LabelText {
    /// Whether `name` needs no quotes as a metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    public static func isLegacyMetricName(_ name: String) -> Bool {
        isLegacyName(name, allowsColon: true)
    }

    /// Whether `name` needs no quotes as a label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
    public static func isLegacyLabelName(_ name: String) -> Bool {
        isLegacyName(name, allowsColon: false)
    }

    /// `text` in double quotes, escaped as Go's `strconv.Quote` does for what is printable.
    public static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{7}": out += "\\a"
            case "\u{8}": out += "\\b"
            case "\u{b}": out += "\\v"
            case "\u{c}": out += "\\f"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let hex = String(scalar.value, radix: 16)
                out += "\\x" + (hex.count == 1 ? "0" + hex : hex)
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private static func isLegacyName(_ name: String, allowsColon: Bool) -> Bool {
        var isFirst = true
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "_"):
                break
            case UInt8(ascii: "0")...UInt8(ascii: "9") where !isFirst: break
            case UInt8(ascii: ":") where allowsColon: break
            default: return false
            }
            isFirst = false
        }
        return !isFirst
    }
}
