/// A part of a parsed template that is written out or decides what is.
indirect enum TemplateNode: Sendable {
    case text(String)
    /// Writes the value of a pipeline, unless it declares variables.
    case action(TemplatePipe)
    case branch(TemplateBranch)
    /// Executes another template; `position` is that of its name.
    case template(name: String, TemplatePipe?, position: Int)
    case leave(isBreak: Bool, position: Int)
}

/// An `if`, `with` or `range`.
struct TemplateBranch: Sendable {
    /// What it does.
    enum Kind: String, Sendable {
        case `if`, with, range
    }

    var kind: Kind
    var pipe: TemplatePipe
    var body: [TemplateNode]
    var otherwise: [TemplateNode]?
}

/// Commands whose values are handed on from one to the next, and the variables that take the last.
struct TemplatePipe: Sendable {
    var position: Int
    /// Whether the variables exist already.
    var isAssignment = false
    /// The variables' names, with their dollar signs, and where they stand.
    var variables: [(name: String, position: Int)] = []
    var commands: [TemplateCommand] = []
}

/// A function or a value with the arguments that follow it; never empty.
struct TemplateCommand: Sendable {
    var position: Int
    var operands: [TemplateOperand] = []
}

/// A part of a command.
struct TemplateOperand: Sendable {
    /// What it is.
    indirect enum Kind: Sendable {
        case dot
        case null
        case boolean(Bool)
        case number(TemplateNumber)
        /// The literal as written, and what it stands for.
        case string(literal: String, String)
        case field([String])
        /// The name of a variable, with its dollar sign, and fields of it.
        case variable(String, [String])
        case identifier(String)
        case pipe(TemplatePipe)
        /// Fields of the value of something in parentheses.
        case chain(TemplateOperand, [String])
    }

    var kind: Kind
    var position: Int
}

/// A number as written.
struct TemplateNumber: Sendable {
    /// The value by the rule of Go's constants: a float only if it is written as one.
    enum Value: Sendable {
        case integer(Int)
        case float(Double)
    }

    var text: String
    var value: Value

    /// Reads a number token, nil with a reason if it is none.
    static func parse(_ text: String) -> Result<TemplateNumber, TemplateError> {
        let quoted = GoQuoting.quote(text)
        let plain = text.replacing("_", with: "")
        let unsigned = plain.drop { $0 == "+" || $0 == "-" }
        let radix: Int? =
            switch unsigned.prefix(2).lowercased() {
            case "0x": 16
            case "0o": 8
            case "0b": 2
            default: nil
            }
        let looksFloat = unsigned.contains { radix == 16 ? ".pP".contains($0) : ".eEpP".contains($0) }
        if !looksFloat {
            let isOctal = radix == nil && unsigned.count > 1 && unsigned.hasPrefix("0")
            let digits = radix == nil ? unsigned : unsigned.dropFirst(2)
            let sign = plain.hasPrefix("-") ? "-" : ""
            guard !digits.isEmpty, digits.allSatisfy(\.isHexDigit) else {
                return .failure(TemplateError("illegal number syntax: \(quoted)"))
            }
            if let number = Int(sign + digits, radix: radix ?? (isOctal ? 8 : 10)) {
                return .success(TemplateNumber(text: text, value: .integer(number)))
            }
            let isValid = digits.allSatisfy { $0.hexDigitValue.map { $0 < (radix ?? 10) } ?? false }
            return .failure(
                TemplateError(isValid ? "integer overflow: \(quoted)" : "illegal number syntax: \(quoted)")
            )
        }
        guard let number = Double(plain), number.isFinite else {
            return .failure(TemplateError("illegal number syntax: \(quoted)"))
        }
        return .success(TemplateNumber(text: text, value: .float(number)))
    }
}
