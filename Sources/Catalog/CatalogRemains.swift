import GRDB
import Model

/// What is sound in a damaged catalog, besides the segments, which tell of themselves.
package struct CatalogRemains: Sendable {
    /// What is known about metrics.
    package var metadata: [MetricMetadata] = []
    /// Pushed groups.
    package var pushRecords: [PushRecord] = []
    /// What is known about rules.
    package var ruleRecords: [RuleRecord] = []
    /// Files of segments that do not belong to the store any more.
    package var removedFiles: [String] = []
    /// What lies in quarantine.
    package var damages: [DamageRecord] = []
    /// Deletes whose samples may still lie in files.
    package var tombstones: [TombstoneRecord] = []
    /// The retention policy that was in force.
    package var retention: RetentionPolicy?
    /// The counters.
    package var counters = Counters()
    /// Whether everything is sound, as far as that can be told.
    package var isComplete = true

    /// Nothing.
    package init() {}

    /// Reads what can be read of the catalog at `path`, which is not changed; of a missing one, nothing.
    package init(path: String) {
        isComplete = CatalogFiles.fault(path) == nil
        var configuration = Configuration()
        configuration.readonly = true
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.read { database in
                metadata = rows(CatalogTables.metadata, database).map(MetricMetadata.init)
                pushRecords = rows(CatalogTables.pushGroup, database).map(PushRecord.init)
                ruleRecords = rows(CatalogTables.ruleRecord, database).compactMap(RuleRecord.init)
                removedFiles = rows(CatalogTables.removed, database).map { $0[0] }
                damages = rows(CatalogTables.damage, database).map(DamageRecord.init)
                // Formats before 6 have no such table.
                if try database.tableExists(CatalogTables.tombstone.name) {
                    // A row that says nothing sensible is lost; the delete's own file has it once more.
                    tombstones = rows(CatalogTables.tombstone, database)
                        .compactMap { try? TombstoneRecord(row: $0) }
                }
                // Formats before 7 do not have this one.
                if try database.tableExists(CatalogTables.setting.name) {
                    retention = RetentionPolicy(rows: rows(CatalogTables.setting, database))
                }
                counters = Counters(rows: rows(CatalogTables.counter, database))
            }
            try queue.close()
        } catch {
            isComplete = false
        }
    }

    private mutating func rows(_ table: SealedTable, _ database: Database) -> [Row] {
        table.soundRows(database, isComplete: &isComplete)
    }
}

extension Catalog {
    /// Takes over what is left of another catalog.
    package func restore(_ remains: CatalogRemains) throws(CatalogError) {
        var change = CatalogChange(counters: remains.counters)
        change.metadata = remains.metadata
        change.addedDamages = remains.damages
        change.removedFiles = remains.removedFiles
        change.addedTombstones = remains.tombstones
        change.retention = remains.retention
        try commit(change)
        for record in remains.pushRecords { try save(record) }
        try commit(saved: remains.ruleRecords, removed: [])
    }
}
