import Matching
import Model
import StrictYAML

/// Reads lists of relabelling rules, and refuses what Prometheus refuses.
package enum RelabelReader {
    private static let keys = [
        "source_labels", "separator", "regex", "modulus", "target_label", "replacement", "action",
    ]
    private static let defaultPattern = "(.*)"
    private static let defaultReplacement = "$1"

    /// The rules of the list `name`; none if it is missing.
    package static func rules(
        _ fields: YAMLFields,
        _ name: String,
        _ reader: inout StrictReader
    ) -> [RelabelRule] {
        var rules: [RelabelRule] = []
        for node in reader.list(fields, name) {
            guard let fields = reader.fields(of: node, owner: "a relabelling rule", known: keys) else {
                continue
            }
            if let rule = rule(fields, &reader) { rules.append(rule) }
        }
        return rules
    }

    private static func rule(_ fields: YAMLFields, _ reader: inout StrictReader) -> RelabelRule? {
        let name = reader.string(fields, "action") ?? "replace"
        guard let action = RelabelRule.Action(rawValue: name.lowercased()) else {
            let known = RelabelRule.Action.allCases.map(\.rawValue).joined(separator: ", ")
            reader.report(
                "action \(LabelText.quoted(name)) is none; known are \(known)",
                at: fields["action"] ?? fields.node
            )
            return nil
        }
        let pattern = reader.string(fields, "regex") ?? defaultPattern
        let regex: Regex
        do { regex = try Regex(pattern) } catch {
            reader.report("regex is wrong: \(error)", at: fields["regex"] ?? fields.node)
            return nil
        }
        let rule = RelabelRule(
            action: action,
            sourceLabels: reader.strings(fields, "source_labels"),
            separator: reader.string(fields, "separator") ?? ";",
            regex: regex,
            modulus: modulus(fields, &reader),
            targetLabel: reader.string(fields, "target_label") ?? "",
            replacement: reader.string(fields, "replacement") ?? defaultReplacement
        )
        check(rule, fields, &reader)
        return rule
    }

    private static func modulus(_ fields: YAMLFields, _ reader: inout StrictReader) -> UInt64 {
        guard let number = reader.integer(fields, "modulus") else { return 0 }
        guard let modulus = UInt64(exactly: number) else {
            reader.report("modulus must not be negative", at: fields["modulus"] ?? fields.node)
            return 1
        }
        return modulus
    }

    private static func check(_ rule: RelabelRule, _ fields: YAMLFields, _ reader: inout StrictReader) {
        let action = rule.action.rawValue
        func isAllowed(_ names: [String]) -> Bool {
            let isOdd: [(String, Bool)] = [
                ("source_labels", !rule.sourceLabels.isEmpty), ("separator", rule.separator != ";"),
                ("regex", rule.regex.pattern != defaultPattern), ("modulus", rule.modulus != 0),
                ("target_label", !rule.targetLabel.isEmpty),
                ("replacement", rule.replacement != defaultReplacement),
            ]
            return !isOdd.contains { $0.1 && !names.contains($0.0) }
        }
        switch rule.action {
        case .labeldrop, .labelkeep:
            if !isAllowed(["regex"]) {
                reader.report("\(action) takes regex and nothing else", at: fields.node)
            }
        case .keepequal, .dropequal:
            if !isAllowed(["source_labels", "target_label"]) {
                reader.report("\(action) takes source_labels and target_label, nothing else", at: fields.node)
            }
            needTarget()
        case .hashmod:
            if rule.modulus == 0 { reader.report("hashmod needs modulus, above 0", at: fields.node) }
            needTarget()
        case .replace, .lowercase, .uppercase: needTarget()
        case .labelmap:
            if rule.replacement.isEmpty {
                reader.report("labelmap needs replacement, the new name", at: fields.node)
            }
        case .keep, .drop: break
        }
        func needTarget() {
            if rule.targetLabel.isEmpty {
                reader.report("\(action) needs target_label", at: fields.node)
            } else if rule.hasTargetReferences, rule.action != .replace {
                reader.report(
                    "\(LabelText.quoted(rule.targetLabel)) is no target_label for \(action)",
                    at: fields["target_label"] ?? fields.node
                )
            }
        }
    }
}
