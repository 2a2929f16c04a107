/// Parses templates by the rules of Go's `text/template`, with its messages.
struct TemplateParser {
    /// How deep actions and parentheses may be nested.
    private static let depthLimit = 100

    private let name: String
    private let isFunction: (String) -> Bool
    private var tokens: [TemplateToken]
    private var next = 0
    /// The line of the token read last, for messages.
    private var line = 1
    private var variables = ["$"]
    private var definitions: [String: [TemplateNode]] = [:]
    private var loopDepth = 0
    private var depth = 0

    /// The nodes of every template that `text` defines; its own have the name `name`.
    static func parse(
        _ text: String,
        name: String,
        isFunction: @escaping (String) -> Bool
    ) throws(TemplateError) -> [String: [TemplateNode]] {
        var parser = TemplateParser(
            name: name,
            isFunction: isFunction,
            tokens: TemplateLexer.tokens(of: text)
        )
        return try parser.all()
    }

    private init(name: String, isFunction: @escaping (String) -> Bool, tokens: [TemplateToken]) {
        self.name = name
        self.isFunction = isFunction
        self.tokens = tokens
    }

    // MARK: - Tokens

    private mutating func read() -> TemplateToken {
        let token = peek()
        line = token.line
        if next < tokens.count - 1 { next += 1 }
        return token
    }

    /// The lexer always ends with an end or an error, which is answered again and again.
    private func peek() -> TemplateToken {
        tokens.indices.contains(next)
            ? tokens[next] : TemplateToken(kind: .end, text: "", position: 0, line: line)
    }

    private mutating func skipSpace() {
        while peek().kind == .space { _ = read() }
    }

    private mutating func readBehindSpace() -> TemplateToken {
        skipSpace()
        return read()
    }

    private mutating func peekBehindSpace() -> TemplateToken {
        skipSpace()
        return peek()
    }

    private func failure(_ message: String) -> TemplateError {
        TemplateError("template: \(name):\(line): \(message)")
    }

    private func unexpected(_ token: TemplateToken, in context: String) -> TemplateError {
        if token.kind == .error { return failure(token.text) }
        return failure("unexpected \(token.shown) in \(context)")
    }

    private mutating func nested<T>(_ body: (inout TemplateParser) throws(TemplateError) -> T)
        throws(TemplateError) -> T
    {
        depth += 1
        defer { depth -= 1 }
        guard depth <= TemplateParser.depthLimit else {
            throw failure("nested deeper than \(TemplateParser.depthLimit) levels")
        }
        return try body(&self)
    }

    // MARK: - Lists

    /// What ended a list of nodes.
    private enum ListEnd {
        case end, otherwise
        case file
    }

    private mutating func all() throws(TemplateError) -> [String: [TemplateNode]] {
        var nodes: [TemplateNode] = []
        let end = try list(&nodes, isTop: true)
        switch end {
        case .end: throw failure("unexpected {{end}}")
        case .otherwise: throw failure("unexpected {{else}}")
        case .file: break
        }
        definitions[name] = nodes
        return definitions
    }

    private mutating func list(_ nodes: inout [TemplateNode], isTop: Bool = false) throws(TemplateError)
        -> ListEnd
    {
        while true {
            let token = readBehindSpace()
            switch token.kind {
            case .end:
                guard isTop else { throw failure("unexpected EOF") }
                return .file
            case .text: nodes.append(.text(token.text))
            case .leftDelimiter:
                let keyword = peekBehindSpace()
                if keyword.isKeyword("end") {
                    _ = read()
                    try expectRightDelimiter(in: "end")
                    return .end
                }
                if keyword.isKeyword("else") {
                    _ = read()
                    return .otherwise
                }
                if isTop, keyword.isKeyword("define") {
                    _ = read()
                    try definition()
                } else if let node = try action() {
                    nodes.append(node)
                }
            default: throw unexpected(token, in: "input")
            }
        }
    }

    private mutating func expectRightDelimiter(in context: String) throws(TemplateError) {
        let token = readBehindSpace()
        guard token.kind == .rightDelimiter else { throw unexpected(token, in: context) }
    }

