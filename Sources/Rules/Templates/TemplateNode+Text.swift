// Parts of templates as Go prints them in error messages.

extension TemplatePipe: CustomStringConvertible {
    var description: String {
        let names = variables.map(\.name).joined(separator: ", ")
        let head = variables.isEmpty ? "" : names + (isAssignment ? " = " : " := ")
        return head + commands.map(\.description).joined(separator: " | ")
    }
}

extension TemplateCommand: CustomStringConvertible {
    var description: String { operands.map(\.description).joined(separator: " ") }
}

extension TemplateOperand: CustomStringConvertible {
    var description: String {
        func dotted(_ names: [String]) -> String { names.map { "." + $0 }.joined() }
        switch kind {
        case .dot: return "."
        case .null: return "nil"
        case .boolean(let value): return value ? "true" : "false"
        case .number(let number): return number.text
        case .string(let literal, _): return literal
        case .field(let names): return dotted(names)
        case .variable(let name, let fields): return name + dotted(fields)
        case .identifier(let name): return name
        case .pipe(let pipe): return "(\(pipe))"
        case .chain(let base, let names): return "\(base)" + dotted(names)
        }
    }
}
