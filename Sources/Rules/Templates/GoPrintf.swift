/// Texts formatted as by Go's `fmt.Sprintf`, for the values that templates know.
struct GoPrintf {
    /// What stands between the percent sign and the verb.
    private struct Directive {
        var isLeft = false
        var hasPlus = false
        var hasSharp = false
        var hasSpace = false
        var hasZero = false
        var width: Int?
        var digitCount: Int?
    }

    private let format: [Character]
    private let arguments: [TemplateValue]
    private var position = 0
    private var nextArgument = 0
    private var isReordered = false
    private var out = ""

    private init(_ format: String, _ arguments: [TemplateValue]) {
        self.format = Array(format)
        self.arguments = arguments
    }

    /// `format` with its verbs replaced by `arguments`; mistakes show in the text, as in Go.
    static func format(_ format: String, _ arguments: [TemplateValue]) -> String {
        var printer = GoPrintf(format, arguments)
        printer.run()
        return printer.out
    }

    private mutating func run() {
        while position < format.count {
            let character = format[position]
            position += 1
            guard character == "%" else {
                out.append(character)
                continue
            }
            directive()
        }
        guard !isReordered, nextArgument < arguments.count else { return }
        let extra = arguments[nextArgument...].map { "\(GoPrintf.typeName($0))=\($0.printed())" }
        out += "%!(EXTRA \(extra.joined(separator: ", ")))"
    }

    private mutating func directive() {
        var directive = Directive()
        flags: while let character = peek() {
            switch character {
            case "-": directive.isLeft = true
            case "+": directive.hasPlus = true
            case "#": directive.hasSharp = true
            case " ": directive.hasSpace = true
            case "0": directive.hasZero = true
            default: break flags
            }
            position += 1
        }
        if directive.isLeft { directive.hasZero = false }
        index()
        if peek() == "*" {
            position += 1
            directive.width = countArgument("%!(BADWIDTH)")
            if let width = directive.width, width < 0 {
                directive.isLeft = true
                directive.hasZero = false
                directive.width = -width
            }
        } else {
            directive.width = number()
        }
        if peek() == "." {
            position += 1
            index()
            if peek() == "*" {
                position += 1
                directive.digitCount = countArgument("%!(BADPREC)").flatMap { $0 < 0 ? nil : $0 }
            } else {
                directive.digitCount = number() ?? 0
            }
        }
        index()
        guard let verb = peek() else {
            out += "%!(NOVERB)"
            return
        }
        position += 1
        if verb == "%" {
            out += "%"
        } else if nextArgument >= arguments.count {
            out += "%!\(verb)(MISSING)"
        } else {
            let argument = arguments[nextArgument]
            nextArgument += 1
            print(argument, verb, directive)
        }
    }

    private func peek() -> Character? { position < format.count ? format[position] : nil }

    /// Digits here, at most as many as a field may be wide.
    private mutating func number() -> Int? {
        var value: Int?
        while let digit = peek()?.wholeNumberValue, peek()?.isASCII == true {
            value = min((value ?? 0) * 10 + digit, GoNumberText.widthLimit)
            position += 1
        }
        return value
    }

    /// `[n]`, which says what argument is next.
    private mutating func index() {
        guard peek() == "[", let close = format[position...].firstIndex(of: "]"),
            let number = Int(String(format[(position + 1)..<close])), number >= 1, number <= arguments.count
        else { return }
        position = close + 1
        nextArgument = number - 1
        isReordered = true
    }

    private mutating func countArgument(_ failure: String) -> Int? {
        guard nextArgument < arguments.count else {
            out += failure
            return nil
        }
        defer { nextArgument += 1 }
        guard case .integer(let count) = arguments[nextArgument], count.magnitude <= GoNumberText.widthLimit
        else {
            out += failure
            return nil
        }
        return count
    }

    // MARK: - Values