    private mutating func definition() throws(TemplateError) {
        let context = "define clause"
        let token = readBehindSpace()
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, in: context) }
        let title = try unquote(token)
        try expectRightDelimiter(in: context)
        let outer = (variables, loopDepth)
        (variables, loopDepth) = (["$"], 0)
        try body(named: title, in: context)
        (variables, loopDepth) = outer
    }

    private mutating func body(named title: String, in context: String) throws(TemplateError) {
        let nodes = try nested { parser throws(TemplateError) in
            var nodes: [TemplateNode] = []
            guard case .end = try parser.list(&nodes) else {
                throw parser.failure("unexpected {{else}} in \(context)")
            }
            return nodes
        }
        definitions[title] = nodes
    }

    // MARK: - Actions

    /// The action behind a left delimiter; nil if it leaves nothing to do.
    private mutating func action() throws(TemplateError) -> TemplateNode? {
        let token = peekBehindSpace()
        guard token.kind == .keyword else { return try plainAction() }
        switch token.text {
        case "if", "with", "range":
            _ = read()
            return try branch(TemplateBranch.Kind(rawValue: token.text) ?? .if)
        case "block":
            _ = read()
            return try block()
        case "template":
            _ = read()
            return try template()
        case "break", "continue":
            _ = read()
            let end = readBehindSpace()
            guard end.kind == .rightDelimiter else { throw unexpected(end, in: "{{\(token.text)}}") }
            guard loopDepth > 0 else { throw failure("{{\(token.text)}} outside {{range}}") }
            return .leave(isBreak: token.text == "break", position: token.position)
        default: return try plainAction()
        }
    }

    private mutating func plainAction() throws(TemplateError) -> TemplateNode {
        .action(try pipeline(in: "command", until: .rightDelimiter))
    }

    private mutating func branch(_ kind: TemplateBranch.Kind) throws(TemplateError) -> TemplateNode {
        try nested { parser throws(TemplateError) in
            let scope = parser.variables.count
            let pipe = try parser.pipeline(in: kind.rawValue, until: .rightDelimiter)
            var branch = TemplateBranch(kind: kind, pipe: pipe, body: [])
            if kind == .range { parser.loopDepth += 1 }
            let end = try parser.list(&branch.body)
            if kind == .range { parser.loopDepth -= 1 }
            if case .otherwise = end { branch.otherwise = try parser.otherwise(of: kind) }
            parser.variables.removeSubrange(scope...)
            return .branch(branch)
        }
    }

    /// What stands behind `else`, which may be another condition that shares the end.
    private mutating func otherwise(of kind: TemplateBranch.Kind) throws(TemplateError) -> [TemplateNode] {
        let token = peekBehindSpace()
        if kind != .range, token.isKeyword(kind.rawValue) {
            _ = read()
            return [try branch(kind)]
        }
        try expectRightDelimiter(in: "else")
        var nodes: [TemplateNode] = []
        guard case .end = try list(&nodes) else { throw failure("expected end; found {{else}}") }
        return nodes
    }

    private mutating func block() throws(TemplateError) -> TemplateNode {
        let context = "block clause"
        let token = readBehindSpace()
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, in: context) }
        let title = try unquote(token)
        let pipe = try pipeline(in: context, until: .rightDelimiter)
        let outer = (variables, loopDepth)
        (variables, loopDepth) = (["$"], 0)
        try body(named: title, in: context)
        (variables, loopDepth) = outer
        return .template(name: title, pipe, position: token.position)
    }

    private mutating func template() throws(TemplateError) -> TemplateNode {
        let context = "template clause"
        let token = readBehindSpace()
        guard token.kind == .string || token.kind == .rawString else { throw unexpected(token, in: context) }
        let title = try unquote(token)
        var pipe: TemplatePipe?
        if peekBehindSpace().kind == .rightDelimiter {
            _ = read()
        } else {
            pipe = try pipeline(in: context, until: .rightDelimiter)
        }
        return .template(name: title, pipe, position: token.position)
    }

    private func unquote(_ token: TemplateToken) throws(TemplateError) -> String {
        guard let text = GoQuoting.unquote(token.text) else { throw failure("invalid syntax") }
        return text
    }

    // MARK: - Pipelines

    private mutating func pipeline(in context: String, until end: TemplateToken.Kind) throws(TemplateError)
        -> TemplatePipe
    {
        var pipe = TemplatePipe(position: peekBehindSpace().position)
        try declarations(of: &pipe, in: context)
        while true {
            let token = peekBehindSpace()
            switch token.kind {
            case end:
                _ = read()
                guard !pipe.commands.isEmpty else { throw failure("missing value for \(context)") }
                try checkStages(of: pipe)
                return pipe
            case .boolean, .characterConstant, .dot, .field, .identifier, .number, .rawString, .string,
                .variable, .leftParenthesis:
                pipe.commands.append(try command())
            case .keyword where token.text == "nil": pipe.commands.append(try command())
            default:
                _ = read()
                throw unexpected(token, in: context)
            }
        }
    }

    /// Reads `$x :=`, `$x =` and, for ranges, `$i, $x :=`.
    private mutating func declarations(of pipe: inout TemplatePipe, in context: String) throws(TemplateError)
    {
        while peekBehindSpace().kind == .variable {
            let start = next
            let variable = read()
            // A space before the operator does not matter, but it has to stay if there is none.
            let operation = peekBehindSpace()
            if operation.kind == .assign || operation.kind == .declare {
                _ = read()
                pipe.isAssignment = operation.kind == .assign
                pipe.variables.append((variable.text, variable.position))
                variables.append(variable.text)
                return
            }
            guard operation.kind == .character, operation.text == "," else {
                next = start
                return
            }
            _ = read()
            pipe.variables.append((variable.text, variable.position))
            variables.append(variable.text)
            guard context == "range", pipe.variables.count < 2 else {
                throw failure("too many declarations in \(context)")
            }
            guard peekBehindSpace().kind == .variable else {
                throw failure("range can only initialize variables")
            }
        }
    }

    private func checkStages(of pipe: TemplatePipe) throws(TemplateError) {
        for (index, command) in pipe.commands.enumerated().dropFirst() {
            switch command.operands.first?.kind {
            case .boolean, .dot, .null, .number, .string:
                throw failure("non executable command in pipeline stage \(index + 1)")
            default: break
            }
        }
    }

    private mutating func command() throws(TemplateError) -> TemplateCommand {
        var command = TemplateCommand(position: peekBehindSpace().position)
        loop: while true {
            skipSpace()
            if let operand = try operand() { command.operands.append(operand) }
            let token = peek()
            switch token.kind {
            case .space: continue loop
            case .rightDelimiter, .rightParenthesis: break loop
            case .pipe:
                _ = read()
                break loop
            default:
                _ = read()
                throw unexpected(token, in: "operand")
            }
        }
        guard !command.operands.isEmpty else { throw failure("empty command") }
        return command
    }

    /// A term and the fields behind it; nil if there is no term.
    private mutating func operand() throws(TemplateError) -> TemplateOperand? {
        guard let term = try term() else { return nil }
        let position = peek().position
        var names: [String] = []
        while peek().kind == .field { names.append(String(read().text.dropFirst())) }
        guard !names.isEmpty else { return term }
        switch term.kind {
        case .field(let first): return TemplateOperand(kind: .field(first + names), position: position)
        case .variable(let name, let first):
            return TemplateOperand(kind: .variable(name, first + names), position: position)
        case .boolean, .string, .number, .null, .dot:
            throw failure("unexpected . after term \(GoQuoting.quote(term.description))")
        default: return TemplateOperand(kind: .chain(term, names), position: position)
        }
    }

    private mutating func term() throws(TemplateError) -> TemplateOperand? {
        let token = peekBehindSpace()
        let kind: TemplateOperand.Kind
        switch token.kind {
        case .identifier:
            _ = read()
            guard isFunction(token.text) else {
                throw failure("function \(GoQuoting.quote(token.text)) not defined")
            }
            kind = .identifier(token.text)
        case .dot: kind = .dot
        case .keyword where token.text == "nil": kind = .null
        case .variable:
            _ = read()
            guard variables.contains(token.text) else {
                throw failure("undefined variable \(GoQuoting.quote(token.text))")
            }
            return TemplateOperand(kind: .variable(token.text, []), position: token.position)
        case .field: kind = .field([String(token.text.dropFirst())])
        case .boolean: kind = .boolean(token.text == "true")
        case .characterConstant, .number:
            _ = read()
            return TemplateOperand(kind: .number(try number(token)), position: token.position)
        case .leftParenthesis:
            _ = read()
            let pipe = try nested { parser throws(TemplateError) in
                try parser.pipeline(in: "parenthesized pipeline", until: .rightParenthesis)
            }
            return TemplateOperand(kind: .pipe(pipe), position: token.position)
        case .string, .rawString:
            _ = read()
            kind = .string(literal: token.text, try unquote(token))
            return TemplateOperand(kind: kind, position: token.position)
        default: return nil
        }
        if token.kind != .identifier { _ = read() }
        return TemplateOperand(kind: kind, position: token.position)
    }

    private func number(_ token: TemplateToken) throws(TemplateError) -> TemplateNumber {
        if token.kind == .characterConstant {
            let text = GoQuoting.unquote(token.text)
            guard let text, let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1 else {
                throw failure("malformed character constant: \(token.text)")
            }
            return TemplateNumber(text: token.text, value: .integer(Int(scalar.value)))
        }
        do {
            return try TemplateNumber.parse(token.text).get()
        } catch {
            throw failure(error.description)
        }
    }
}
