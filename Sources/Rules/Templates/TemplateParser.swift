/// Parses templates by the rules of Go's `text/template`, with its messages.
struct TemplateParser {
    /// How deep actions and parentheses may be nested.
    private static let depthLimit = 100

    let name: String
    let isFunction: (String) -> Bool
    var tokens: [TemplateToken]
    var next = 0
    /// The line of the token read last, for messages.
    var line = 1
    var variables = ["$"]
    var definitions: [String: [TemplateNode]] = [:]
    var loopDepth = 0
    var depth = 0

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

    mutating func read() -> TemplateToken {
        let token = peek()
        line = token.line
        if next < tokens.count - 1 { next += 1 }
        return token
    }

    /// The lexer always ends with an end or an error, which is answered again and again.
    func peek() -> TemplateToken {
        tokens.indices.contains(next)
            ? tokens[next] : TemplateToken(kind: .end, text: "", position: 0, line: line)
    }

    mutating func skipSpace() {
        while peek().kind == .space { _ = read() }
    }

    mutating func readBehindSpace() -> TemplateToken {
        skipSpace()
        return read()
    }

    mutating func peekBehindSpace() -> TemplateToken {
        skipSpace()
        return peek()
    }

    func failure(_ message: String) -> TemplateError {
        TemplateError("template: \(name):\(line): \(message)")
    }

    func unexpected(_ token: TemplateToken, in context: String) -> TemplateError {
        if token.kind == .error { return failure(token.text) }
        return failure("unexpected \(token.shown) in \(context)")
    }

    mutating func nested<T>(_ body: (inout TemplateParser) throws(TemplateError) -> T)
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
    enum ListEnd {
        case end, otherwise
        case file
    }

    mutating func all() throws(TemplateError) -> [String: [TemplateNode]] {
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

    mutating func list(_ nodes: inout [TemplateNode], isTop: Bool = false) throws(TemplateError)
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

    mutating func expectRightDelimiter(in context: String) throws(TemplateError) {
        let token = readBehindSpace()
        guard token.kind == .rightDelimiter else { throw unexpected(token, in: context) }
    }

    mutating func definition() throws(TemplateError) {
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

    mutating func body(named title: String, in context: String) throws(TemplateError) {
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
    mutating func action() throws(TemplateError) -> TemplateNode? {
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

    mutating func plainAction() throws(TemplateError) -> TemplateNode {
        .action(try pipeline(in: "command", until: .rightDelimiter))
    }

    mutating func branch(_ kind: TemplateBranch.Kind) throws(TemplateError) -> TemplateNode {
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
    mutating func otherwise(of kind: TemplateBranch.Kind) throws(TemplateError) -> [TemplateNode] {
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

    mutating func block() throws(TemplateError) -> TemplateNode {
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

    mutating func template() throws(TemplateError) -> TemplateNode {
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

    func unquote(_ token: TemplateToken) throws(TemplateError) -> String {
        guard let text = GoQuoting.unquote(token.text) else { throw failure("invalid syntax") }
        return text
    }
}
