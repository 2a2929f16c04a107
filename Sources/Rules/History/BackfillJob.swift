import Foundation
import Model

/// A past of rules of one group that is being computed.
struct BackfillJob: Sendable {
    /// What names the job.
    var id: String
    var group: RuleGroup
    var schedule: GroupSchedule
    var queryOffsetMillis: Int64
    /// The rules in the order of the group.
    var indices: [Int]
    var slots: PastSlots
    /// How many slots are done.
    var doneCount = 0
    /// The text of the file if the job was asked for by hand, to go on with after a restart.
    var text: String?

    /// What is known about the job.
    var status: BackfillStatus {
        BackfillStatus(
            id: id,
            group: group.name,
            rules: indices.map { group.rules[$0].name },
            from: slots.first,
            through: slots.last,
            slotCount: slots.count,
            doneCount: doneCount
        )
    }
}

/// How far a past is computed.
package struct BackfillStatus: Hashable, Sendable {
    /// What names it.
    package var id: String
    /// The group's name.
    package var group: String
    /// The rules' names.
    package var rules: [String]
    /// The first slot.
    package var from: Timestamp
    /// The last slot.
    package var through: Timestamp
    /// How many slots there are.
    package var slotCount: Int
    /// How many of them are done.
    package var doneCount: Int
}

/// A past as it is kept over restarts.
struct BackfillRecord: Codable, Hashable {
    /// What the rule's past was computed from; for a job by hand the text of the rule file.
    var query: String
    /// The file's path, the group's name, and the recorded names of a job by hand.
    var file = ""
    var group = ""
    var rules: [Int] = []
    var intervalMillis: Int64
    /// How far before a slot its samples lie, of a job by hand.
    var queryOffsetMillis: Int64 = 0
    /// The first slot.
    var from: Int64
    /// The last slot.
    var through: Int64
    /// The first slot that is not done yet; behind `through` if all are.
    var next: Int64

    /// Whether all of it is done.
    var isDone: Bool { next > through }

    /// Reads a record's value; nil if it is none.
    init?(_ record: RuleRecord) {
        guard let read = try? JSONDecoder().decode(BackfillRecord.self, from: Data(record.value)),
            read.intervalMillis > 0,
            [read.from, read.through, read.next].allSatisfy(AlertRecord.isPlausible)
        else { return nil }
        self = read
    }

    init(query: String, intervalMillis: Int64, from: Timestamp, through: Timestamp, next: Timestamp) {
        self.query = query
        self.intervalMillis = intervalMillis
        self.from = from.millis
        self.through = through.millis
        self.next = next.millis
    }

    /// The record for the archive.
    func record(key: [UInt8]) -> RuleRecord {
        RuleRecord(
            kind: .backfill,
            key: key,
            value: (try? JSONEncoder().encode(self)).map { Array($0) } ?? []
        )
    }
}
