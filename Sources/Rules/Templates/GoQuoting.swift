/// Texts in double quotes as Go writes and reads them.
enum GoQuoting {
    /// `text` as `%q` prints it.
    static func quote(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars { append(scalar, quote: "\"", to: &out) }
        return out + "\""
    }

    /// A character in single quotes as `%q` prints it.
    static func quote(_ scalar: Unicode.Scalar) -> String {
        var out = "'"
        append(scalar, quote: "'", to: &out)
        return out + "'"
    }

    /// What a literal with its quotes stands for; nil if it is none.
    static func unquote(_ literal: String) -> String? {
        let scalars = Array(literal.unicodeScalars)
        guard scalars.count >= 2, let quote = scalars.first, quote == scalars.last else { return nil }
        var body = scalars[1..<(scalars.count - 1)]
        if quote == "`" {
            return String(String.UnicodeScalarView(body.filter { $0 != "\r" }))
        }
        var bytes: [UInt8] = []
        while let scalar = body.popFirst() {
            if scalar == quote || scalar == "\n" { return nil }
            guard scalar == "\\" else {
                bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
                continue
            }
            guard let piece = escape(&body, quote: quote) else { return nil }
            bytes.append(contentsOf: piece)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Private

    private static let named: [Unicode.Scalar: UInt8] = [
        "a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92,
    ]

    private static func escape(_ body: inout ArraySlice<Unicode.Scalar>, quote: Unicode.Scalar) -> [UInt8]? {
        guard let scalar = body.popFirst() else { return nil }
        if let byte = named[scalar] { return [byte] }
        if scalar == quote { return Array(String(scalar).utf8) }
        let (count, radix, isByte): (Int, Int, Bool)
        switch scalar {
        case "x": (count, radix, isByte) = (2, 16, true)
        case "u": (count, radix, isByte) = (4, 16, false)
        case "U": (count, radix, isByte) = (8, 16, false)
        case "0"..."7":
            (count, radix, isByte) = (3, 8, true)
            body = [scalar] + body
        default: return nil
        }
        guard body.count >= count else { return nil }
        let digits = String(String.UnicodeScalarView(body.prefix(count)))
        body = body.dropFirst(count)
        guard !digits.hasPrefix("+"), !digits.hasPrefix("-"), let number = UInt32(digits, radix: radix)
        else { return nil }
        if isByte { return number <= 0xff ? [UInt8(number)] : nil }
        return Unicode.Scalar(number).map { Array(String($0).utf8) }
    }

    private static func append(_ scalar: Unicode.Scalar, quote: Unicode.Scalar, to out: inout String) {
        switch scalar {
        case quote, "\\": out += "\\\(scalar)"
        case "\u{7}": out += "\\a"
        case "\u{8}": out += "\\b"
        case "\u{c}": out += "\\f"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case "\u{b}": out += "\\v"
        default:
            if isPrintable(scalar) {
                out.unicodeScalars.append(scalar)
            } else {
                let digits = String(scalar.value, radix: 16)
                let (letter, count) =
                    scalar.value < 0x80 ? ("x", 2) : scalar.value < 0x10000 ? ("u", 4) : ("U", 8)
                out += "\\" + letter + String(repeating: "0", count: max(0, count - digits.count)) + digits
            }
        }
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
