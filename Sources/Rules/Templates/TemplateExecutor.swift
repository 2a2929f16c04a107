import Model

/// Executes parsed templates by the rules of Go's `text/template`, with its messages.
struct TemplateExecutor {
    /// How deep templates, actions and parentheses may be nested while they are executed.
    static let depthLimit = 200
    /// How many actions a text may take.
    static let stepLimit = 200_000
    /// How many bytes a text may have.
    static let outputLimit = 1 << 20

    /// How a list of nodes was left.
    private enum Exit {
        case end, leave, again
    }

    private let templates: [String: [TemplateNode]]
    private let source: [UInt8]
    private let setting: TemplateSetting
    private let name: String

    private var current: String
    private var variables: [(name: String, value: TemplateValue)] = []
    private var depth = 0
    private var steps = 0
    /// What a message tells the place of: the part that was looked at last.
    private var place: (position: Int, text: String) = (0, "")
    private var out = ""

    /// What the template `name` of `templates`, which were parsed from `source`, makes of `data`.
    static func run(
        _ templates: [String: [TemplateNode]],
        name: String,
        source: String,
        data: TemplateValue,
        setting: TemplateSetting
    ) throws(TemplateError) -> String {
        var executor = TemplateExecutor(templates, name, source, setting)
        executor.variables = [("$", data)]
        _ = try executor.walk(templates[name] ?? [], data)
        return executor.out
    }

    private init(
        _ templates: [String: [TemplateNode]],
        _ name: String,
        _ source: String,
        _ setting: TemplateSetting
    ) {
        self.templates = templates
        self.name = name
        self.source = Array(source.utf8)
        self.setting = setting
        current = name
    }

    // MARK: - Messages

    private mutating func at(_ position: Int, _ text: @autoclosure () -> String) {
        place = (position, text())
    }

    private mutating func at(_ operand: TemplateOperand) { at(operand.position, operand.description) }

    private func failure(_ message: String) -> TemplateError {
        let before = source.prefix(place.position)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let column = place.position - lineStart
        return TemplateError(
            "template: \(name):\(line):\(column): executing \(GoQuoting.quote(current)) "
                + "at <\(place.text)>: \(message)"
        )
    }

    private mutating func step() throws(TemplateError) {
        steps += 1
        guard steps <= TemplateExecutor.stepLimit else {
            throw failure("exceeded \(TemplateExecutor.stepLimit) steps")
        }
    }

    private mutating func nested<T>(_ body: (inout TemplateExecutor) throws(TemplateError) -> T)
        throws(TemplateError) -> T
    {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateExecutor.depthLimit else {
            throw failure("exceeded maximum template depth (\(TemplateExecutor.depthLimit))")
        }
        return try body(&self)
    }

    // MARK: - Nodes

    private mutating func walk(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateError) -> Exit {
        for node in nodes {
            try step()
            switch node {
            case .text(let text): try write(text)
            case .action(let pipe):
                let value = try pipeline(pipe, dot)
                if pipe.variables.isEmpty { try write(shown(value)) }
            case .branch(let branch):
                let exit = try nested { executor throws(TemplateError) in try executor.branch(branch, dot) }
                if exit != .end { return exit }
            case .template(let title, let pipe, let position):
                try template(title, pipe, position, dot)
            case .leave(let isBreak, _): return isBreak ? .leave : .again
            }
        }
        return .end
    }

    private mutating func write(_ text: String) throws(TemplateError) {
        out += text
        guard out.utf8.count <= TemplateExecutor.outputLimit else {
            throw failure("the text is longer than \(TemplateExecutor.outputLimit) bytes")
        }
    }

    private func shown(_ value: TemplateValue) -> String {
        if case .null = value { return "<no value>" }
        return value.printed()
    }

    private mutating func branch(_ branch: TemplateBranch, _ dot: TemplateValue) throws(TemplateError) -> Exit
    {
        let mark = variables.count
        defer { variables.removeSubrange(mark...) }
        let value = try pipeline(branch.pipe, dot, declaresForRange: branch.kind == .range)
        switch branch.kind {
        case .if, .with:
            if value.isTrue { return try walk(branch.body, branch.kind == .with ? value : dot) }
            return try walk(branch.otherwise ?? [], dot)
        case .range: return try range(branch, value, dot)
        }
    }

