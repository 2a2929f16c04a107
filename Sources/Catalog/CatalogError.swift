import GRDB

/// Why the catalog cannot be used.
package enum CatalogError: Error, Hashable, CustomStringConvertible {
    /// SQLite reports an error; the text is SQLite's with the file's path.
    case database(path: String, reason: String)
    /// The catalog is not what was written.
    case damaged(path: String, reason: String)
    /// The catalog was written by a newer Sextant.
    case newerFormat(path: String, found: Int, supported: Int)
    /// A file of exported tables cannot be written.
    case export(path: String, reason: String)

    /// The sentence for the log.
    package var description: String {
        switch self {
        case .database(let path, let reason): "catalog \(path): \(reason)"
        case .export(let path, let reason): "\(path) cannot be written: \(reason)"
        case .damaged(let path, let reason): "catalog \(path) is damaged: \(reason)"
        case .newerFormat(let path, let found, let supported):
            "catalog \(path) has format \(found), newer than \(supported), which this version can read"
        }
    }

    /// What SQLite's error means for the catalog at `path`.
    init(_ error: any Error, path: String) {
        let environment: [ResultCode] = [
            .SQLITE_PERM, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_READONLY, .SQLITE_INTERRUPT,
            .SQLITE_IOERR, .SQLITE_FULL, .SQLITE_CANTOPEN, .SQLITE_AUTH, .SQLITE_MISUSE,
        ]
        switch error {
        case let error as CatalogError: self = error
        case let error as DatabaseError where environment.contains(error.resultCode):
            self = .database(path: path, reason: "\(error)")
        // The statements are known to be right, so it is the file that is wrong.
        case is DatabaseError, is DamagedRow: self = .damaged(path: path, reason: "\(error)")
        default: self = .database(path: path, reason: "\(error)")
        }
    }
}
