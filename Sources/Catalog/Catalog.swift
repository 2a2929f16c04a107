import GRDB
import Model
import Synchronization

/// The store's manifest and control state in SQLite: which segments belong to the store, what is known about
/// metrics, and the counters that must never run backwards.
///
/// No samples and no row per series.
///
/// Every change of a flush is one transaction with `synchronous = FULL`: it is durable when `commit` returns.
/// Each row has a checksum. Format: docs/formats/catalog.md.
package final class Catalog: Sendable {
    /// The newest format this code writes and reads.
    package static let formatVersion = 7

    private let path: String
    private let queue: DatabaseQueue
    /// The lock under which the database is used: one that is closed must not be.
    private let isClosed = Mutex(false)

    /// Opens the catalog at `path`, or makes an empty one.
    ///
    /// - Throws: `CatalogError.damaged` if anything in it is not what was written; it is not changed then.
    package init(path: String) throws(CatalogError) {
        self.path = path
        if let fault = CatalogFiles.fault(path) { throw .damaged(path: path, reason: fault) }
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
            throw CatalogError(error, path: path)
        }
        let (found, isEmpty) = try read { database in
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master")
            return (try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0, tables == 0)
        }
        switch found {
        case 0 where isEmpty: try write { try CatalogTables.create($0, version: Catalog.formatVersion) }
        case 1..<Catalog.formatVersion: try write { try CatalogUpgrade.run($0, from: found) }
        default: break
        }
        try check()
    }

    /// Looks through everything in the catalog.
    ///
    /// - Throws: `CatalogError.damaged` if anything is not what was written.
    package func check() throws(CatalogError) {
        let (path, supported) = (path, Catalog.formatVersion)
        try read { database in
            // The format stands in a row too, which has a checksum.
            let rows = try CatalogTables.counter.rows(database)
            let format = rows.first { $0[0] == CatalogTables.formatCounter }.map { $0[1] as Int }
            if let format, format > supported {
                throw CatalogError.newerFormat(path: path, found: format, supported: supported)
            }
            let version = try Int.fetchOne(database, sql: "PRAGMA user_version")
            guard format == supported, version == supported else {
                throw CatalogError.damaged(path: path, reason: "its format is wrong")
            }
            let faults = try String.fetchAll(database, sql: "PRAGMA integrity_check(1)")
            guard faults == ["ok"] else {
                throw CatalogError.damaged(path: path, reason: faults.joined(separator: "; "))
            }
            for table in CatalogTables.all { _ = try table.rows(database) }
        }
    }

    /// All registered segments, in the order of their sequence.
    package func segments() throws(CatalogError) -> [SegmentRecord] {
        try read { try CatalogTables.segment.rows($0, order: "sequence, file").map(SegmentRecord.init) }
    }

    /// Files of segments that once were registered and are to be deleted where they still exist.
    package func removedFiles() throws(CatalogError) -> [String] {
        try read { try CatalogTables.removed.rows($0, order: "file").map { $0[0] } }
    }

    /// Deletes whose samples may still lie in files, the oldest first.
    package func tombstones() throws(CatalogError) -> [TombstoneRecord] {
        try read { try CatalogTables.tombstone.rows($0, order: "number").map(TombstoneRecord.init) }
    }

    /// What lies in quarantine, in the order of the files' names.
    package func damages() throws(CatalogError) -> [DamageRecord] {
        try read { try CatalogTables.damage.rows($0, order: "file").map(DamageRecord.init) }
    }

    /// What is known about metrics, in no particular order.
    package func metadata() throws(CatalogError) -> [MetricMetadata] {
        try read { try CatalogTables.metadata.rows($0).map(MetricMetadata.init) }
    }

    /// The counters.
    package func counters() throws(CatalogError) -> Counters {
        try read { Counters(rows: try CatalogTables.counter.rows($0)) }
    }

    /// The retention policy in force; nil if none was noted.
    package func retention() throws(CatalogError) -> RetentionPolicy? {
        try read { RetentionPolicy(rows: try CatalogTables.setting.rows($0)) }
    }

    /// Makes one change of the store durable, all of it or nothing.
    package func commit(_ change: CatalogChange) throws(CatalogError) {
        try write { database in
            for file in change.removedFiles + change.lostFiles {
                try database.execute(sql: "DELETE FROM segment WHERE file = ?", arguments: [file])
            }
            for file in change.removedFiles { try CatalogTables.removed.put([file], database) }
            for segment in change.addedSegments { try CatalogTables.segment.put(segment.values, database) }
            for item in change.metadata { try CatalogTables.metadata.put(item.values, database) }
            for damage in change.addedDamages { try CatalogTables.damage.put(damage.values, database) }
            for file in change.removedDamages {
                try database.execute(sql: "DELETE FROM damage WHERE file = ?", arguments: [file])
            }
            for tombstone in change.addedTombstones {
                try CatalogTables.tombstone.put(tombstone.values, database)
            }
            for number in change.removedTombstones {
                try database.execute(
                    sql: "DELETE FROM tombstone WHERE number = ?",
                    arguments: [Int64(bitPattern: number)]
                )
            }
            if let policy = change.retention { try CatalogTables.setting.put(policy.values, database) }
            // Flushes and merges commit beside each other: the higher count is the newer one.
            let known = Counters(rows: try CatalogTables.counter.rows(database))
            for (name, value) in change.counters.highest(known).named {
                try CatalogTables.counter.put([name, Int64(bitPattern: value)], database)
            }
        }
    }

    /// Forgets the removed files: none of them exists any more.
    package func forgetRemovedFiles() throws(CatalogError) {
        try write { try $0.execute(sql: "DELETE FROM removed") }
    }

    /// Closes the database; later calls fail.
    package func close() throws(CatalogError) {
        let path = path
        try isClosed.withLock { isClosed throws(CatalogError) in
            isClosed = true
            do { try queue.close() } catch { throw CatalogError(error, path: path) }
        }
    }

    // MARK: - For its extensions

    /// Reads in one transaction.
    func read<Value>(_ body: (Database) throws -> Value) throws(CatalogError) -> Value {
        try whileOpen { queue throws in try queue.read(body) }
    }

    /// Changes in one transaction, which is durable when it returns.
    func write(_ body: (Database) throws -> Void) throws(CatalogError) {
        try whileOpen { queue throws in try queue.write(body) }
    }

    private func whileOpen<Value>(
        _ body: (DatabaseQueue) throws -> Value
    ) throws(CatalogError) -> Value {
        try isClosed.withLock { isClosed throws(CatalogError) in
            if isClosed { throw .database(path: path, reason: "it is closed") }
            do { return try body(queue) } catch { throw CatalogError(error, path: path) }
        }
    }
}
