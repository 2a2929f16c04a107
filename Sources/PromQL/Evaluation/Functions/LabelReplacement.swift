import Matching
import Model

/// `label_replace`: a label made from the parts of another that a regular expression finds.
struct LabelReplacement {
    private let destination: String
    private let source: String
    private let regex: Regex
    private let template: RegexTemplate
    private let stringLimit: Int

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
        self.template = RegexTemplate(template, for: regex)
    }

    /// The new labels and whether their name is to be dropped; nil where the source does not match.
    func apply(to labels: Labels, dropsName: Bool) throws(PromQLError) -> (Labels, dropsName: Bool)? {
        guard let captures = regex.captures(in: labels[source] ?? "") else { return nil }
        return try LabelValue.set(
            destination,
            to: template.expanded(captures),
            in: labels,
            dropsName: dropsName,
            by: "label_replace",
            limit: stringLimit
        )
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
