import Model

// Pipelines, commands and the fields of values.

extension TemplateExecutor {
    mutating func pipeline(
        _ pipe: TemplatePipe,
        _ dot: TemplateValue,
        declaresForRange: Bool = false
    ) throws(TemplateError) -> TemplateValue {
        at(pipe.position, pipe.description)
        var value: TemplateValue?
        for command in pipe.commands { value = try self.command(command, dot, final: value) }
        let result = value ?? .null
        if !declaresForRange {
            for variable in pipe.variables {
                try set(variable.name, result, isAssignment: pipe.isAssignment)
            }
        }
        return result
    }

    mutating func set(_ name: String, _ value: TemplateValue, isAssignment: Bool)
        throws(TemplateError)
    {
        guard isAssignment else {
            variables.append((name, value))
            return
        }
        guard let index = variables.lastIndex(where: { $0.name == name }) else {
            throw failure("undefined variable: \(name)")
        }
        variables[index].value = value
    }

    mutating func command(_ command: TemplateCommand, _ dot: TemplateValue, final: TemplateValue?)
        throws(TemplateError) -> TemplateValue
    {
        try step()
        guard let first = command.operands.first else { return .null }
        let hasArguments = command.operands.count > 1 || final != nil
        switch first.kind {
        case .identifier(let name):
            return try call(name, first, command, dot, final: final)
        case .field, .variable, .chain:
            return try fields(of: first, dot, arguments: Array(command.operands.dropFirst()), final: final)
        case .pipe(let pipe):
            try refuseArguments(first, hasArguments)
            return try nested { executor throws(TemplateError) in try executor.pipeline(pipe, dot) }
        default:
            at(first)
            try refuseArguments(first, hasArguments)
            if case .null = first.kind { throw failure("nil is not a command") }
            return try literal(first, dot)
        }
    }

    func refuseArguments(_ operand: TemplateOperand, _ hasArguments: Bool) throws(TemplateError) {
        if hasArguments { throw failure("can't give argument to non-function \(operand)") }
    }

    /// The value of an operand that is an argument.
    mutating func value(of operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        at(operand)
        switch operand.kind {
        case .identifier(let name):
            let command = TemplateCommand(position: operand.position, operands: [operand])
            return try call(name, operand, command, dot, final: nil)
        case .field, .variable, .chain: return try fields(of: operand, dot, arguments: [], final: nil)
        case .pipe(let pipe):
            return try nested { executor throws(TemplateError) in try executor.pipeline(pipe, dot) }
        default: return try literal(operand, dot)
        }
    }

    func literal(_ operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
        -> TemplateValue
    {
        switch operand.kind {
        case .dot: return dot
        case .boolean(let flag): return .boolean(flag)
        case .string(_, let text): return .text(text)
        case .number(let number):
            switch number.value {
            case .integer(let integer): return .integer(integer)
            case .float(let float): return .float(float)
            }
        default: return .null
        }
    }

    // MARK: - Fields

    mutating func fields(
        of operand: TemplateOperand,
        _ dot: TemplateValue,
        arguments: [TemplateOperand],
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        at(operand)
        var receiver: TemplateValue
        let names: [String]
        switch operand.kind {
        case .field(let path): (receiver, names) = (dot, path)
        case .variable(let name, let path):
            guard let variable = variables.last(where: { $0.name == name }) else {
                throw failure("undefined variable: \(name)")
            }
            (receiver, names) = (variable.value, path)
            if path.isEmpty { try refuseArguments(operand, !arguments.isEmpty || final != nil) }
        case .chain(let base, let path): (receiver, names) = (try value(of: base, dot), path)
        default: return .null
        }
        if case .chain = operand.kind {} else { at(operand) }
        var isInterface = false
        for (index, name) in names.enumerated() {
            let isLast = index == names.count - 1
            var values: [TemplateValue] = []
            if isLast, TemplateField.isMethod(name, of: receiver) {
                for argument in arguments { values.append(try value(of: argument, dot)) }
                if let final { values.append(final) }
            }
            let hasArguments = isLast && (!arguments.isEmpty || final != nil)
            let field: TemplateField
            do {
                field = try TemplateField.read(
                    name,
                    of: receiver,
                    isInterface: isInterface,
                    hasArguments: hasArguments,
                    arguments: values
                )
            } catch {
                throw failure(error.description)
            }
            (receiver, isInterface) = (field.value, field.isInterface)
        }
        return receiver
    }
}
