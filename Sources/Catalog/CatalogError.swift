/// Why the catalog cannot be used.
package enum CatalogError: Error, Hashable, CustomStringConvertible {
    /// SQLite reports an error; the text is SQLite's with the file's path.
    case database(path: String, reason: String)
    /// The catalog was written by a newer Sextant.
    case newerFormat(path: String, found: Int, supported: Int)

    /// The sentence for the log.
    package var description: String {
        switch self {
        case .database(let path, let reason): "catalog \(path): \(reason)"
        case .newerFormat(let path, let found, let supported):
            "catalog \(path) has format \(found), newer than \(supported), which this version can read"
        }
    }
}
