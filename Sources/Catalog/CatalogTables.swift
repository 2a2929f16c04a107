import ChunkCodec
import GRDB
import Model

import struct Foundation.Data

/// The tables of the catalog, and how values become rows and come back.
///
/// Format: docs/formats/catalog.md.
enum CatalogTables {
    static let segment = SealedTable(
        name: "segment",
        columns: [
            "file", "sequence", "start_millis", "end_millis", "retention_millis", "series_count",
            "sample_count", "byte_count", "level",
        ]
    )
    static let metadata = SealedTable(name: "metadata", columns: ["name", "kind", "help", "unit"])
    static let counter = SealedTable(name: "counter", columns: ["name", "value"])
    static let pushGroup = SealedTable(
        name: "push_group",
        columns: ["labels", "body", "push_millis", "failure_millis"]
    )
    static let ruleRecord = SealedTable(name: "rule_record", columns: ["kind", "key", "value"])
    static let removed = SealedTable(name: "removed", columns: ["file"])
    static let damage = SealedTable(name: "damage", columns: ["file", "start_millis", "end_millis", "text"])
    static let tombstone = SealedTable(
        name: "tombstone",
        columns: ["number", "sequence", "start_millis", "end_millis", "next_log", "selections"]
    )
    static let setting = SealedTable(name: "setting", columns: ["name", "value"])
    /// All of them.
    static let all = [
        segment, metadata, counter, pushGroup, ruleRecord, removed, damage, tombstone, setting,
    ]
    /// The name of the setting that is the retention policy in force.
    static let retentionSetting = "retention"
    /// The name of the counter that is the format of the catalog.
    static let formatCounter = "format"

    /// Makes the tables of an empty catalog of the format `version`.
    static func create(_ database: Database, version: Int) throws {
        try database.execute(
            sql: """
                CREATE TABLE segment (
                    file TEXT PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL,
                    start_millis INTEGER NOT NULL, end_millis INTEGER NOT NULL, retention_millis INTEGER,
                    series_count INTEGER NOT NULL, sample_count INTEGER NOT NULL,
                    byte_count INTEGER NOT NULL, level INTEGER NOT NULL, checksum INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE metadata (
                    name TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, help TEXT NOT NULL,
                    unit TEXT NOT NULL, checksum INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE counter (
                    name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL, checksum INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE push_group (
                    labels BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL, push_millis INTEGER,
                    failure_millis INTEGER, checksum INTEGER NOT NULL
                ) STRICT;
                CREATE TABLE rule_record (
                    kind TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, checksum INTEGER NOT NULL,
                    PRIMARY KEY (kind, key)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE removed (file TEXT PRIMARY KEY NOT NULL, checksum INTEGER NOT NULL) STRICT;
                CREATE TABLE damage (
                    file TEXT PRIMARY KEY NOT NULL, start_millis INTEGER NOT NULL,
                    end_millis INTEGER NOT NULL, text TEXT NOT NULL, checksum INTEGER NOT NULL
                ) STRICT;
                """
        )
        try createTombstones(database)
        try createSettings(database)
        try note(version, database)
    }

    /// Makes the table of deletes, which formats before 6 do not have.
    static func createTombstones(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE tombstone (
                    number INTEGER PRIMARY KEY NOT NULL, sequence INTEGER NOT NULL,
                    start_millis INTEGER NOT NULL, end_millis INTEGER NOT NULL,
                    next_log INTEGER NOT NULL, selections BLOB NOT NULL, checksum INTEGER NOT NULL
                ) STRICT
                """
        )
    }

    /// Makes the table of settings, which formats before 7 do not have.
    static func createSettings(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE setting (
                    name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, checksum INTEGER NOT NULL
                ) STRICT
                """
        )
    }

    /// Notes that the catalog has the format `version`.
    static func note(_ version: Int, _ database: Database) throws {
        try database.execute(sql: "PRAGMA user_version = \(version)")
        try counter.put([formatCounter, Int64(version)], database)
    }
}

