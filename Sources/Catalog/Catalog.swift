import GRDB
import Model

/// The store's manifest and control state in SQLite: which segments belong to the store, what is known about
/// metrics, and the counters that must never run backwards.
///
/// No samples and no row per series.
///
/// Every change of a flush is one transaction with `synchronous = FULL`: it is durable when `commit` returns.
/// Format: docs/formats/catalog.md.
package final class Catalog: Sendable {
    /// The newest format this code writes and reads.
    package static let formatVersion = 4

    private let path: String
    private let queue: DatabaseQueue

    /// Opens the catalog at `path`, or makes an empty one.
    package init(path: String) throws(CatalogError) {
        self.path = path
        var configuration = Configuration()
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
            try database.execute(sql: "PRAGMA synchronous = FULL")
            try database.execute(sql: "PRAGMA cell_size_check = ON")
            try database.execute(sql: "PRAGMA trusted_schema = OFF")
        }
        do {
            queue = try DatabaseQueue(path: path, configuration: configuration)
        } catch {
            throw .database(path: path, reason: "\(error)")
        }
        let found = try Catalog.attempt(path) { [queue] in
            try queue.read { try Int.fetchOne($0, sql: "PRAGMA user_version") ?? 0 }
        }
        guard found <= Catalog.formatVersion else {
            throw .newerFormat(path: path, found: found, supported: Catalog.formatVersion)
        }
        if found == 0 { try createTables() }
        if found == 1 { try addPushTable() }
        if found == 1 || found == 2 { try addLevel() }
        if (1...3).contains(found) { try addRuleTable() }
    }

    /// All registered segments, in the order of their sequence.
    package func segments() throws(CatalogError) -> [SegmentRecord] {
        try Catalog.attempt(path) { [queue] in
            try queue.read { database in
                try SegmentRecord.fetchAll(database, sql: "SELECT * FROM segment ORDER BY sequence, file")
            }
        }
    }

    /// What is known about metrics, in no particular order.
    package func metadata() throws(CatalogError) -> [MetricMetadata] {
        try Catalog.attempt(path) { [queue] in
            try queue.read { database in
                try Row.fetchAll(database, sql: "SELECT name, kind, help, unit FROM metadata").map { row in
                    MetricMetadata(
                        name: row["name"],
                        kind: MetricMetadata.Kind(rawValue: row["kind"]) ?? .unknown,
                        help: row["help"],
                        unit: row["unit"]
                    )
                }
            }
        }
    }

    /// The counters.
    package func counters() throws(CatalogError) -> Counters {
        try Catalog.attempt(path) { [queue] in
            try queue.read { database in
                let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM counter")
                var counters = Counters()
                for row in rows {
                    let value = UInt64(bitPattern: row["value"])
                    switch row["name"] as String {
                    case "sequence": counters.lastSequence = value
                    case "flushed": counters.flushedSequence = value
                    case "file": counters.lastFile = value
                    default: break
                    }
                }
                return counters
            }
        }
    }

    /// Makes one change of the store durable, all of it or nothing.
    package func commit(_ change: CatalogChange) throws(CatalogError) {
        try Catalog.attempt(path) { [queue] in
            try queue.write { database in
                for file in change.removedFiles {
                    try database.execute(sql: "DELETE FROM segment WHERE file = ?", arguments: [file])
                }
                for segment in change.addedSegments { try segment.insert(database) }
                for item in change.metadata {
                    try database.execute(
                        sql: "INSERT OR REPLACE INTO metadata (name, kind, help, unit) VALUES (?, ?, ?, ?)",
                        arguments: [item.name, item.kind.rawValue, item.help, item.unit]
                    )
                }
                let counters = [
                    ("sequence", change.counters.lastSequence), ("flushed", change.counters.flushedSequence),
                    ("file", change.counters.lastFile),
                ]
                for (name, value) in counters {
                    try database.execute(
                        // Flushes and merges commit beside each other: the higher count is the newer one.
                        sql: """
                            INSERT INTO counter (name, value) VALUES (?, ?)
                            ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)
                            """,
                        arguments: [name, Int64(bitPattern: value)]
                    )
                }
            }
        }
    }

    /// Closes the database; later calls fail.
    package func close() throws(CatalogError) {
        try Catalog.attempt(path) { [queue] in try queue.close() }
    }

    // MARK: - Private

    private func createTables() throws(CatalogError) {
        try Catalog.attempt(path) { [queue] in
            try queue.write { database in
                try database.execute(
                    sql: """
                        CREATE TABLE segment (
                            file TEXT PRIMARY KEY NOT NULL,
                            sequence INTEGER NOT NULL,
                            start_millis INTEGER NOT NULL,
                            end_millis INTEGER NOT NULL,
                            retention_millis INTEGER,
                            series_count INTEGER NOT NULL,
                            sample_count INTEGER NOT NULL,
                            byte_count INTEGER NOT NULL,
                            level INTEGER NOT NULL
                        ) STRICT;
                        CREATE TABLE metadata (
                            name TEXT PRIMARY KEY NOT NULL, kind TEXT NOT NULL, help TEXT NOT NULL,
                            unit TEXT NOT NULL
                        ) STRICT;
                        CREATE TABLE counter (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT;
                        \(Catalog.pushTable)
                        \(Catalog.ruleTable)
                        PRAGMA user_version = \(Catalog.formatVersion);
                        """
                )
            }
        }
    }

    /// Brings a catalog of format 1, which knew no pushed groups, to format 2.
    private func addPushTable() throws(CatalogError) {
        try write { database in
            try database.execute(sql: "\(Catalog.pushTable) PRAGMA user_version = 2;")
        }
    }

    /// Brings a catalog of format 2, which knew no levels of segments, to format 3.
    private func addLevel() throws(CatalogError) {
        try write { database in
            try database.execute(
                sql: """
                    ALTER TABLE segment ADD COLUMN level INTEGER NOT NULL DEFAULT 0;
                    PRAGMA user_version = 3;
                    """
            )
        }
    }

    /// Brings a catalog of format 3, which knew nothing about rules, to format 4.
    private func addRuleTable() throws(CatalogError) {
        try write { database in
            try database.execute(sql: "\(Catalog.ruleTable) PRAGMA user_version = 4;")
        }
    }

    /// Reads in one transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        try Catalog.attempt(path) { [queue] in try queue.read(body) }
    }

    /// Changes in one transaction, which is durable when it returns.
    func write(_ body: (Database) throws -> Void) throws(CatalogError) {
        try Catalog.attempt(path) { [queue] in try queue.write(body) }
    }

    private static func attempt<Value>(_ path: String, _ body: () throws -> Value) throws(CatalogError)
        -> Value
    {
        do {
            return try body()
        } catch {
            throw .database(path: path, reason: "\(error)")
        }
    }
}

/// The counters that must never run backwards, also when the files that showed them are gone.
package struct Counters: Hashable, Sendable {
    /// The number of the newest write.
    package var lastSequence: UInt64 = 0
    /// The number of the newest write that is in segments, as all writes before it are.
    package var flushedSequence: UInt64 = 0
    /// The number in the newest segment file's name.
    package var lastFile: UInt64 = 0

    /// Counters of an empty store.
    package init() {}
}

/// What one flush or clean-up changes.
package struct CatalogChange: Sendable {
    /// Segments that now belong to the store.
    package var addedSegments: [SegmentRecord] = []
    /// Files of segments that no longer belong to it.
    package var removedFiles: [String] = []
    /// New or changed metadata.
    package var metadata: [MetricMetadata] = []
    /// The counters as of now.
    package var counters: Counters

    /// A change that only notes the counters.
    package init(counters: Counters) {
        self.counters = counters
    }
}
