import Catalog

/// Opens the catalog of a data directory; one that is damaged is made anew from what is sound in it.
///
/// The segments tell of themselves: `SegmentRecovery` lists them again.
struct CatalogRecovery {
    /// The data directory.
    let directory: String
    let fileSystem: any FileSystem

    /// A catalog, and how it came.
    struct Result {
        var catalog: Catalog
        /// Whether there was none.
        var isNew = false
        /// What was wrong with the old one, and under which name it lies in quarantine.
        var damage: (reason: String, file: String)?
        /// Files of deletes that cannot be read and that the catalog does not know.
        var damagedDeletes: [String] = []
    }

    private var path: String { "\(directory)/catalog.sqlite" }
    private var rebuiltPath: String { "\(directory)/catalog-rebuilt.sqlite" }

    /// Opens the catalog, makes one if there is none, or makes it anew if it is damaged.
    func open() throws -> Result {
        let isNew = try !fileSystem.list(directory).contains("catalog.sqlite")
        do throws(CatalogError) {
            guard isNew else { return Result(catalog: try Catalog(path: path)) }
        } catch {
            guard case .damaged(_, let reason) = error else { throw error }
            let (file, damagedDeletes) = try rebuild()
            return Result(
                catalog: try Catalog(path: path),
                damage: (reason, file),
                damagedDeletes: damagedDeletes
            )
        }
        // Without its deletes a catalog must not come to be.
        let damagedDeletes = try build(CatalogRemains())
        try CatalogFiles.move(rebuiltPath, to: path)
        try fileSystem.syncDirectory(directory)
        return Result(catalog: try Catalog(path: path), isNew: true, damagedDeletes: damagedDeletes)
    }

    /// Puts a catalog with what is sound of the present one in its place, which goes into quarantine.
    ///
    /// - Returns: The name of the old one there, and the names of files of deletes that cannot be read.
    func rebuild() throws -> (file: String, damagedDeletes: [String]) {
        let damagedDeletes = try build(CatalogRemains(path: path))
        let quarantine = Quarantine(of: directory, fileSystem)
        try quarantine.prepare()
        let file = try CatalogFiles.putAside(path, into: quarantine.directory)
        try CatalogFiles.move(rebuiltPath, to: path)
        try fileSystem.syncDirectory(directory)
        return (file, damagedDeletes)
    }

    // MARK: - Private

    /// Makes a catalog of what is left of another one and of the deletes that only their files know.
    ///
    /// - Returns: The names of files of deletes that cannot be read.
    private func build(_ remains: CatalogRemains) throws -> [String] {
        // What an earlier try left behind.
        try CatalogFiles.remove(rebuiltPath)
        let known = Set(remains.tombstones.map(\.number))
        let (sound, damaged) = try TombstoneFiles(of: directory, fileSystem).records()
        var remains = remains
        remains.tombstones += sound.filter { !known.contains($0.number) }
        let catalog = try Catalog(path: rebuiltPath)
        try catalog.restore(remains)
        try catalog.close()
        return damaged.filter { name in
            TombstoneFiles.number(ofName: name).map { !known.contains($0) } ?? false
        }
    }
}