    private mutating func range(_ branch: TemplateBranch, _ value: TemplateValue, _ dot: TemplateValue)
        throws(TemplateError) -> Exit
    {
        let mark = variables.count
        var isEmpty = true
        for (key, element) in try elements(of: value) {
            isEmpty = false
            try step()
            let names = branch.pipe.variables
            if let last = names.last { try set(last.name, element, isAssignment: branch.pipe.isAssignment) }
            if names.count > 1 { try set(names[0].name, key, isAssignment: branch.pipe.isAssignment) }
            let exit = try walk(branch.body, element)
            variables.removeSubrange(mark...)
            if exit == .leave { break }
        }
        return isEmpty ? try walk(branch.otherwise ?? [], dot) : .end
    }

    private func elements(of value: TemplateValue) throws(TemplateError) -> [(TemplateValue, TemplateValue)] {
        switch value {
        case .null: return []
        case .samples(let samples): return samples.enumerated().map { (.integer($0), .sample($1)) }
        case .labels(let labels): return labels.map { (.text($0.name), .text($0.value)) }
        case .arguments(let values):
            return values.enumerated().map { ("arg\($0)", $1) }.sorted { $0.0 < $1.0 }
                .map { (.text($0.0), $0.1) }
        case .integer(let count):
            guard count <= TemplateExecutor.stepLimit else {
                throw failure("exceeded \(TemplateExecutor.stepLimit) steps")
            }
            return (0..<max(0, count)).map { (.integer($0), .integer($0)) }
        default: throw failure("range can't iterate over \(value.printed())")
        }
    }

    private mutating func template(
        _ title: String,
        _ pipe: TemplatePipe?,
        _ position: Int,
        _ dot: TemplateValue
    ) throws(TemplateError) {
        let shown = "{{template \(GoQuoting.quote(title))\(pipe.map { " \($0)" } ?? "")}}"
        at(position, shown)
        guard templates[title] != nil else {
            throw failure("template \(GoQuoting.quote(title)) not defined")
        }
        let data = try pipe.map { pipe throws(TemplateError) in try pipeline(pipe, dot) } ?? .null
        try execute(title, data)
    }

    /// Executes another template, which sees no variable but `$`.
    private mutating func execute(_ title: String, _ data: TemplateValue) throws(TemplateError) {
        let (outerVariables, outerName) = (variables, current)
        let nodes = templates[title] ?? []
        (variables, current) = ([("$", data)], title)
        _ = try nested { executor throws(TemplateError) in try executor.walk(nodes, data) }
        (variables, current) = (outerVariables, outerName)
    }

    // MARK: - Pipelines

    private mutating func pipeline(
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

    private mutating func set(_ name: String, _ value: TemplateValue, isAssignment: Bool)
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

    private mutating func command(_ command: TemplateCommand, _ dot: TemplateValue, final: TemplateValue?)
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

    private func refuseArguments(_ operand: TemplateOperand, _ hasArguments: Bool) throws(TemplateError) {
        if hasArguments { throw failure("can't give argument to non-function \(operand)") }
    }

    /// The value of an operand that is an argument.
    private mutating func value(of operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
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

    private func literal(_ operand: TemplateOperand, _ dot: TemplateValue) throws(TemplateError)
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

    private mutating func fields(
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

    // MARK: - Calls

    private mutating func call(
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

    private mutating func argument(
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

    private func check(_ value: TemplateValue, _ parameter: TemplateFunction.Parameter)
        throws(TemplateError)
    {
        guard !parameter.accepts(value) else { return }
        if case .null = value { throw failure("invalid value; expected \(parameter.typeName)") }
        throw failure("wrong type for value; expected \(parameter.typeName); got \(value.typeName)")
    }

    /// `and` and `or`, which do not evaluate more than they need.
    private mutating func choose(
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
    private mutating func text(
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
