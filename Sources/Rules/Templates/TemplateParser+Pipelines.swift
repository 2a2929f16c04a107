// Pipelines, commands and their operands.

extension TemplateParser {
    mutating func pipeline(in context: String, until end: TemplateToken.Kind) throws(TemplateError)
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
    mutating func declarations(of pipe: inout TemplatePipe, in context: String) throws(TemplateError) {
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

    func checkStages(of pipe: TemplatePipe) throws(TemplateError) {
        for (index, command) in pipe.commands.enumerated().dropFirst() {
            switch command.operands.first?.kind {
            case .boolean, .dot, .null, .number, .string:
                throw failure("non executable command in pipeline stage \(index + 1)")
            default: break
            }
        }
    }

    mutating func command() throws(TemplateError) -> TemplateCommand {
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
    mutating func operand() throws(TemplateError) -> TemplateOperand? {
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

    mutating func term() throws(TemplateError) -> TemplateOperand? {
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

    func number(_ token: TemplateToken) throws(TemplateError) -> TemplateNumber {
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
