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
    }

    private var path: String { "\(directory)/catalog.sqlite" }
    private var rebuiltPath: String { "\(directory)/catalog-rebuilt.sqlite" }

    /// Opens the catalog, makes one if there is none, or makes it anew if it is damaged.
    func open() throws -> Result {
        let isNew = try !fileSystem.list(directory).contains("catalog.sqlite")
        do throws(CatalogError) {
            return Result(catalog: try Catalog(path: path), isNew: isNew)
        } catch {
            guard case .damaged(_, let reason) = error else { throw error }
            let file = try rebuild()
            return Result(catalog: try Catalog(path: path), damage: (reason, file))
        }
    }

    /// Puts a catalog with what is sound of the present one in its place, which goes into quarantine.
    ///
    /// - Returns: The name of the old one there.
    func rebuild() throws -> String {
        let remains = CatalogRemains(path: path)
        // What an earlier try left behind.
        try CatalogFiles.remove(rebuiltPath)
        let catalog = try Catalog(path: rebuiltPath)
        try catalog.restore(remains)
        try catalog.close()
        let quarantine = Quarantine(of: directory, fileSystem)
        try quarantine.prepare()
        let file = try CatalogFiles.putAside(path, into: quarantine.directory)
        try CatalogFiles.move(rebuiltPath, to: path)
        return file
    }
}
