import Model
import StrictYAML

/// Finds rules that would write or raise the same.
package enum RuleDuplicates {
    /// One warning for each rule that has the kind, name and labels of one before it; at its place.
    ///
    /// Two recording rules may well write different series of one metric, so this is no error.
    package static func find(in groups: [RuleGroup]) -> [FileProblem] {
        struct Key: Hashable {
            var isRecording: Bool
            var name: ByteText
            var labels: [Label]
        }
        var first: [Key: (file: String, line: Int)] = [:]
        var warnings: [FileProblem] = []
        for group in groups {
            for rule in group.rules {
                let isRecording = if case .recording = rule.kind { true } else { false }
                let key = Key(isRecording: isRecording, name: ByteText(rule.name), labels: rule.labels)
                guard let known = first[key] else {
                    first[key] = (group.file, rule.line)
                    continue
                }
                let place = known.file == group.file ? "line \(known.line)" : "\(known.file):\(known.line)"
                warnings.append(
                    FileProblem(
                        file: group.file,
                        line: rule.line,
                        column: rule.column,
                        message: "\(rule.name) has the name and labels of the rule at \(place)"
                    )
                )
            }
        }
        return warnings
    }
}
