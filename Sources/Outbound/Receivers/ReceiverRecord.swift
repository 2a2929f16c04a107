import Foundation
import Model
import Rules

/// What a receiver was told of the alerts of one name, as it is kept over restarts.
struct ReceiverRecord: Codable, Hashable, Sendable {
    /// An alert, in milliseconds where it is about time.
    struct Entry: Codable, Hashable, Sendable {
        /// The packed labels.
        var labels: [UInt8]
        /// Names and values.
        var annotations: [[String]]
        var startsAt: Int64
        /// How long after the record was written the alert is over if nothing more is heard of it.
        var validMillis: Int64
        var generatorURL: String
        var isToldFiring: Bool
    }

    /// The receiver's name.
    var receiver: String
    /// The alerts' name.
    var name: String
    /// When the first alert came, and when the last message was sent.
    var begin: Int64
    var lastSent: Int64?
    var entries: [Entry]

    /// The longest time between two points of time that are believed.
    private static let longestMillis: Int64 = 1 << 61

    /// What `group` knows at `now`, for the receiver of that name.
    init(_ group: ReceiverGroup, receiver: String, at now: Timestamp) {
        self.receiver = receiver
        name = group.name
        begin = group.begin.millis
        lastSent = group.lastSent?.millis
        entries = group.entries.values.map { entry in
            let (valid, overflow) = entry.alert.endsAt.millis.subtractingReportingOverflow(now.millis)
            return Entry(
                labels: entry.alert.labels.packed,
                annotations: entry.alert.annotations.map { [$0.name, $0.value] },
                startsAt: entry.alert.startsAt.millis,
                validMillis: overflow ? 0 : min(max(0, valid), ReceiverRecord.longestMillis),
                generatorURL: entry.alert.generatorURL,
                isToldFiring: entry.isToldFiring
            )
        }
    }

    /// Reads a record's value; nil if it is none.
    init?(_ record: RuleRecord) {
        guard record.kind == .receiver,
            let read = try? JSONDecoder().decode(ReceiverRecord.self, from: Data(record.value)),
            ([read.begin, read.lastSent ?? 0] + read.entries.flatMap { [$0.startsAt, $0.validMillis] })
                .allSatisfy({ $0.magnitude <= ReceiverRecord.longestMillis })
        else { return nil }
        self = read
    }

    /// The record for the archive.
    var record: RuleRecord {
        RuleRecord(
            kind: .receiver,
            key: ReceiverRecord.key(receiver: receiver, name: name),
            value: (try? JSONEncoder().encode(self)).map { Array($0) } ?? []
        )
    }

    /// The key of the record about the alerts of a name.
    static func key(receiver: String, name: String) -> [UInt8] {
        var key: [UInt8] = []
        Labels.appendField(receiver.utf8, to: &key)
        Labels.appendField(name.utf8, to: &key)
        return key
    }

    /// The alerts as of `now`: the rules get as much time to repeat them as they had when this was written.
    func alerts(at now: Timestamp) -> [(alert: AlertNotification, isToldFiring: Bool)] {
        entries.compactMap { entry in
            guard let labels = Labels(validating: entry.labels) else { return nil }
            let alert = AlertNotification(
                labels: labels,
                annotations: entry.annotations.compactMap { $0.count == 2 ? Label($0[0], $0[1]) : nil },
                startsAt: Timestamp(millis: entry.startsAt),
                endsAt: now.advanced(byMillis: entry.validMillis),
                generatorURL: entry.generatorURL,
                isResolved: false
            )
            return (alert, entry.isToldFiring)
        }
    }
}
