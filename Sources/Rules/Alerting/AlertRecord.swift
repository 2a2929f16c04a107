import Foundation
import Model

/// What names a rule over restarts: its group, name and labels as written, and which one of several it is.
struct RuleIdentity: Hashable, Sendable {
    /// The group's key.
    var group: String
    /// The rule's name.
    var name: String
    /// The labels as written, packed; those with empty values too.
    var labels: [UInt8]
    /// How many rules of the group with the same name and labels come before it.
    var ordinal: Int

    /// The identities of the rules of `group`, in order.
    static func all(of group: RuleGroup) -> [RuleIdentity] {
        var counts: [RuleIdentity: Int] = [:]
        return group.rules.map { rule in
            var identity = RuleIdentity(group: group.key, name: rule.name, labels: [], ordinal: 0)
            for label in rule.labels {
                Labels.appendField(label.name.utf8, to: &identity.labels)
                Labels.appendField(label.value.utf8, to: &identity.labels)
            }
            let ordinal = counts[identity, default: 0]
            counts[identity] = ordinal + 1
            identity.ordinal = ordinal
            return identity
        }
    }

    /// The key of the record of one of the rule's alerts.
    func key(of labels: Labels) -> [UInt8] {
        var key: [UInt8] = []
        Labels.appendField(group.utf8, to: &key)
        Labels.appendField(name.utf8, to: &key)
        Labels.appendField(self.labels, to: &key)
        Labels.appendField("\(ordinal)".utf8, to: &key)
        Labels.appendField(labels.packed, to: &key)
        return key
    }
}

/// An alert as it is kept over restarts.
struct AlertRecord: Hashable, Sendable {
    var rule: RuleIdentity
    var alert: Alert
    /// The slot at which it was written.
    var slot: Timestamp

    /// What is stored as JSON; times are milliseconds.
    private struct Stored: Codable {
        var group: String
        var rule: String
        var ruleLabels: [UInt8]
        var ordinal: Int
        var labels: [UInt8]
        var annotations: [[String]]
        /// The bits of the value, which may be no number.
        var value: UInt64
        var state: String
        var activeAt: Int64
        var firedAt: Int64?
        var resolvedAt: Int64?
        var keepFiringSince: Int64?
        var slot: Int64
    }

    init(rule: RuleIdentity, alert: Alert, slot: Timestamp) {
        self.rule = rule
        self.alert = alert
        self.slot = slot
    }

    /// Reads a record; nil if it is none.
    init?(_ record: RuleRecord) {
        guard let stored = try? JSONDecoder().decode(Stored.self, from: Data(record.value)),
            let labels = Labels(validating: stored.labels), let state = AlertState(rawValue: stored.state)
        else { return nil }
        let times = [
            stored.activeAt, stored.firedAt, stored.resolvedAt, stored.keepFiringSince, stored.slot,
        ]
        guard times.compactMap(\.self).allSatisfy(AlertRecord.isPlausible) else { return nil }
        func time(_ millis: Int64?) -> Timestamp? { millis.map { Timestamp(millis: $0) } }
        rule = RuleIdentity(
            group: stored.group,
            name: stored.rule,
            labels: stored.ruleLabels,
            ordinal: stored.ordinal
        )
        alert = Alert(
            labels: labels,
            annotations: stored.annotations.compactMap { $0.count == 2 ? Label($0[0], $0[1]) : nil },
            value: Double(bitPattern: stored.value),
            activeAt: Timestamp(millis: stored.activeAt)
        )
        alert.state = state
        alert.firedAt = time(stored.firedAt)
        alert.resolvedAt = time(stored.resolvedAt)
        alert.keepFiringSince = time(stored.keepFiringSince)
        slot = Timestamp(millis: stored.slot)
    }

    /// Whether differences of such times fit.
    static func isPlausible(_ millis: Int64) -> Bool { millis.magnitude <= 1 << 61 }

    /// What goes into the archive.
    var record: RuleRecord {
        let stored = Stored(
            group: rule.group,
            rule: rule.name,
            ruleLabels: rule.labels,
            ordinal: rule.ordinal,
            labels: alert.labels.packed,
            annotations: alert.annotations.map { [$0.name, $0.value] },
            value: alert.value.bitPattern,
            state: alert.state.rawValue,
            activeAt: alert.activeAt.millis,
            firedAt: alert.firedAt?.millis,
            resolvedAt: alert.resolvedAt?.millis,
            keepFiringSince: alert.keepFiringSince?.millis,
            slot: slot.millis
        )
        let value = (try? JSONEncoder().encode(stored)).map { Array($0) } ?? []
        return RuleRecord(kind: .alert, key: rule.key(of: alert.labels), value: value)
    }
}
