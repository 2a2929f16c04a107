import Model

/// The expression of a derived KPI: arithmetic over metrics and KPIs.
package indirect enum Formula: Hashable, Sendable {
    /// The four operations.
    package enum Operation: String, Hashable, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
    }

    /// A number.
    case number(Double)
    /// A metric or KPI, so many periods earlier.
    case name(String, periodsEarlier: Int)
    /// The opposite.
    case negative(Formula)
    /// Two operands.
    case binary(Operation, Formula, Formula)

    /// The names in it, in the order of the text, each once.
    package var names: [String] {
        var names: [String] = []
        var open = [self]
        while let formula = open.popLast() {
            switch formula {
            case .number: break
            case .name(let name, _): if !names.contains(name) { names.append(name) }
            case .negative(let operand): open.append(operand)
            case .binary(_, let left, let right): open += [right, left]
            }
        }
        return names
    }
}

extension Formula: CustomStringConvertible {
    /// The formula with all parentheses that it needs, and some more.
    package var description: String {
        switch self {
        case .number(let number): ValueText.format(number)
        case .name(let name, 0): name
        case .name(let name, let count): "offset(\(name), \(count))"
        case .negative(let operand): "-\(operand.operandText)"
        case .binary(let operation, let left, let right):
            "\(left.operandText) \(operation.rawValue) \(right.operandText)"
        }
    }

    private var operandText: String {
        switch self {
        case .number, .name: description
        case .negative, .binary: "(\(description))"
        }
    }
}

/// Why a text is no formula.
package struct FormulaError: Error, Hashable, Sendable {
    /// What is wrong.
    package var message: String
    /// After how many characters of the text.
    package var offset: Int
}

/// Reads formulas.
struct FormulaReader {
    /// The deepest nesting.
    private static let depthLimit = Limits.nestingDepth
    /// The most operands and operators, so that a formula fits into a stack.
    private static let lengthLimit = 4096
    /// The furthest that `offset` goes.
    private static let offsetLimit = 10_000

    private let text: [UInt8]
    private var position = 0
    private var depth = 0

    /// The formula that `text` is.
    static func parse(_ text: String) throws(FormulaError) -> Formula {
        var reader = FormulaReader(text: Array(text.utf8))
        guard reader.text.count <= lengthLimit else {
            throw FormulaError(message: "it is longer than \(lengthLimit) bytes", offset: 0)
        }
        let formula = try reader.sum()
        reader.skipBlanks()
        guard reader.position == reader.text.count else { throw reader.unexpected("an operator") }
        return formula
    }

    private init(text: [UInt8]) { self.text = text }

    private mutating func sum() throws(FormulaError) -> Formula {
        depth += 1
        defer { depth -= 1 }
        guard depth <= FormulaReader.depthLimit else { throw error("it is nested too deeply") }
        var formula = try product()
        while let operation = take(.add, .subtract) {
            formula = .binary(operation, formula, try product())
        }
        return formula
    }

    private mutating func product() throws(FormulaError) -> Formula {
        var formula = try operand()
        while let operation = take(.multiply, .divide) {
            formula = .binary(operation, formula, try operand())
        }
        return formula
    }

    private mutating func operand() throws(FormulaError) -> Formula {
        skipBlanks()
        guard position < text.count else { throw unexpected("a name, a number or a parenthesis") }
        switch text[position] {
        case UInt8(ascii: "("):
            position += 1
            let formula = try sum()
            try expect(")")
            return formula
        case UInt8(ascii: "-"):
            position += 1
            depth += 1
            defer { depth -= 1 }
            guard depth <= FormulaReader.depthLimit else { throw error("it is nested too deeply") }
            return .negative(try operand())
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."): return .number(try number())
        case let byte where DefinitionName.begins(with: byte): return try nameOrOffset()
        default: throw unexpected("a name, a number or a parenthesis")
        }
    }

    private mutating func nameOrOffset() throws(FormulaError) -> Formula {
        let name = takeName()
        skipBlanks()
        guard name == "offset", position < text.count, text[position] == UInt8(ascii: "(") else {
            return .name(name, periodsEarlier: 0)
        }
        position += 1
        skipBlanks()
        guard position < text.count, DefinitionName.begins(with: text[position]) else {
            throw unexpected("the name of a metric or KPI")
        }
        let moved = takeName()
        try expect(",")
        skipBlanks()
        let count = try number()
        guard count.rounded() == count, count >= 0, count <= Double(FormulaReader.offsetLimit) else {
            throw error("offset needs a whole number of periods from 0 to \(FormulaReader.offsetLimit)")
        }
        try expect(")")
        return .name(moved, periodsEarlier: Int(count))
    }

    private mutating func number() throws(FormulaError) -> Double {
        let start = position
        while position < text.count {
            let byte = text[position]
            let isExponentSign =
                (byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")) && position > start
                && text[position - 1] | 0x20 == UInt8(ascii: "e")
            let isDigit = byte >= 0x30 && byte <= 0x39
            guard
                isDigit || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e") || isExponentSign
            else { break }
            position += 1
        }
        guard let number = Double(String(decoding: text[start..<position], as: UTF8.self)),
            number.isFinite
        else {
            position = start
            throw unexpected("a number")
        }
        return number
    }

    private mutating func takeName() -> String {
        let start = position
        while position < text.count, DefinitionName.continues(with: text[position]) { position += 1 }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    private mutating func take(_ operations: Formula.Operation...) -> Formula.Operation? {
        skipBlanks()
        guard position < text.count,
            let operation = operations.first(where: { $0.rawValue.utf8.first == text[position] })
        else { return nil }
        position += 1
        return operation
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(FormulaError) {
        skipBlanks()
        guard position < text.count, text[position] == UInt8(ascii: character) else {
            throw unexpected("\"\(character)\"")
        }
        position += 1
    }

    private mutating func skipBlanks() {
        while position < text.count, [0x20, 0x09, 0x0a, 0x0d].contains(text[position]) { position += 1 }
    }

    private func unexpected(_ expected: String) -> FormulaError {
        let rest = String(decoding: text[position...].prefix(16), as: UTF8.self)
        return error(
            rest.isEmpty
                ? "\(expected) is missing at the end"
                : "\(expected) was expected at \(LabelText.quoted(rest))"
        )
    }

    private func error(_ message: String) -> FormulaError {
        FormulaError(message: message, offset: position)
    }
}

/// What metrics, KPIs, funnels and periods may be called: letters, digits, `_`, `:` and `.`, not beginning
/// with a digit or a dot.
package enum DefinitionName {
    /// Whether `name` is one.
    package static func isValid(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 200 else { return false }
        return begins(with: first) && name.utf8.allSatisfy(continues)
    }

    static func begins(with byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: ":")
    }

    static func continues(with byte: UInt8) -> Bool {
        begins(with: byte) || byte >= 0x30 && byte <= 0x39 || byte == UInt8(ascii: ".")
    }
}
