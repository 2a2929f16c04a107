import Model

/// A script in Prometheus's language for tests of PromQL: `load`, `clear`, `eval instant`, `eval range`, and
/// what is expected of them.
struct TestScript {
    /// A command.
    enum Command {
        case clear
        case load(Load)
        case eval(Eval)
    }

    /// Series to be added.
    struct Load {
        var gapMillis: Int64
        var series: [SeriesNotation] = []
        /// Whether classic histograms are also loaded as native ones with custom bounds.
        var convertsHistograms = false
    }

    /// A query with its expected result.
    struct Eval {
        var line: Int
        var query: String
        /// nil for an instant query.
        var stepMillis: Int64?
        var start: Int64
        var end: Int64
        var isFailing = false
        var isOrdered = false
        var mustWarn = false
        var mustInform = false
        var mustNotWarn = false
        var mustNotInform = false
        var failMessages: [Expectation] = []
        var warnMessages: [Expectation] = []
        var infoMessages: [Expectation] = []
        /// The steps of an expected range vector.
        var rangeVector: (start: Int64, step: Int64)?
        var series: [SeriesNotation] = []
        var scalar: Double?
        var string: String?
    }

    /// What a text should look like.
    enum Expectation {
        case text(String)
        case regex(String)
    }

    let commands: [Command]

    /// Reads a script.
    init(_ text: String) throws {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            let trimmed = TestScript.trimmed(line)
            return trimmed.hasPrefix("#") ? "" : trimmed
        }[...]
        var commands: [Command] = []
        let count = lines.count
        while let line = lines.first {
            guard !line.isEmpty else {
                lines = lines.dropFirst()
                continue
            }
            let number = count - lines.count + 1
            let block = Array(lines.prefix { !$0.isEmpty })
            do {
                if line == "clear" {
                    commands.append(.clear)
                    lines = lines.dropFirst()
                } else if line.hasPrefix("load") {
                    commands.append(.load(try TestScript.load(block)))
                    lines = lines.dropFirst(block.count)
                } else if line.hasPrefix("eval") {
                    commands.append(.eval(try TestScript.eval(block, line: number)))
                    lines = lines.dropFirst(block.count)
                } else {
                    throw ScriptError(description: "unknown command \(line)")
                }
            } catch {
                throw ScriptError(description: "line \(number): \(error)")
            }
        }
        self.commands = commands
    }

    // MARK: - Commands

    private static func load(_ block: [String]) throws -> Load {
        var words = TextReader(block[0])
        let command = words.take { !$0.isWhitespace }
        var load = Load(gapMillis: try millis(trimmed(words.remainder)))
        load.convertsHistograms = command == "load_with_nhcb"
        for line in block.dropFirst() { load.series.append(try SeriesNotation(line)) }
        return load
    }

    private static func eval(_ block: [String], line: Int) throws -> Eval {
        var reader = TextReader(block[0])
        let command = reader.take { !$0.isWhitespace }
        func word() -> String {
            _ = reader.take(while: \.isWhitespace)
            return reader.take { !$0.isWhitespace }
        }
        var eval = Eval(line: line, query: "", start: 0, end: 0)
        if word() == "instant" {
            _ = reader.take(while: \.isWhitespace)
            if reader.hasPrefix("at ") {
                reader.skip(3)
                eval.start = try millis(word())
            }
            eval.end = eval.start
        } else {
            _ = word()
            eval.start = try millis(word())
            _ = word()
            eval.end = try millis(word())
            _ = word()
            eval.stepMillis = try millis(word())
        }
        eval.query = trimmed(reader.remainder)
        eval.isFailing = command == "eval_fail"
        eval.isOrdered = command == "eval_ordered"
        eval.mustWarn = command == "eval_warn"
        eval.mustInform = command == "eval_info"
        for line in block.dropFirst() { try expect(line, &eval) }
        return eval
    }

    private static func expect(_ line: String, _ eval: inout Eval) throws {
        if line.hasPrefix("expected_fail_message ") {
            eval.failMessages.append(.text(trimmed(line.dropFirst("expected_fail_message ".count))))
        } else if line.hasPrefix("expected_fail_regexp ") {
            eval.failMessages.append(.regex(trimmed(line.dropFirst("expected_fail_regexp ".count))))
        } else if line.hasPrefix("expect range vector") {
            let words = line.split(separator: " ")
            guard words.count == 9 else { throw ScriptError(description: "bad line \(line)") }
            eval.rangeVector = (try millis(String(words[4])), try millis(String(words[8])))
            (eval.start, eval.end) = (try millis(String(words[6])), try millis(String(words[6])))
        } else if line.hasPrefix("expect string ") {
            var reader = TextReader(trimmed(line.dropFirst("expect string ".count)))
            eval.string = try reader.quoted()
        } else if line.hasPrefix("expect ") {
            try expectation(TextReader(String(line.dropFirst("expect ".count))), &eval)
        } else if let value = ValueText.parse(line) {
            eval.scalar = value
        } else {
            eval.series.append(try SeriesNotation(line))
        }
    }

    private static func expectation(_ line: TextReader, _ eval: inout Eval) throws {
        var reader = line
        let kind = reader.take { !$0.isWhitespace }
        let rest = trimmed(reader.remainder)
        var message: [Expectation] = []
        if rest.hasPrefix("msg:") { message = [.text(trimmed(rest.dropFirst(4)))] }
        if rest.hasPrefix("regex:") { message = [.regex(trimmed(rest.dropFirst(6)))] }
        switch kind {
        case "fail": (eval.isFailing, eval.failMessages) = (true, eval.failMessages + message)
        case "warn": (eval.mustWarn, eval.warnMessages) = (true, eval.warnMessages + message)
        case "info": (eval.mustInform, eval.infoMessages) = (true, eval.infoMessages + message)
        case "no_warn": eval.mustNotWarn = true
        case "no_info": eval.mustNotInform = true
        case "ordered": eval.isOrdered = true
        default: throw ScriptError(description: "unknown expectation \(kind)")
        }
    }

    // MARK: - Words

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop(while: \.isWhitespace)
        return String(start.reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func millis(_ text: String) throws -> Int64 {
        let isNegative = text.hasPrefix("-")
        let magnitude = isNegative ? String(text.dropFirst()) : text
        guard
            let millis = DurationText.parse(magnitude) ?? ValueText.parse(magnitude).map({ Int64($0 * 1000) })
        else { throw ScriptError(description: "bad duration \(text)") }
        return isNegative ? -millis : millis
    }
}
