import Crypto
import Matching
import Model

/// One step of relabelling, as Prometheus defines it: label sets go in, changed or not, or are dropped.
///
/// Source: Prometheus's documentation of `relabel_config`.
package struct RelabelRule: Sendable {
    /// What a rule does, by the names of the configuration.
    package enum Action: String, CaseIterable, Sendable {
        case replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase,
            uppercase
    }

    /// What the rule does.
    package var action: Action
    /// The labels whose values, with `separator` between, are looked at.
    package var sourceLabels: [String]
    /// What stands between the values.
    package var separator: String
    /// What the value, for some actions the label's name, has to match as a whole.
    package var regex: Regex
    /// The number that a hash is taken modulo.
    package var modulus: UInt64
    /// The label that gets a value; `replace` expands references in it.
    package var targetLabel: String
    /// The new value, with references to the groups of `regex`; for `labelmap` the new name.
    package var replacement: String

    private let targetTemplate: RegexTemplate
    private let replacementTemplate: RegexTemplate

    /// A rule of the given parts.
    init(
        action: Action,
        sourceLabels: [String],
        separator: String,
        regex: Regex,
        modulus: UInt64,
        targetLabel: String,
        replacement: String
    ) {
        self.action = action
        self.sourceLabels = sourceLabels
        self.separator = separator
        self.regex = regex
        self.modulus = modulus
        self.targetLabel = targetLabel
        self.replacement = replacement
        targetTemplate = RegexTemplate(targetLabel, for: regex)
        replacementTemplate = RegexTemplate(replacement, for: regex)
    }

    /// Whether the target label depends on what the regular expression finds.
    var hasTargetReferences: Bool { targetTemplate.hasReferences }

    /// What becomes of `labels`; nil if they are dropped.
    package func apply(to labels: Labels) -> Labels? {
        var value: String { sourceLabels.map { labels[$0] ?? "" }.joined(separator: separator) }
        switch action {
        case .keep: return regex.matches(value) ? labels : nil
        case .drop: return regex.matches(value) ? nil : labels
        case .keepequal: return isTarget(of: labels, equalTo: value) ? labels : nil
        case .dropequal: return isTarget(of: labels, equalTo: value) ? nil : labels
        case .lowercase: return labels.setting(targetLabel, value.lowercased())
        case .uppercase: return labels.setting(targetLabel, value.uppercased())
        case .hashmod:
            // Prometheus takes the last eight bytes.
            let hash = Insecure.MD5.hash(data: Array(value.utf8)).suffix(8)
                .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return labels.setting(targetLabel, String(hash % max(1, modulus)))
        case .labeldrop: return labels.filtered { !matches($0) }
        case .labelkeep: return labels.filtered(matches)
        case .replace:
            guard let captures = regex.captures(in: value) else { return labels }
            let target = targetTemplate.expanded(captures)
            guard !target.isEmpty else { return labels }
            return labels.setting(target, replacementTemplate.expanded(captures))
        case .labelmap:
            var builder = LabelsBuilder(labels)
            for label in labels {
                guard let captures = regex.captures(in: label.name) else { continue }
                let name = replacementTemplate.expanded(captures)
                if !name.isEmpty { builder.set(name, label.value) }
            }
            return builder.build()
        }
    }

    private func isTarget(of labels: Labels, equalTo value: String) -> Bool {
        ByteText(labels[targetLabel] ?? "") == ByteText(value)
    }

    private func matches(_ name: ArraySlice<UInt8>) -> Bool {
        regex.matches(String(decoding: name, as: UTF8.self))
    }
}

extension RelabelRule: Hashable {
    /// Whether both do the same.
    package static func == (left: RelabelRule, right: RelabelRule) -> Bool { left.parts == right.parts }

    /// Feeds what tells rules apart to `hasher`.
    package func hash(into hasher: inout Hasher) { hasher.combine(parts) }

    private var parts: [ByteText] {
        let texts = [
            action.rawValue, separator, regex.pattern, String(modulus), targetLabel, replacement,
        ]
        return (texts + sourceLabels).map { ByteText($0) }
    }
}

extension [RelabelRule] {
    /// What becomes of `labels` by all rules, one after the other; nil if one of them drops it.
    package func apply(to labels: Labels) -> Labels? {
        var labels = labels
        for rule in self {
            guard let changed = rule.apply(to: labels) else { return nil }
            labels = changed
        }
        return labels
    }
}
