import Model
import StrictYAML

/// Values that several sections have.
extension KPIFileReading {
    /// Where `node` stands.
    func place(_ node: YAMLNode) -> Place {
        Place(file: reader.file, line: node.line, column: node.column)
    }

    /// Notes a problem at a place of this file.
    mutating func report(_ message: String, _ place: Place) {
        reader.report(message, line: place.line, column: place.column)
    }

    /// Notes that a name has characters that names may not have.
    mutating func reportName(_ name: String, owner: String, at node: YAMLNode) {
        reader.report(
            "\(LabelText.quoted(name)) is no name for \(owner): letters, digits, _ : and . are allowed, and "
                + "it may not begin with a digit or a dot",
            at: node
        )
    }

    /// The name of what a mapping defines.
    mutating func name(_ fields: YAMLFields, owner: String) -> String? {
        guard let node = fields["name"] else {
            reader.report("\(owner) needs a name", at: fields.node)
            return nil
        }
        guard let name = reader.string(fields, "name") else { return nil }
        guard DefinitionName.isValid(name) else {
            reportName(name, owner: owner, at: node)
            return nil
        }
        return name
    }

    /// A text that a KPI of its type has to have.
    mutating func needed(_ fields: YAMLFields, _ key: String, owner: String = "a KPI of this type")
        -> String?
    {
        guard let node = fields[key] else {
            reader.report("\(owner) needs \(key)", at: fields.node)
            return nil
        }
        guard let text = reader.string(fields, key) else { return nil }
        guard !text.isEmpty else {
            reader.report("\(key) must not be empty", at: node)
            return nil
        }
        return text
    }

    /// A text with its place.
    mutating func mention(_ fields: YAMLFields, _ key: String) -> KPIFile.Mention? {
        guard let node = fields[key], let text = reader.string(fields, key) else { return nil }
        return KPIFile.Mention(name: text, place: place(node))
    }

    /// The texts of a list with their places.
    mutating func mentions(_ fields: YAMLFields, _ key: String) -> [KPIFile.Mention] {
        reader.list(fields, key).compactMap { node in
            guard let text = reader.string(node, key) else { return nil }
            return KPIFile.Mention(name: text, place: place(node))
        }
    }

    /// One of a few words; nil if `mention` is none of them.
    mutating func oneOf<Word: RawRepresentable & CaseIterable>(
        _ type: Word.Type,
        _ mention: KPIFile.Mention,
        owner: String
    ) -> Word? where Word.RawValue == String {
        if let word = Word(rawValue: mention.name) { return word }
        let words = Word.allCases.map(\.rawValue)
        report(
            "\(owner) does not know \(LabelText.quoted(mention.name)); known are "
                + words.joined(separator: ", ") + Suggestion.text(for: mention.name, among: words),
            mention.place
        )
        return nil
    }

    /// A finite number.
    mutating func number(_ fields: YAMLFields, _ key: String) -> Double? {
        guard let node = fields[key] else { return nil }
        guard case .scalar(let text, isPlain: true) = node.content, let number = ValueText.parse(text),
            number.isFinite
        else {
            let given =
                if case .scalar(let text, _) = node.content { LabelText.quoted(text) } else {
                    node.kindName
                }
            reader.report("\(key) has to be a number, not \(given)", at: node)
            return nil
        }
        return number
    }

    /// `true` or `false`; false if it is missing.
    mutating func flag(_ fields: YAMLFields, _ key: String) -> Bool {
        guard let node = fields[key] else { return false }
        switch node.content {
        case .scalar("true", isPlain: true): return true
        case .scalar("false", isPlain: true): return false
        default:
            reader.report("\(key) has to be true or false", at: node)
            return false
        }
    }
}
