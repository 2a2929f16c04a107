import Model

// Calls of functions.

extension TemplateExecutor {
    mutating func call(
        _ name: String,
        _ identifier: TemplateOperand,
        _ command: TemplateCommand,
        _ dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        at(identifier)
        let operands = command.operands.dropFirst()
        let count = operands.count + (final == nil ? 0 : 1)
        if name == "and" || name == "or" {
            guard count > 0 else { throw failure("wrong number of args for \(name): want at least 1 got 0") }
            return try choose(name, operands, dot, final: final)
        }
        if name == "tmpl" { return try text(operands, dot, count, final: final) }
        guard let function = TemplateFunction.named(name) else {
            throw failure("\(GoQuoting.quote(name)) is not a defined function")
        }
        let fixed = function.parameters.count
        if function.rest != nil {
            guard count >= fixed else {
                throw failure(
                    "wrong number of args for \(name): want at least \(fixed) got \(operands.count)"
                )
            }
        } else if count != fixed {
            throw failure("wrong number of args for \(name): want \(fixed) got \(count)")
        }
        var arguments: [TemplateValue] = []
        for (index, operand) in operands.enumerated() {
            let parameter = index < fixed ? function.parameters[index] : function.rest ?? .any
            arguments.append(try argument(operand, parameter, dot))
        }
        if let final {
            let index = arguments.count
            try check(final, index < fixed ? function.parameters[index] : function.rest ?? .any)
            arguments.append(final)
        }
        do {
            return try function.body(TemplateFunction.Call(arguments: arguments, setting: setting))
        } catch {
            at(command.position, command.description)
            throw failure("error calling \(name): \(error)")
        }
    }

    mutating func argument(
        _ operand: TemplateOperand,
        _ parameter: TemplateFunction.Parameter,
        _ dot: TemplateValue
    ) throws(TemplateError) -> TemplateValue {
        at(operand)
        switch (operand.kind, parameter) {
        case (.string, .sample), (.string, .samples), (.number, .sample), (.number, .samples),
            (.boolean, .sample), (.boolean, .samples):
            throw failure("can't handle \(operand) for arg of type \(parameter.typeName)")
        case (.number, .text), (.boolean, .text): throw failure("expected string; found \(operand)")
        case (.null, .text): throw failure("cannot assign nil to string")
        default: break
        }
        let value = try value(of: operand, dot)
        try check(value, parameter)
        return value
    }

    func check(_ value: TemplateValue, _ parameter: TemplateFunction.Parameter)
        throws(TemplateError)
    {
        guard !parameter.accepts(value) else { return }
        if case .null = value { throw failure("invalid value; expected \(parameter.typeName)") }
        throw failure("wrong type for value; expected \(parameter.typeName); got \(value.typeName)")
    }

    /// `and` and `or`, which do not evaluate more than they need.
    mutating func choose(
        _ name: String,
        _ operands: ArraySlice<TemplateOperand>,
        _ dot: TemplateValue,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        var last = TemplateValue.null
        for operand in operands {
            last = try value(of: operand, dot)
            if last.isTrue == (name == "or") { return last }
        }
        return final ?? last
    }

    /// `tmpl`: what another template makes of a value, as a text.
    mutating func text(
        _ operands: ArraySlice<TemplateOperand>,
        _ dot: TemplateValue,
        _ count: Int,
        final: TemplateValue?
    ) throws(TemplateError) -> TemplateValue {
        guard count == 2, let first = operands.first else {
            throw failure("wrong number of args for tmpl: want 2 got \(count)")
        }
        let title = try argument(first, .text, dot).string ?? ""
        let data =
            try operands.dropFirst().first.map { operand throws(TemplateError) in
                try value(of: operand, dot)
            } ?? final ?? .null
        guard templates[title] != nil else {
            throw failure("error calling tmpl: template \(GoQuoting.quote(title)) not defined")
        }
        let outer = out
        out = ""
        try execute(title, data)
        defer { out = outer }
        return .html(out)
    }
}
