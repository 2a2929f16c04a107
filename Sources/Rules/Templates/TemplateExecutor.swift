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
    enum Exit {
        case end, leave, again
    }

    let templates: [String: [TemplateNode]]
    let source: [UInt8]
    let setting: TemplateSetting
    let name: String

    var current: String
    var variables: [(name: String, value: TemplateValue)] = []
    var depth = 0
    var steps = 0
    /// What a message tells the place of: the part that was looked at last.
    var place: (position: Int, text: String) = (0, "")
    var out = ""

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

    mutating func at(_ position: Int, _ text: @autoclosure () -> String) {
        place = (position, text())
    }

    mutating func at(_ operand: TemplateOperand) { at(operand.position, operand.description) }

    func failure(_ message: String) -> TemplateError {
        let before = source.prefix(place.position)
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let column = place.position - lineStart
        return TemplateError(
            "template: \(name):\(line):\(column): executing \(GoQuoting.quote(current)) "
                + "at <\(place.text)>: \(message)"
        )
    }

    mutating func step() throws(TemplateError) {
        steps += 1
        guard steps <= TemplateExecutor.stepLimit else {
            throw failure("exceeded \(TemplateExecutor.stepLimit) steps")
        }
    }

    mutating func nested<T>(_ body: (inout TemplateExecutor) throws(TemplateError) -> T)
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

    mutating func walk(_ nodes: [TemplateNode], _ dot: TemplateValue) throws(TemplateError) -> Exit {
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

    mutating func write(_ text: String) throws(TemplateError) {
        out += text
        guard out.utf8.count <= TemplateExecutor.outputLimit else {
            throw failure("the text is longer than \(TemplateExecutor.outputLimit) bytes")
        }
    }

    func shown(_ value: TemplateValue) -> String {
        if case .null = value { return "<no value>" }
        return value.printed()
    }

    mutating func branch(_ branch: TemplateBranch, _ dot: TemplateValue) throws(TemplateError) -> Exit {
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

    mutating func range(_ branch: TemplateBranch, _ value: TemplateValue, _ dot: TemplateValue)
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

    func elements(of value: TemplateValue) throws(TemplateError) -> [(TemplateValue, TemplateValue)] {
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

    mutating func template(
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
    mutating func execute(_ title: String, _ data: TemplateValue) throws(TemplateError) {
        let (outerVariables, outerName) = (variables, current)
        let nodes = templates[title] ?? []
        (variables, current) = ([("$", data)], title)
        _ = try nested { executor throws(TemplateError) in try executor.walk(nodes, data) }
        (variables, current) = (outerVariables, outerName)
    }
}
