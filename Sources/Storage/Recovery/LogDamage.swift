import Catalog
import Model

/// Damaged records in a file of the log.
struct LogDamage {
    /// The file's name.
    let name: String
    /// How many stretches of it cannot be read.
    let count: Int

    /// What readers are told: a lost record may have had samples of any time.
    var text: String { "records of the log file \(name) are damaged; samples may be missing" }

    /// Keeps a copy of the file in quarantine, as the file itself goes once what is whole of it is in
    /// segments, and has the catalog remember the damage.
    func keep(_ directory: String, _ fileSystem: any FileSystem, _ catalog: Catalog) throws {
        guard try Quarantine(of: directory, fileSystem).copy(name, from: "\(directory)/wal") else { return }
        var change = CatalogChange(counters: try catalog.counters())
        change.addedDamages = [DamageRecord(file: name, range: .all, text: text)]
        try catalog.commit(change)
    }
}

extension LogFileReport {
    /// Whether the end is not whole, be it by a write that was under way or by damage.
    var isTorn: Bool { tornByteCount > 0 || unclearCount > 0 || !hasEnd }
}
