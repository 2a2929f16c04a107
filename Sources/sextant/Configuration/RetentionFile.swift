import Matching
import Model
import PromQL
import Rules
import StrictYAML

/// Reads `retention.yaml`: how long the samples of which series are kept.
///
/// The file has `default:` with `raw:`, and `rules:`, a list of `match:` (a series selector) with `raw:`. A
/// time is a duration such as `400d`, or `forever`. The first rule that fits a series counts, else the
/// default.
enum RetentionFile {
    private static let missingDefault = "a retention file needs default with raw, a duration or forever"

    /// The policy of the file at `path`.
    ///
    /// - Throws: All problems of the file at once.
    static func load(_ path: String) throws(YAMLFileError) -> RetentionPolicy {
        try parse(TextFile.read(path), file: path)
    }

    /// The policy that `text`, the content of the file at the path `file`, defines.
    ///
    /// - Throws: All problems of the file at once.
    static func parse(_ text: String, file: String) throws(YAMLFileError) -> RetentionPolicy {
        var reader = StrictReader(file: file)
        var policy = RetentionPolicy.keepForever
        if let root = reader.document(text),
            let fields = reader.fields(of: root, owner: "a retention file", known: ["default", "rules"])
        {
            if let node = fields["default"] {
                if let times = reader.fields(of: node, owner: "default", known: ["raw"]) {
                    policy.defaultRawMillis = rawMillis(times, node, owner: "default", &reader)
                }
            } else {
                reader.report(RetentionFile.missingDefault, at: root)
            }
            for node in reader.list(fields, "rules") {
                if let rule = rule(node, &reader) { policy.rules.append(rule) }
            }
        } else {
            reader.reportEmpty(RetentionFile.missingDefault)
        }
        try reader.finish()
        return policy
    }

    private static func rule(_ node: YAMLNode, _ reader: inout StrictReader) -> RetentionPolicy.Rule? {
        guard let fields = reader.fields(of: node, owner: "a retention rule", known: ["match", "raw"]) else {
            return nil
        }
        let rawMillis = rawMillis(fields, node, owner: "a retention rule", &reader)
        guard let match = fields["match"] else {
            reader.report("a retention rule needs match, a series selector", at: node)
            return nil
        }
        guard let matchers = matchers(match, &reader) else { return nil }
        return RetentionPolicy.Rule(matchers: matchers, rawMillis: rawMillis)
    }

    private static func matchers(_ node: YAMLNode, _ reader: inout StrictReader) -> [Matcher]? {
        guard let text = reader.string(node, "match") else { return nil }
        do {
            let matchers = try Parser.parseSelector(text)
            _ = try CompiledMatcher.compile(matchers)
            return matchers
        } catch {
            reader.report("match is no series selector: \(error)", at: node)
            return nil
        }
    }

    /// The value of `raw` in milliseconds; nil for ever, and also after a problem.
    private static func rawMillis(
        _ fields: YAMLFields,
        _ owner: YAMLNode,
        owner name: String,
        _ reader: inout StrictReader
    ) -> Int64? {
        guard let node = fields["raw"] else {
            reader.report("\(name) needs raw, a duration or forever", at: owner)
            return nil
        }
        guard let text = reader.string(node, "raw"), text != "forever" else { return nil }
        guard let millis = DurationText.parse(text), millis > 0 else {
            let given = LabelText.quoted(text)
            reader.report("raw has to be a duration such as 400d, or forever, not \(given)", at: node)
            return nil
        }
        return millis
    }
}