extension SegmentRecord {
    /// Reads a row of the table `segment`.
    init(row: Row) {
        self.init(
            file: row[0],
            sequence: UInt64(bitPattern: row[1]),
            range: TimeRange(Timestamp(millis: row[2]), Timestamp(millis: row[3])),
            retentionMillis: row[4],
            seriesCount: row[5],
            sampleCount: row[6],
            byteCount: row[7],
            level: row[8]
        )
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] {
        [
            file, Int64(bitPattern: sequence), range.start.millis, range.end.millis, retentionMillis,
            seriesCount, sampleCount, byteCount, level,
        ]
    }
}

extension MetricMetadata {
    /// Reads a row of the table `metadata`.
    init(row: Row) {
        self.init(name: row[0], kind: Kind(rawValue: row[1]) ?? .unknown, help: row[2], unit: row[3])
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] { [name, kind.rawValue, help, unit] }
}

extension PushRecord {
    /// Reads a row of the table `push_group`.
    init(row: Row) {
        self.init(
            labels: Array(row[0] as Data),
            body: Array(row[1] as Data),
            pushTime: (row[2] as Int64?).map { Timestamp(millis: $0) },
            failureTime: (row[3] as Int64?).map { Timestamp(millis: $0) }
        )
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] {
        [Data(labels), Data(body), pushTime?.millis, failureTime?.millis]
    }
}

extension RuleRecord {
    /// Reads a row of the table `rule_record`; nil if the kind is of a later version.
    init?(row: Row) {
        guard let kind = Kind(rawValue: row[0]) else { return nil }
        self.init(kind: kind, key: Array(row[1] as Data), value: Array(row[2] as Data))
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] { [kind.rawValue, Data(key), Data(value)] }
}

extension DamageRecord {
    /// Reads a row of the table `damage`.
    init(row: Row) {
        self.init(
            file: row[0],
            range: TimeRange(Timestamp(millis: row[1]), Timestamp(millis: row[2])),
            text: row[3]
        )
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] { [file, range.start.millis, range.end.millis, text] }
}

extension TombstoneRecord {
    /// Reads a row of the table `tombstone`.
    init(row: Row) throws {
        self.init(
            number: UInt64(bitPattern: row[0]),
            sequence: UInt64(bitPattern: row[1]),
            range: TimeRange(Timestamp(millis: row[2]), Timestamp(millis: row[3])),
            selections: try TombstoneRecord.selections(Array(row[5] as Data)),
            nextLog: UInt64(bitPattern: row[4])
        )
    }

    /// The values of its row.
    var values: [(any DatabaseValueConvertible)?] {
        [
            Int64(bitPattern: number), Int64(bitPattern: sequence), range.start.millis, range.end.millis,
            Int64(bitPattern: nextLog), Data(encodedSelections),
        ]
    }
}

extension RetentionPolicy {
    /// Finds the policy among rows of the table `setting`; nil if there is none, or it says nothing sensible.
    init?(rows: [Row]) {
        guard let row = rows.first(where: { $0[0] == CatalogTables.retentionSetting }) else { return nil }
        do throws(CodecError) {
            self = try RetentionRecord(Array(row[1] as Data)).policy
        } catch {
            // Of a later version: as if it were not known.
            return nil
        }
    }

    /// The values of its row in the table `setting`.
    var values: [(any DatabaseValueConvertible)?] {
        [CatalogTables.retentionSetting, Data(RetentionRecord(self).encoded)]
    }
}

extension Counters {
    /// Reads rows of the table `counter`.
    init(rows: [Row]) {
        self.init()
        for row in rows {
            let value = UInt64(bitPattern: row[1])
            switch row[0] as String {
            case "sequence": lastSequence = value
            case "flushed": flushedSequence = value
            case "file": lastFile = value
            case "log": firstLog = value
            default: break
            }
        }
    }

    /// The counters with their names in the table `counter`.
    var named: [(name: String, value: UInt64)] {
        [
            ("sequence", lastSequence), ("flushed", flushedSequence), ("file", lastFile), ("log", firstLog),
        ]
    }

    /// The higher ones of these and of `other`.
    func highest(_ other: Counters) -> Counters {
        var counters = self
        counters.lastSequence = max(lastSequence, other.lastSequence)
        counters.flushedSequence = max(flushedSequence, other.flushedSequence)
        counters.lastFile = max(lastFile, other.lastFile)
        counters.firstLog = max(firstLog, other.firstLog)
        return counters
    }
}
