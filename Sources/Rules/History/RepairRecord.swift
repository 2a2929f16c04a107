import Foundation
import Model

/// The slots of a rule that have to be evaluated again, as they are kept over restarts.
struct RepairRecord: Codable, Hashable {
    /// How the keys begin; no other key of a past does.
    static let prefix: [UInt8] = [0xfe]

    var group: String
    var rule: String
    var ruleLabels: [UInt8]
    var ordinal: Int
    /// First and last times, in turn.
    var times: [Int64]

    init(_ identity: RuleIdentity, _ ranges: TimeRanges) {
        group = identity.group
        rule = identity.name
        ruleLabels = identity.labels
        ordinal = identity.ordinal
        times = ranges.ranges.flatMap { [$0.start.millis, $0.end.millis] }
    }

    /// Reads a record's value; nil if it is none.
    init?(_ record: RuleRecord) {
        guard record.key.starts(with: RepairRecord.prefix),
            let read = try? JSONDecoder().decode(RepairRecord.self, from: Data(record.value)),
            read.times.allSatisfy(AlertRecord.isPlausible), read.times.count.isMultiple(of: 2)
        else { return nil }
        self = read
    }

    /// The rule.
    var identity: RuleIdentity {
        RuleIdentity(group: group, name: rule, labels: ruleLabels, ordinal: ordinal)
    }

    /// The times.
    var ranges: [TimeRange] {
        stride(from: 0, to: times.count, by: 2).map {
            TimeRange(Timestamp(millis: times[$0]), Timestamp(millis: times[$0 + 1]))
        }
    }

    /// The key of the record of a rule.
    static func key(of identity: RuleIdentity) -> [UInt8] { prefix + identity.key(of: .empty) }

    /// The record for the archive.
    var record: RuleRecord {
        let value = (try? JSONEncoder().encode(self)).map { Array($0) } ?? []
        return RuleRecord(kind: .backfill, key: RepairRecord.key(of: identity), value: value)
    }
}