    private mutating func print(_ value: TemplateValue, _ verb: Character, _ directive: Directive) {
        switch (verb, value) {
        case ("T", _): pad(GoPrintf.typeName(value), directive)
        case ("v", .null): pad("<nil>", directive)
        case ("v", .text(let text)), ("v", .html(let text)):
            pad(cut(directive.hasSharp ? GoQuoting.quote(text) : text, directive), directive)
        case ("v", .float(let number)) where !number.isNaN:
            // With this verb a plus asks for the names of fields.
            var unsigned = directive
            unsigned.hasPlus = false
            self.number(number, "g", unsigned)
        case ("v", .integer), ("v", .byte):
            integer(value, "d", directive)
        case ("v", _): pad(value.printed(isPointer: true), directive)
        case ("t", .boolean(let flag)): pad(flag ? "true" : "false", directive)
        case ("s", .text(let text)), ("s", .html(let text)): pad(cut(text, directive), directive)
        case ("q", .text(let text)), ("q", .html(let text)):
            pad(GoQuoting.quote(cut(text, directive)), directive)
        case ("x", .text(let text)), ("X", .text(let text)):
            let digits = cut(text, directive).utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
                .joined()
            pad(verb == "X" ? digits.uppercased() : digits, directive)
        case ("e", .float(let number)), ("E", .float(let number)), ("f", .float(let number)),
            ("F", .float(let number)), ("g", .float(let number)), ("G", .float(let number)):
            self.number(number, verb, directive)
        case ("d", .integer), ("b", .integer), ("o", .integer), ("O", .integer), ("x", .integer),
            ("X", .integer), ("c", .integer), ("q", .integer), ("U", .integer), ("d", .byte), ("x", .byte),
            ("c", .byte), ("b", .byte), ("o", .byte):
            integer(value, verb, directive)
        case ("s", .time), ("s", .duration): pad(value.printed(), directive)
        default:
            if case .null = value {
                out += "%!\(verb)(<nil>)"
            } else {
                out += "%!\(verb)(\(GoPrintf.typeName(value))=\(value.printed()))"
            }
        }
    }

    private func cut(_ text: String, _ directive: Directive) -> String {
        guard let count = directive.digitCount else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.prefix(count)))
    }

    private mutating func number(_ value: Double, _ verb: Character, _ directive: Directive) {
        let isShortest = directive.digitCount == nil && (verb == "g" || verb == "G")
        let digitCount = isShortest ? nil : directive.digitCount ?? 6
        var text = GoNumberText.format(value, verb: verb, digitCount: digitCount)
        if text.hasPrefix("+") { text.removeFirst() }
        let sign = value == .infinity && !directive.hasSpace ? "+" : nil
        padNumber(text, sign, value.isFinite, directive)
    }

    private mutating func integer(_ value: TemplateValue, _ verb: Character, _ directive: Directive) {
        let number: Int
        switch value {
        case .integer(let integer): number = integer
        case .byte(let byte): number = Int(byte)
        default: return
        }
        let magnitude = number.magnitude
        let digits: String
        switch verb {
        case "b": digits = String(magnitude, radix: 2)
        case "o": digits = (directive.hasSharp ? "0" : "") + String(magnitude, radix: 8)
        case "O": digits = "0o" + String(magnitude, radix: 8)
        case "x": digits = (directive.hasSharp ? "0x" : "") + String(magnitude, radix: 16)
        case "X": digits = (directive.hasSharp ? "0X" : "") + String(magnitude, radix: 16, uppercase: true)
        case "c": return pad(GoPrintf.scalar(number).map(String.init) ?? "\u{fffd}", directive)
        case "q": return pad(GoQuoting.quote(GoPrintf.scalar(number) ?? "\u{fffd}"), directive)
        case "U":
            let hex = String(magnitude, radix: 16, uppercase: true)
            return pad("U+" + String(repeating: "0", count: max(0, 4 - hex.count)) + hex, directive)
        default: digits = "\(magnitude)"
        }
        let missing = max(0, (directive.digitCount ?? 0) - digits.count)
        let text = (number < 0 ? "-" : "") + String(repeating: "0", count: missing) + digits
        padNumber(text, nil, directive.digitCount == nil, directive)
    }

    private static func scalar(_ number: Int) -> Unicode.Scalar? {
        UInt32(exactly: number).flatMap(Unicode.Scalar.init)
    }

    private mutating func padNumber(
        _ text: String,
        _ forcedSign: String?,
        _ allowsZeros: Bool,
        _ directive: Directive
    ) {
        let isNegative = text.hasPrefix("-")
        let digits = isNegative ? String(text.dropFirst()) : text
        let sign =
            isNegative ? "-" : forcedSign ?? (directive.hasPlus ? "+" : directive.hasSpace ? " " : "")
        let width = directive.width ?? 0
        if directive.hasZero, allowsZeros {
            let count = max(0, width - digits.count - sign.count)
            out += sign + String(repeating: "0", count: count) + digits
        } else {
            pad(sign + digits, directive)
        }
    }

    private mutating func pad(_ text: String, _ directive: Directive) {
        let count = max(0, (directive.width ?? 0) - text.unicodeScalars.count)
        let filler = directive.hasZero && !directive.isLeft ? "0" : " "
        let space = String(repeating: filler, count: count)
        out += directive.isLeft ? text + space : space + text
    }

    private static func typeName(_ value: TemplateValue) -> String { value.typeName }
}
