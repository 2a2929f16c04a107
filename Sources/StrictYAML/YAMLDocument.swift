import Model
import Yams

/// Reads the one YAML document of a file into `YAMLNode`s; the only place that knows Yams.
///
/// What a small file can blow up to is bounded: depth, and the number of nodes after aliases are expanded.
enum YAMLDocument {
    /// The most nodes of a document, aliases counted with what they stand for.
    static let nodeLimit = 500_000
    /// Yams hands libyaml a pointer into the string, which is unsound for the short strings that Swift keeps
    /// inline; a shorter text gets line ends added.
    private static let minimumByteCount = 64

    /// What `*` is replaced by for the first look at a document with aliases.
    private static let aliasMark: Unicode.Scalar = "\u{e000}"

    /// The root node of `text`, or nil if there is no document in it.
    static func parse(_ text: String, file: String) throws(YAMLFileError) -> YAMLNode? {
        if let flat = withoutAliases(text), let root = try compose(flat, file: file) {
            try checkKeys(of: root, file: file)
        }
        guard let root = try compose(text, file: file) else { return nil }
        var conversion = Conversion(file: file)
        let node = conversion.convert(root, depth: 0)
        guard let node, conversion.problems.isEmpty else { throw YAMLFileError(conversion.problems) }
        return node
    }

    /// The root node of `text` as Yams has it.
    static func compose(_ text: String, file: String) throws(YAMLFileError) -> Node? {
        let missing = minimumByteCount - text.utf8.count
        let padded = missing > 0 ? text + String(repeating: "\n", count: missing) : text
        do {
            return try Parser(yaml: padded, encoding: .utf8).singleRoot()
        } catch {
            throw YAMLFileError([problem(error, file: file, text: text)])
        }
    }

    // MARK: - Keys

    /// `text` with every alias turned into a plain scalar, nil if there is none.
    ///
    /// Yams hashes keys with all that aliases in them stand for, which may be far more than there is memory.
    /// So the keys are checked before in a document that has the same shape and no alias.
    private static func withoutAliases(_ text: String) -> String? {
        var out = String.UnicodeScalarView()
        var afterStar = false
        var hasAlias = false
        for scalar in text.unicodeScalars {
            if afterStar {
                let isName = scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                let isAlias = isName || scalar == "-" || scalar == "_"
                out.append(isAlias ? aliasMark : "*")
                hasAlias = hasAlias || isAlias
            }
            afterStar = scalar == "*"
            if !afterStar { out.append(scalar) }
        }
        if afterStar { out.append("*") }
        return hasAlias ? String(out) : nil
    }

    /// Throws if a key is not a plain text, or was an alias before `withoutAliases`.
    private static func checkKeys(of node: Node, file: String) throws(YAMLFileError) {
        switch node {
        case .mapping(let mapping):
            for (key, value) in mapping {
                guard let scalar = key.scalar,
                    scalar.style != .plain || scalar.string.unicodeScalars.first != aliasMark
                else {
                    let kind = key.scalar == nil ? key.sequence == nil ? "a mapping" : "a list" : "an alias"
                    throw YAMLFileError([
                        FileProblem(
                            file: file,
                            line: key.mark?.line ?? 1,
                            column: key.mark?.column ?? 1,
                            message: "a key has to be a text, not \(kind)"
                        )
                    ])
                }
                try checkKeys(of: value, file: file)
            }
        case .sequence(let sequence):
            for item in sequence { try checkKeys(of: item, file: file) }
        case .scalar, .alias:
            break
        }
    }

    // MARK: - Problems

