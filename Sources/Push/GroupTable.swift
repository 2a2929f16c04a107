import Intake
import Model

/// All pushed groups, and the indices that tell whether another push contradicts them.
struct GroupTable: Sendable {
    private struct Use {
        var kind: MetricMetadata.Kind
        var groupCount: Int
    }

    /// The groups.
    private(set) var groups: [GroupKey: PushedGroup] = [:]
    /// The number of pushed series.
    private(set) var seriesCount = 0
    /// Series that no group has any more and that were not ended in the store yet.
    private(set) var ended: Set<Labels> = []

    private var uses: [ByteText: Use] = [:]
    private var holders: [[UInt8]: GroupKey] = [:]
    /// How many groups have a series of the store; more than one where only labels without a value differ.
    private var holds: [Labels: Int] = [:]

    /// Puts `group` where the one of its key is.
    mutating func set(_ group: PushedGroup) {
        remove(group.key)
        groups[group.key] = group
        seriesCount += group.seriesCount
        for (name, family) in group.families {
            uses[name, default: Use(kind: family.content.kind, groupCount: 0)].groupCount += 1
            for sample in family.content.samples { holders[group.identity(sample.labels)] = group.key }
        }
        for labels in GroupTable.series(group) {
            holds[labels, default: 0] += 1
            ended.remove(labels)
        }
    }

    /// Removes the group of `key`, if there is one.
    mutating func remove(_ key: GroupKey) {
        guard let group = groups.removeValue(forKey: key) else { return }
        seriesCount -= group.seriesCount
        for (name, family) in group.families {
            if let use = uses[name] {
                uses[name] = use.groupCount > 1 ? Use(kind: use.kind, groupCount: use.groupCount - 1) : nil
            }
            for sample in family.content.samples { holders[group.identity(sample.labels)] = nil }
        }
        for labels in GroupTable.series(group) {
            if let count = holds[labels], count > 1 {
                holds[labels] = count - 1
            } else {
                holds[labels] = nil
                ended.insert(labels)
            }
        }
    }

    /// Notes that `series` were ended in the store.
    mutating func noteEnded(_ series: Set<Labels>) {
        ended.subtract(series)
    }

    /// Why `group` must not take the place of the one of its key, in the Pushgateway's words; nil if it may.
    ///
    /// - Parameters:
    ///   - group: The group.
    ///   - own: The type of a family that the daemon itself exposes, or nil.
    /// - Returns: The reason.
    func contradiction(
        _ group: PushedGroup,
        own: (String) -> MetricMetadata.Kind?
    ) -> String? {
        let replaced = groups[group.key]
        func kindElsewhere(_ name: ByteText) -> MetricMetadata.Kind? {
            guard let use = uses[name], use.groupCount > (replaced?.families[name] == nil ? 0 : 1) else {
                return nil
            }
            return use.kind
        }
        for (name, family) in group.families.sorted(by: { $0.key < $1.key }) {
            let family = family.content
            if let kind = own(family.name), kind != family.kind {
                return "gathered metric family \(family.name) has type \(family.kind.shown) "
                    + "but should have \(kind.shown)"
            }
            if let kind = kindElsewhere(name), kind != family.kind, let sample = family.samples.first {
                return "collected metric \(group.shown(family, sample)) is not a \(kind.shown)"
            }
            let collision = family.collision { other in
                let key = ByteText(other)
                return group.families[key]?.content.kind ?? kindElsewhere(key) ?? own(other)
            }
            if let collision { return collision }
        }
        var seen: Set<[UInt8]> = []
        for family in group.families.values.map(\.content) {
            for sample in family.samples {
                let identity = group.identity(sample.labels)
                guard seen.insert(identity).inserted, holders[identity] ?? group.key == group.key else {
                    return "collected metric \(group.shown(family, sample)) was collected before "
                        + "with the same name and label values"
                }
            }
        }
        return nil
    }

    /// All series that `group` has in the store.
    private static func series(_ group: PushedGroup) -> Set<Labels> {
        Set(group.allFamilies.flatMap { $0.content.samples.map(\.labels) })
    }
}

extension MetricMetadata.Kind {
    /// The type's name in the Pushgateway's messages and in its API.
    package var shown: String { self == .unknown ? "UNTYPED" : rawValue.uppercased() }
}

extension PushedFamily {
    /// Why the family's series would be taken for another family's; `kind` tells the type of the family of a
    /// name.
    fileprivate func collision(_ kind: (String) -> MetricMetadata.Kind?) -> String? {
        for suffix in ["_count", "_sum", "_bucket"] {
            let isPart = self.kind == .histogram || (self.kind == .summary && suffix != "_bucket")
            if isPart, kind(name + suffix) != nil {
                return "collected \(self.kind.rawValue) named \(LabelText.quoted(name)) collides with "
                    + "previously collected metric named \(LabelText.quoted(name + suffix))"
            }
            guard name.hasSuffix(suffix) else { continue }
            let base = String(name.dropLast(suffix.count))
            let other = kind(base)
            if other == .histogram || (other == .summary && suffix != "_bucket"), let other {
                return "collected metric named \(LabelText.quoted(name)) collides with previously "
                    + "collected \(other.rawValue) named \(LabelText.quoted(base))"
            }
        }
        return nil
    }
}

extension PushedGroup {
    /// A sample as the Pushgateway shows it in a message.
    fileprivate func shown(_ family: PushedFamily, _ sample: PushedFamily.Sample) -> String {
        var text = "\(LabelText.quoted(sample.labels.metricName ?? "")) {"
        for label in shownLabels(sample.labels) {
            text += " label:{name:\(LabelText.quoted(label.name))  value:\(LabelText.quoted(label.value))} "
        }
        let kind = family.kind.shown.lowercased()
        return text + " \(kind):{value:\(ValueText.format(sample.value))}}"
    }
}
