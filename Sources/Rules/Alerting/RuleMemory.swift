import Logging
import Model
import Telemetry

/// Keeps alerts, the slots of groups and what KPIs are recorded over restarts.
///
/// A change of an alert is durable before anybody is told of it. The rest is written a moment later, together
/// with that of other groups.
package actor RuleMemory {
    /// The least time between two writes of slots, in milliseconds.
    private static let pauseMillis: Int64 = 500

    private let archive: any RuleArchive
    private let logger: Logger
    private let failures: Counter

    /// How the names of the recorded series that are remembered begin.
    private static let keptPrefix = "kpi:"
    /// How many recorded series are remembered.
    private static let recordedLimit = 10_000

    private var alerts: [RuleIdentity: [AlertRecord]] = [:]
    private var recorded: Set<Labels> = []
    private var lastSlots: [ByteText: Timestamp] = [:]
    private var unwritten: [ByteText: (group: String, slot: Timestamp)] = [:]
    private var unwrittenRecorded: [Labels: Bool] = [:]
    private var writing: Task<Void, Never>?
    private var wasFailing = false

    /// A memory that lies in `archive`.
    package init(archive: any RuleArchive, registry: Registry, logger: Logger) {
        self.archive = archive
        self.logger = logger
        failures = registry.counter(
            "sextant_rule_state_write_failures_total",
            help: "Times that the state of alerts or the slots of rule groups could not be written."
        )
    }

    /// Reads what there is; once, before the first group runs.
    package func load() async throws(SinkError) {
        for record in try await archive.ruleRecords(.slot) {
            let key = String(decoding: record.key, as: UTF8.self)
            guard let millis = Int64(String(decoding: record.value, as: UTF8.self)),
                AlertRecord.isPlausible(millis)
            else { continue }
            lastSlots[ByteText(key)] = Timestamp(millis: millis)
        }
        for record in try await archive.ruleRecords(.kpi) {
            if let labels = Labels(validating: record.key) { recorded.insert(labels) }
        }
        for record in try await archive.ruleRecords(.alert) {
            guard let alert = AlertRecord(record) else { continue }
            alerts[alert.rule, default: []].append(alert)
        }
    }

    /// Whether series that are recorded by this name are remembered.
    static func keeps(_ record: String) -> Bool { record.hasPrefix(keptPrefix) }

    /// The recorded series that were there when the daemon stopped.
    package var recordedSeries: Set<Labels> { recorded }

    /// Forgets what belongs to none of `groups`; once, when the first rules are loaded.
    ///
    /// A rule that has moved to another group or file takes its alerts along.
    func adopt(_ groups: [RuleGroup]) async {
        let present = Set(groups.flatMap(RuleIdentity.all))
        var orphans: [RuleIdentity: [AlertRecord]] = [:]
        var removed: [RuleRecord] = []
        for (identity, records) in alerts where !present.contains(identity) {
            var nameless = identity
            nameless.group = ""
            orphans[nameless] = records
            removed += records.map(\.record)
            alerts[identity] = nil
        }
        var saved: [RuleRecord] = []
        for identity in present where alerts[identity] == nil {
            var nameless = identity
            nameless.group = ""
            guard let records = orphans.removeValue(forKey: nameless) else { continue }
            alerts[identity] = records.map { AlertRecord(rule: identity, alert: $0.alert, slot: $0.slot) }
            saved += alerts[identity]?.map(\.record) ?? []
        }
        let keys = Set(groups.map { ByteText($0.key) })
        for key in lastSlots.keys where !keys.contains(key) {
            removed.append(RuleRecord(kind: .slot, key: Array(key.string.utf8), value: []))
            lastSlots[key] = nil
        }
        let names = Set(groups.flatMap(\.rules).map { ByteText($0.name) })
        for labels in recorded where !names.contains(ByteText(labels.metricName ?? "")) {
            removed.append(RuleRecord(kind: .kpi, key: labels.packed, value: []))
            recorded.remove(labels)
        }
        await commit(saved: saved, removed: removed)
    }

    /// The series that `rule` had recorded when the daemon stopped.
    func recorded(by rule: Rule) -> Set<Labels> {
        guard case .recording(let record) = rule.kind, RuleMemory.keeps(record) else { return [] }
        return recorded.filter { labels in
            labels.metricName.map(ByteText.init) == ByteText(record)
                && rule.labels.allSatisfy { ByteText(labels[$0.name] ?? "") == ByteText($0.value) }
        }
    }

    /// Notes that series are recorded from now on, and others no longer; durable a moment later.
    func note(recorded added: Set<Labels>, ended: [Labels]) {
        for labels in ended where recorded.remove(labels) != nil { unwrittenRecorded[labels] = false }
        for labels in added where recorded.count < RuleMemory.recordedLimit {
            if recorded.insert(labels).inserted { unwrittenRecorded[labels] = true }
        }
        write()
    }

    /// Forgets alerts of a rule that is gone.
    func forget(_ labels: [Labels], of rule: RuleIdentity) async {
        await commit(
            saved: [],
            removed: labels.map { RuleRecord(kind: .alert, key: rule.key(of: $0), value: []) }
        )
    }

    /// The slot at which the group was evaluated last; nil if it never was.
    func lastSlot(of group: RuleGroup) -> Timestamp? { lastSlots[ByteText(group.key)] }

    /// Takes the alerts of the rules of `group` as of `slot`, rule by rule; none if there are none to
    /// restore.
    func takeAlerts(of group: RuleGroup, at slot: Timestamp, intervalMillis: Int64) -> [AlertBook] {
        zip(group.rules, RuleIdentity.all(of: group)).map { rule, identity in
            guard case .alerting(let definition) = rule.kind,
                let records = alerts.removeValue(forKey: identity),
                let newest = records.map(\.slot).max()
            else { return AlertBook() }
            return AlertRestoration.restore(
                records.map(\.alert),
                lastSlot: max(newest, lastSlots[ByteText(group.key)] ?? newest),
                at: slot,
                intervalMillis: intervalMillis,
                forMillis: definition.forMillis
            )
        }
    }

    /// Makes the difference between two states of a rule's alerts durable; what changes at every evaluation
    /// is none.
    func note(_ change: AlertChange, of rule: RuleIdentity, at slot: Timestamp) async {
        await commit(
            saved: change.saved.map { AlertRecord(rule: rule, alert: $0, slot: slot).record },
            removed: change.removed.map {
                RuleRecord(kind: .alert, key: rule.key(of: $0), value: [])
            }
        )
    }

    /// Notes that the group was evaluated at `slot`; durable a moment later.
    func note(_ slot: Timestamp, of group: RuleGroup) {
        let key = ByteText(group.key)
        lastSlots[key] = slot
        unwritten[key] = (group.key, slot)
        write()
    }

    /// Returns when all slots are written.
    package func flush() async {
        await writing?.value
    }

    private func write() {
        guard writing == nil, !unwritten.isEmpty || !unwrittenRecorded.isEmpty else { return }
        writing = Task { await writeAll() }
    }

    private func writeAll() async {
        while !unwritten.isEmpty || !unwrittenRecorded.isEmpty {
            var saved = unwritten.values.map { group, slot in
                RuleRecord(kind: .slot, key: Array(group.utf8), value: Array("\(slot.millis)".utf8))
            }
            var removed: [RuleRecord] = []
            for (labels, isRecorded) in unwrittenRecorded {
                let record = RuleRecord(kind: .kpi, key: labels.packed, value: [])
                if isRecorded { saved.append(record) } else { removed.append(record) }
            }
            unwritten = [:]
            unwrittenRecorded = [:]
            await commit(saved: saved, removed: removed)
            guard !unwritten.isEmpty || !unwrittenRecorded.isEmpty else { break }
            // Cancelled, it tries again at once.
            try? await Task.sleep(for: .milliseconds(RuleMemory.pauseMillis))
        }
        writing = nil
    }

    private func commit(saved: [RuleRecord], removed: [RuleRecord]) async {
        guard !saved.isEmpty || !removed.isEmpty else { return }
        do {
            try await archive.commit(saved: saved, removed: removed)
            wasFailing = false
        } catch {
            failures.add(1)
            if !wasFailing {
                logger.error(
                    "the state of alerts cannot be written; it would not survive a restart",
                    metadata: ["error": "\(error)"]
                )
            }
            wasFailing = true
        }
    }
}
