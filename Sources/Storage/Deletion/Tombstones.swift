import Catalog
import Matching
import Model

/// A delete in force, ready to be asked about many series.
struct Tombstone: Sendable {
    /// What the catalog knows of it.
    let record: TombstoneRecord
    /// Which series, as the record says.
    let selections: [[CompiledMatcher]]

    /// The longest regular expression that a limit can allow, in bytes: it was compiled before.
    private static let regexByteCount = 64 << 10

    /// The delete that `record` tells of.
    init(_ record: TombstoneRecord) throws(RegexError) {
        self.record = record
        var selections: [[CompiledMatcher]] = []
        for matchers in record.selections {
            selections.append(
                try CompiledMatcher.compile(matchers, regexLimit: Tombstone.regexByteCount)
            )
        }
        self.selections = selections
    }

    /// Whether it concerns the series.
    func concerns(_ labels: Labels) -> Bool {
        selections.contains { $0.allSatisfy { $0.matches(labels) } }
    }

    /// Whether it concerns samples of `range` in what has the number `sequence` as that of its last write.
    func concerns(_ sequence: UInt64, _ range: TimeRange) -> Bool {
        sequence <= record.sequence && record.range.overlaps(range)
    }
}

/// The deletes in force, the oldest first.
///
/// A delete has the number of the last write before it. A head is frozen when something is deleted, so all
/// of a head or of a segment was written before a delete or all of it after. What is written from several of
/// them leaves out what is deleted, so its number, which may be higher, need not tell.
struct Tombstones: Sendable {
    private(set) var all: [Tombstone] = []

    /// No deletes.
    init() {}

    /// These deletes, the oldest first.
    init(_ all: [Tombstone]) {
        self.all = all
    }

    /// Whether there are none.
    var isEmpty: Bool { all.isEmpty }
    /// The number of the newest; 0 if there is none.
    var lastNumber: UInt64 { all.last?.record.number ?? 0 }

    /// Adds one that is newer than all others.
    mutating func append(_ tombstone: Tombstone) {
        all.append(tombstone)
    }

    /// Removes those with these numbers.
    mutating func remove(_ numbers: Set<UInt64>) {
        all.removeAll { numbers.contains($0.record.number) }
    }

    /// Those that may concern samples of `range` in what has the number `sequence` as that of its last write,
    /// and that are newer than number `known`.
    func concerning(
        _ sequence: UInt64,
        _ range: TimeRange = .all,
        after known: UInt64 = 0
    ) -> Tombstones {
        if all.isEmpty { return self }
        return Tombstones(all.filter { $0.record.number > known && $0.concerns(sequence, range) })
    }

    /// The times that these delete of a series, apart from each other and rising.
    func ranges(of labels: Labels) -> [TimeRange] {
        if all.isEmpty { return [] }
        return DeletedTimes.joined(all.filter { $0.concerns(labels) }.map(\.record.range))
    }
}

/// Sets of times as lists of ranges that are apart from each other and rise.
enum DeletedTimes {
    /// The times of all of `ranges`.
    static func joined(_ ranges: [TimeRange]) -> [TimeRange] {
        guard ranges.count > 1 else { return ranges }
        var joined: [TimeRange] = []
        for range in ranges.sorted(by: { $0.start < $1.start }) {
            if let last = joined.last, range.start <= last.end.advanced(byMillis: 1) {
                joined[joined.count - 1].end = max(last.end, range.end)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    /// Whether all of `range` is in `deleted`.
    static func cover(_ deleted: [TimeRange], _ range: TimeRange) -> Bool {
        deleted.contains { $0.start <= range.start && range.end <= $0.end }
    }
}

extension SampleColumn {
    /// The samples that are not in any of `ranges`, which are apart from each other and rise.
    ///
    /// The column is in order.
    func without(_ ranges: [TimeRange]) -> SampleColumn {
        guard let first = timestamps.first, let last = timestamps.last else { return self }
        let all = TimeRange(Timestamp(millis: first), Timestamp(millis: last))
        guard ranges.contains(where: { $0.overlaps(all) }) else { return self }
        var rest = SampleColumn()
        var from = 0
        for range in ranges {
            let start = timestamps.partitionPoint { $0 >= range.start.millis }
            if from < start { rest.append(self, from..<start) }
            from = max(from, timestamps.partitionPoint { $0 > range.end.millis })
        }
        if from < count { rest.append(self, from..<count) }
        return rest
    }
}