    /// The problem that Yams met.
    private static func problem(_ error: any Error, file: String, text: String) -> FileProblem {
        // Line ends that were added to a short text are none of the file's.
        let lineCount = text.reduce(1) { $0 + ($1.isNewline ? 1 : 0) }
        func at(_ mark: Mark, _ message: String) -> FileProblem {
            let isInside = mark.line <= lineCount
            return FileProblem(
                file: file,
                line: isInside ? max(1, mark.line) : lineCount,
                column: isInside ? max(1, mark.column) : 1,
                message: message
            )
        }
        guard let error = error as? YamlError else {
            return FileProblem(file: file, message: "not valid YAML: \(error)")
        }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _):
            let circumstance = (context?.text).map { " (\($0))" } ?? ""
            return at(mark, "not valid YAML: \(problem)\(circumstance)")
        case .composer(_, let problem, let mark, _):
            if problem.contains("another document") {
                return at(mark, "the file has to be one YAML document, but a second one begins here")
            }
            return at(mark, "not valid YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            return at(
                context.mark,
                "the key \(LabelText.quoted(keys.first ?? "")) is written twice in one mapping"
            )
        case .reader(let problem, let offset, _, _):
            let before = text.prefix(offset ?? 0)
            let line = before.reduce(1) { $0 + ($1.isNewline ? 1 : 0) }
            let lastLine =
                before.lastIndex(where: \.isNewline).map { before[before.index(after: $0)...] } ?? before
            return FileProblem(
                file: file,
                line: line,
                column: lastLine.unicodeScalars.count + 1,
                message: "not valid YAML: \(problem)"
            )
        default:
            return FileProblem(file: file, message: "not valid YAML: \(error)")
        }
    }
}

/// Turns Yams's nodes into ours and counts them.
private struct Conversion {
    private typealias Place = (line: Int, column: Int)

    let file: String
    var problems: [FileProblem] = []
    private var count = 0

    init(file: String) {
        self.file = file
    }

    /// The node, or nil once a limit is exceeded or a key is none; then there is a problem.
    mutating func convert(_ node: Node, depth: Int) -> YAMLNode? {
        let place = (line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        count += 1
        guard count <= YAMLDocument.nodeLimit else {
            return refuse(
                place,
                "the document has more than \(YAMLDocument.nodeLimit) nodes, aliases expanded"
            )
        }
        guard depth < Limits.nestingDepth else {
            return refuse(place, "the document is nested deeper than \(Limits.nestingDepth) levels")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            return make(.scalar(scalar.string, isPlain: isPlain), place)
        case .sequence(let sequence):
            var items: [YAMLNode] = []
            for item in sequence {
                guard let item = convert(item, depth: depth + 1) else { return nil }
                items.append(item)
            }
            return make(.sequence(items), place)
        case .mapping(let mapping):
            guard let entries = convert(mapping, depth: depth) else { return nil }
            return make(.mapping(entries), place)
        case .alias:
            return refuse(place, "not valid YAML: an alias that stands for nothing")
        }
    }

    /// The entries of a mapping with merge keys applied: a merged entry yields to one written in the mapping.
    private mutating func convert(_ mapping: Node.Mapping, depth: Int) -> [YAMLNode.Entry]? {
        var entries: [YAMLNode.Entry] = []
        var merged: [YAMLNode.Entry] = []
        for (key, value) in mapping {
            guard let keyNode = convert(key, depth: depth + 1) else { return nil }
            guard case .scalar(let name, let isPlain) = keyNode.content else {
                problems.append(problem(keyNode, "a key has to be a text, not \(keyNode.kindName)"))
                return nil
            }
            guard let valueNode = convert(value, depth: depth + 1) else { return nil }
            if name == "<<", isPlain {
                guard let more = mergedEntries(valueNode) else { return nil }
                merged += more
            } else {
                entries.append(YAMLNode.Entry(key: keyNode, name: name, value: valueNode))
            }
        }
        guard !merged.isEmpty else { return entries }
        var names = Set(entries.map(\.name))
        for entry in merged where names.insert(entry.name).inserted { entries.append(entry) }
        return entries
    }

    private mutating func mergedEntries(_ node: YAMLNode) -> [YAMLNode.Entry]? {
        let sources: [YAMLNode] = if case .sequence(let items) = node.content { items } else { [node] }
        var entries: [YAMLNode.Entry] = []
        for source in sources {
            guard case .mapping(let more) = source.content else {
                problems.append(problem(node, "the merge key << needs a mapping, not \(source.kindName)"))
                return nil
            }
            entries += more
        }
        return entries
    }

    private func make(_ content: YAMLNode.Content, _ place: Place) -> YAMLNode {
        YAMLNode(content: content, line: place.line, column: place.column)
    }

    private func problem(_ node: YAMLNode, _ message: String) -> FileProblem {
        FileProblem(file: file, line: node.line, column: node.column, message: message)
    }

    private mutating func refuse(_ place: Place, _ message: String) -> YAMLNode? {
        problems.append(FileProblem(file: file, line: place.line, column: place.column, message: message))
        return nil
    }
}
