import Catalog
import ChunkCodec

/// Why the store cannot be opened or cannot do what was asked.
package enum StorageError: Error, Hashable, CustomStringConvertible {
    /// Another process uses the data directory.
    case alreadyInUse(directory: String)
    /// The operating system refused a file operation.
    case file(FileError)
    /// The catalog cannot be used.
    case catalog(CatalogError)
    /// Bytes in a file are not what was written there.
    case damaged(path: String, reason: String)
    /// The directory has nothing that a daemon has written.
    case noData(directory: String)
    /// The disk has no room for what is to be written.
    case noRoom(directory: String, neededBytes: Int, freeBytes: Int)
    /// So many deletes wait to be worked off that no other is taken.
    case tooManyDeletes(limit: Int)
    /// A selector of a delete cannot be used.
    case badSelector(reason: String)
    /// The store is being closed.
    case closed
    /// The thread must not wait for a disk, where what it wants to read is (`DiskWaits`).
    case wouldWait
    /// The file was written by a newer Sextant.
    case newerFormat(path: String, found: Int, supported: Int)
    /// The file was written by an older Sextant, before the first release.
    case olderFormat(path: String, found: Int, supported: Int)

    /// The sentence for the log.
    package var description: String {
        switch self {
        case .alreadyInUse(let directory): "data directory \(directory) is in use by another process"
        case .file(let error): error.description
        case .catalog(let error): error.description
        case .damaged(let path, let reason): "\(path) is damaged: \(reason)"
        case .noData(let directory): "\(directory) is no data directory"
        case .noRoom(let directory, let needed, let free):
            "the disk of \(directory) has \(free) bytes free, too few to write \(needed) bytes and keep the "
                + "reserve"
        case .tooManyDeletes(let limit):
            "\(limit) deletes wait to be worked off; clean_tombstones returns when that is done"
        case .badSelector(let reason): "a selector cannot be used: \(reason)"
        case .closed: "the store is being closed"
        case .wouldWait: "what is to be read is on disk, for which the thread must not wait"
        case .newerFormat(let path, let found, let supported):
            "\(path) has format \(found), newer than \(supported), which this version can read"
        case .olderFormat(let path, let found, let supported):
            "\(path) has format \(found) of a pre-release, older than \(supported), the oldest that this version "
                + "can read: start with an empty data directory"
        }
    }
}
