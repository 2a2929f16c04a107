import Model

/// Reads the values of one YAML file strictly and collects everything that is wrong with it.
///
/// The methods answer nil for what is missing or wrong; what is wrong has been noted then. A null counts as
/// missing. `finish` throws if anything was noted.
package struct StrictReader {
    /// How many problems of a file are kept.
    private static let problemLimit = 100

    /// The file's path, for messages.
    package let file: String
    /// Other files and patterns whose content the document depends on, as `dependsOn` was told.
    package private(set) var files: [String] = []
    private var problems: [FileProblem] = []

    /// A reader for the file at the path `file`.
    package init(file: String) {
        self.file = file
    }

    /// The root of the file's only document, or nil if it is empty or no YAML.
    package mutating func document(_ text: String) -> YAMLNode? {
        do {
            let root = try YAMLDocument.parse(text, file: file)
            return root.flatMap { $0.isNull ? nil : $0 }
        } catch {
            problems += error.problems
            return nil
        }
    }

    /// Notes a problem at the place of `node`.
    package mutating func report(_ message: String, at node: YAMLNode) {
        report(message, line: node.line, column: node.column)
    }

    /// Notes a problem at a place, both from 1.
    package mutating func report(_ message: String, line: Int, column: Int) {
        problems.append(FileProblem(file: file, line: line, column: column, message: message))
    }

    /// Notes a problem of the file as a whole, unless one was noted already.
    package mutating func reportEmpty(_ message: String) {
        if problems.isEmpty { problems.append(FileProblem(file: file, message: message)) }
    }

    /// Notes that the document depends on what is in the file, or the files, at `path`.
    package mutating func dependsOn(_ path: String) { files.append(path) }

    /// Throws what was noted, in the order of the lines.
    package func finish() throws(YAMLFileError) {
        guard !problems.isEmpty else { return }
        var sorted = problems.sorted { ($0.line, $0.column) < ($1.line, $1.column) }
        if sorted.count > StrictReader.problemLimit {
            let hidden = sorted.count - StrictReader.problemLimit
            sorted.removeLast(hidden)
            sorted.append(FileProblem(file: file, message: "and \(hidden) more problems"))
        }
        throw YAMLFileError(sorted)
    }

    /// The fields of a mapping, which describes `owner`, such as `a rule`.
    ///
    /// A key that is not in `known` is a problem; `unsupported` are those that Prometheus knows and Sextant
    /// does not act on, each with the reason that the message gives.
    package mutating func fields(
        of node: YAMLNode,
        owner: String,
        known: [String],
        unsupported: [String: String] = [:]
    ) -> YAMLFields? {
        guard case .mapping(let entries) = node.content else {
            report("\(owner) has to be a mapping, not \(node.kindName)", at: node)
            return nil
        }
        var values: [String: YAMLNode] = [:]
        for entry in entries {
            if known.contains(entry.name) {
                if !entry.value.isNull { values[entry.name] = entry.value }
            } else if let reason = unsupported[entry.name] {
                report("\(LabelText.quoted(entry.name)) is not supported: \(reason)", at: entry.key)
            } else {
                let choice = known.isEmpty ? "it has none yet" : "known are \(known.joined(separator: ", "))"
                report("unknown field \(LabelText.quoted(entry.name)) in \(owner); \(choice)", at: entry.key)
            }
        }
        return YAMLFields(node: node, values: values)
    }

    /// The items of a list; none if it is missing.
    package mutating func list(_ fields: YAMLFields, _ name: String) -> [YAMLNode] {
        guard let node = fields[name] else { return [] }
        guard case .sequence(let items) = node.content else {
            report("\(name) has to be a list, not \(node.kindName)", at: node)
            return []
        }
        return items
    }

    /// The text of a field; any scalar counts as one, as in Prometheus.
    package mutating func string(_ fields: YAMLFields, _ name: String) -> String? {
        fields[name].flatMap { string($0, name) }
    }

    /// The text of `node`, which is called `name` in messages.
    package mutating func string(_ node: YAMLNode, _ name: String) -> String? {
        guard case .scalar(let text, _) = node.content else {
            report("\(name) has to be a text, not \(node.kindName)", at: node)
            return nil
        }
        return text
    }

    /// The duration of a field, such as `5m`, in milliseconds.
    package mutating func durationMillis(_ fields: YAMLFields, _ name: String) -> Int64? {
        guard let node = fields[name], let text = string(node, name) else { return nil }
        guard let millis = DurationText.parse(text) else {
            report(
                "\(name) has to be a duration such as 30s or 1h30m, not \(LabelText.quoted(text))",
                at: node
            )
            return nil
        }
        return millis
    }

    /// The size of a field in bytes, such as `65536` or `64KiB`.
    package mutating func byteCount(_ fields: YAMLFields, _ name: String) -> Int? {
        guard let node = fields[name], let text = string(node, name) else { return nil }
        guard let count = ByteCountText.parse(text) else {
            let given = LabelText.quoted(text)
            report("\(name) has to be a size such as 65536, 64KiB or 16MiB, not \(given)", at: node)
            return nil
        }
        return count
    }

    /// The whole number of a field.
    package mutating func integer(_ fields: YAMLFields, _ name: String) -> Int? {
        guard let node = fields[name] else { return nil }
        guard case .scalar(let text, isPlain: true) = node.content, let number = Int(text) else {
            let given =
                if case .scalar(let text, _) = node.content { LabelText.quoted(text) } else { node.kindName }
            report("\(name) has to be a whole number, not \(given)", at: node)
            return nil
        }
        return number
    }

    /// The truth of a field, spelled as in YAML 1.1: `true`, `yes`, `on` and their opposites.
    package mutating func boolean(_ fields: YAMLFields, _ name: String) -> Bool? {
        guard let node = fields[name] else { return nil }
        if case .scalar(let text, isPlain: true) = node.content {
            switch text.lowercased() {
            case "true", "yes", "on", "y": return true
            case "false", "no", "off", "n": return false
            default: break
            }
        }
        let given =
            if case .scalar(let text, _) = node.content { LabelText.quoted(text) } else { node.kindName }
        report("\(name) has to be true or false, not \(given)", at: node)
        return nil
    }

    /// The texts of a list.
    package mutating func strings(_ fields: YAMLFields, _ name: String) -> [String] {
        var texts: [String] = []
        for item in list(fields, name) {
            if let text = string(item, name) { texts.append(text) }
        }
        return texts
    }

    /// The entries of a mapping from texts to texts, such as labels; a null value is the empty text.
    package mutating func texts(_ fields: YAMLFields, _ name: String) -> [YAMLText] {
        guard let node = fields[name] else { return [] }
        guard case .mapping(let entries) = node.content else {
            report("\(name) has to be a mapping, not \(node.kindName)", at: node)
            return []
        }
        var texts: [YAMLText] = []
        for entry in entries {
            let value = entry.value.isNull ? "" : string(entry.value, "\(name).\(entry.name)")
            if let value { texts.append(YAMLText(key: entry.key, name: entry.name, value: value)) }
        }
        return texts
    }

    /// The labels of a field, in name order, those with empty values too.
    ///
    /// A name that is empty, `__name__` or too long is a problem.
    package mutating func labels(_ fields: YAMLFields, _ name: String) -> [Label] {
        var labels: [Label] = []
        for text in texts(fields, name) {
            if text.name.isEmpty || text.name == Labels.metricName {
                report("\(LabelText.quoted(text.name)) is no name that a label may have here", at: text.key)
            } else if text.name.utf8.count > Limits.default.labelNameBytes {
                report("a label name is longer than \(Limits.default.labelNameBytes) bytes", at: text.key)
            } else if text.value.utf8.count > Limits.default.labelValueBytes {
                report("a label value is longer than \(Limits.default.labelValueBytes) bytes", at: text.key)
            } else {
                labels.append(Label(text.name, text.value))
            }
        }
        return labels.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }
}

/// The fields of a mapping by their names, without those that are null.
package struct YAMLFields: Sendable {
    /// The mapping.
    package var node: YAMLNode
    fileprivate var values: [String: YAMLNode]

    /// The value of the field `name`, or nil.
    package subscript(name: String) -> YAMLNode? { values[name] }
}

/// An entry of a mapping from texts to texts.
package struct YAMLText: Sendable {
    /// The key, for its place.
    package var key: YAMLNode
    /// The key's text.
    package var name: String
    /// The value's text.
    package var value: String
}
