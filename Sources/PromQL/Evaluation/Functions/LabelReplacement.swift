import Matching
import Model

/// `label_replace`: a label made from the parts of another that a regular expression finds.
struct LabelReplacement {
    private let destination: String
    private let source: String
    private let regex: Regex
    private let parts: [Part]
    private let stringLimit: Int

    /// A piece of the template.
    private enum Part {
        case text(String)
        case group(Int)
    }

    /// The replacement of `destination` by `template`, with `$1` or `${name}` for groups, where the label
    /// `source` matches `pattern` as a whole.
    init(destination: String, template: String, source: String, pattern: String, limits: Limits)
        throws(PromQLError)
    {
        do { regex = try Regex(pattern, limit: limits.regexBytes) } catch {
            if case .tooLong = error { throw .execution(error.description) }
            throw .execution("invalid regular expression in label_replace(): \(pattern)")
        }
        guard !destination.isEmpty else {
            throw .execution("invalid destination label name in label_replace(): \(destination)")
        }
        self.destination = destination
        self.source = source
        stringLimit = limits.madeStringBytes
        parts = LabelReplacement.parse(template, regex.groupNames)
    }

    /// The new labels and whether their name is to be dropped; nil where the source does not match.
    func apply(to labels: Labels, dropsName: Bool) throws(PromQLError) -> (Labels, dropsName: Bool)? {
        guard let captures = regex.captures(in: labels[source] ?? "") else { return nil }
        var value = ""
        for part in parts {
            switch part {
            case .text(let text): value += text
            case .group(let index): value += captures[index] ?? ""
            }
        }
        return try LabelValue.set(
            destination,
            to: value,
            in: labels,
            dropsName: dropsName,
            by: "label_replace",
            limit: stringLimit
        )
    }

    /// Splits a template as Go's `Regexp.Expand` reads it: `$name` takes as many letters, digits and
    /// underscores as there are, `$$` is a dollar, unknown groups are empty, and a dollar that starts nothing
    /// stays.
    private static func parse(_ template: String, _ groupNames: [String?]) -> [Part] {
        var parts: [Part] = []
        var text: [UInt8] = []
        var rest = Array(template.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "$") else {
                text.append(byte)
                continue
            }
            if rest.first == UInt8(ascii: "$") {
                text.append(byte)
                rest = rest.dropFirst()
            } else if let name = reference(&rest) {
                parts.append(.text(String(decoding: text, as: UTF8.self)))
                text = []
                if let index = group(name, groupNames) { parts.append(.group(index)) }
            } else {
                text.append(byte)
            }
        }
        return parts + [.text(String(decoding: text, as: UTF8.self))]
    }

    /// The name after a dollar, which is then consumed; nil if there is none.
    private static func reference(_ rest: inout ArraySlice<UInt8>) -> String? {
        let isBraced = rest.first == UInt8(ascii: "{")
        let body = isBraced ? rest.dropFirst() : rest
        let scalars = String(decoding: body, as: UTF8.self).unicodeScalars
        let name = String(
            String.UnicodeScalarView(
                scalars.prefix {
                    $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType == .decimal
                }
            )
        )
        guard !name.isEmpty else { return nil }
        let after = body.dropFirst(name.utf8.count)
        guard isBraced else {
            rest = after
            return name
        }
        guard after.first == UInt8(ascii: "}") else { return nil }
        rest = after.dropFirst()
        return name
    }

    /// The group a name or a number stands for.
    private static func group(_ name: String, _ groupNames: [String?]) -> Int? {
        if let number = Int(name), !name.hasPrefix("+") {
            return groupNames.indices.contains(number) ? number : nil
        }
        return groupNames.firstIndex { $0?.utf8.elementsEqual(name.utf8) ?? false }
    }
}

/// `label_join`: a label made from others with a separator between.
struct LabelJoin {
    private let destination: String
    private let separator: String
    private let sources: [String]
    private let stringLimit: Int

    /// The label `destination` made from the labels `sources`.
    init(destination: String, separator: String, sources: [String], limits: Limits) throws(PromQLError) {
        if sources.contains(where: \.isEmpty) {
            throw .execution("invalid source label name in label_join(): ")
        }
        guard !destination.isEmpty else {
            throw .execution("invalid destination label name in label_join(): \(destination)")
        }
        self.destination = destination
        self.separator = separator
        self.sources = sources
        stringLimit = limits.madeStringBytes
    }

    /// The new labels and whether their name is to be dropped.
    func apply(to labels: Labels, dropsName: Bool) throws(PromQLError) -> (Labels, dropsName: Bool) {
        let value = sources.map { labels[$0] ?? "" }.joined(separator: separator)
        return try LabelValue.set(
            destination,
            to: value,
            in: labels,
            dropsName: dropsName,
            by: "label_join",
            limit: stringLimit
        )
    }
}

/// Setting a label to a value made by a query.
enum LabelValue {
    /// `labels` with the label set; a name that was made by the query is not dropped any more.
    ///
    /// - Throws: `PromQLError.execution` if the value is longer than `limit`.
    static func set(
        _ name: String,
        to value: String,
        in labels: Labels,
        dropsName: Bool,
        by function: String,
        limit: Int
    ) throws(PromQLError) -> (Labels, dropsName: Bool) {
        guard value.utf8.count <= limit else {
            throw .execution(
                "\(function)() would make a label of \(value.utf8.count) bytes, longer than the limit "
                    + "made_string_bytes (\(limit))"
            )
        }
        let keepsName = name.utf8.elementsEqual(Labels.metricName.utf8)
        return (labels.setting(name, value), dropsName && !keepsName)
    }
}
