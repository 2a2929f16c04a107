import Matching
import Model
import PromQL
import Rules
import StrictYAML

/// Reads `retention.yaml`: how long the samples of which series, and their rollups, are kept.
///
/// The file has `default:` with `raw:`, and `rules:`, a list of `match:` (a series selector) with `raw:`. A
/// time is a duration such as `400d`, or `forever`. Both may have `rollups:`, times by level; without it
/// hours and days are kept as long as samples. The first rule that fits a series counts, else the default.
enum RetentionFile {
    private static let missingDefault = "a retention file needs default with raw, a duration or forever"
    /// The levels that are kept where the file says nothing of them.
    private static let usualLevels: [RollupLevel] = [.hour, .day]

    /// What a file says.
    struct Content {
        /// The policy.
        var policy = RetentionPolicy.keepForever
        /// What is likely to be a mistake.
        var warnings: [FileProblem] = []
    }

    /// The policy of the file at `path`.
    ///
    /// - Throws: All problems of the file at once.
    static func load(_ path: String) throws(YAMLFileError) -> RetentionPolicy {
        try read(path).policy
    }

    /// The policy of the file at `path`, and what is likely to be a mistake in it.
    ///
    /// - Throws: All problems of the file at once.
    static func read(_ path: String) throws(YAMLFileError) -> Content {
        try content(of: TextFile.read(path), file: path)
    }

    /// The policy that `text`, the content of the file at the path `file`, defines.
    ///
    /// - Throws: All problems of the file at once.
    static func parse(_ text: String, file: String) throws(YAMLFileError) -> RetentionPolicy {
        try content(of: text, file: file).policy
    }

    /// What `text`, the content of the file at the path `file`, says.
    ///
    /// - Throws: All problems of the file at once.
    static func content(of text: String, file: String) throws(YAMLFileError) -> Content {
        var reader = StrictReader(file: file)
        var content = Content()
        var places: [YAMLNode] = []
        if let root = reader.document(text),
            let fields = reader.fields(of: root, owner: "a retention file", known: ["default", "rules"])
        {
            if let node = fields["default"] {
                if let values = reader.fields(of: node, owner: "default", known: ["raw", "rollups"]) {
                    content.policy.defaultTimes = times(values, node, owner: "default", &reader)
                }
            } else {
                reader.report(RetentionFile.missingDefault, at: root)
            }
            for node in reader.list(fields, "rules") {
                guard let rule = rule(node, &reader) else { continue }
                content.policy.rules.append(rule)
                places.append(node)
            }
        } else {
            reader.reportEmpty(RetentionFile.missingDefault)
        }
        try reader.finish()
        content.warnings = shadowed(content.policy.rules).map { later, earlier in
            FileProblem(
                file: file,
                line: places[later].line,
                column: places[later].column,
                message:
                    "the rule is never used: the rule of line \(places[earlier].line) takes all its series"
            )
        }
        return content
    }

    private static func rule(_ node: YAMLNode, _ reader: inout StrictReader) -> RetentionPolicy.Rule? {
        let known = ["name", "match", "raw", "rollups"]
        guard let fields = reader.fields(of: node, owner: "a retention rule", known: known) else {
            return nil
        }
        let times = times(fields, node, owner: "a retention rule", &reader)
        let name = reader.string(fields, "name")
        guard let match = fields["match"] else {
            reader.report("a retention rule needs match, a series selector", at: node)
            return nil
        }
        guard let matchers = matchers(match, &reader) else { return nil }
        return RetentionPolicy.Rule(name: name, matchers: matchers, times: times)
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

    // MARK: - Times

    private static func times(
        _ fields: YAMLFields,
        _ owner: YAMLNode,
        owner name: String,
        _ reader: inout StrictReader
    ) -> RetentionTimes {
        var rawMillis: Int64?
        if let node = fields["raw"] {
            rawMillis = millis(node, "raw", &reader)
        } else {
            reader.report("\(name) needs raw, a duration or forever", at: owner)
        }
        guard let node = fields["rollups"] else {
            let rollups = usualLevels.map { RetentionTimes.Rollup(level: $0, keptMillis: rawMillis) }
            return RetentionTimes(rawMillis: rawMillis, rollups: rollups)
        }
        let known = RollupLevel.allCases.map(\.name)
        var rollups: [RetentionTimes.Rollup] = []
        if let levels = reader.fields(of: node, owner: "rollups", known: known) {
            var finer = (name: "raw", millis: rawMillis)
            for level in RollupLevel.allCases {
                guard let node = levels[level.name] else { continue }
                let kept = millis(node, level.name, &reader)
                if isShorter(kept, finer.millis) {
                    reader.report("\(level.name) has to be kept at least as long as \(finer.name)", at: node)
                }
                finer = (level.name, kept)
                rollups.append(RetentionTimes.Rollup(level: level, keptMillis: kept))
            }
        }
        return RetentionTimes(rawMillis: rawMillis, rollups: rollups)
    }

    private static func isShorter(_ millis: Int64?, _ other: Int64?) -> Bool {
        guard let millis else { return false }
        return other.map { millis < $0 } ?? true
    }

    /// The time at `node` in milliseconds; nil for ever, and also after a problem.
    private static func millis(_ node: YAMLNode, _ name: String, _ reader: inout StrictReader) -> Int64? {
        guard let text = reader.string(node, name), text != "forever" else { return nil }
        guard let millis = DurationText.parse(text), millis > 0 else {
            let given = LabelText.quoted(text)
            reader.report("\(name) has to be a duration such as 400d, or forever, not \(given)", at: node)
            return nil
        }
        return millis
    }

    // MARK: - Shadows

    /// The rules whose series an earlier one plainly takes, with that one.
    private static func shadowed(_ rules: [RetentionPolicy.Rule]) -> [(later: Int, earlier: Int)] {
        rules.indices.compactMap { later in
            rules[..<later].firstIndex { isWider($0.matchers, than: rules[later].matchers) }
                .map { (later, $0) }
        }
    }

    /// Whether all that satisfies `narrow` plainly satisfies `wide`: each of its conditions is there as well,
    /// or holds for the value that the label has to have there.
    private static func isWider(_ wide: [Matcher], than narrow: [Matcher]) -> Bool {
        wide.allSatisfy { matcher in
            if narrow.contains(matcher) { return true }
            guard
                let fixed = narrow.first(where: {
                    $0.kind == .equal && ByteText($0.name) == ByteText(matcher.name)
                })
            else { return false }
            do { return try CompiledMatcher(matcher).matches(fixed.value) } catch { return false }
        }
    }
}
