import Catalog
import Glibc
import Model
import Synchronization

/// A snapshot that was made: a directory that a daemon could use as its data directory.
package struct Snapshot: Hashable, Sendable {
    /// Its name.
    package var name: String
    /// Its directory.
    package var path: String
    /// The number of the last write in it.
    package var sequence: UInt64

    /// The snapshot `name` in the directory `path`.
    package init(name: String, path: String, sequence: UInt64) {
        self.name = name
        self.path = path
        self.sequence = sequence
    }
}

extension Store {
    /// What the names of snapshots end with that are not finished.
    private static let unfinished = ".tmp"

    /// Makes a snapshot of everything that was acknowledged before, below `snapshots/`.
    ///
    /// Segments are linked, so it takes hardly any time and no room until merges replace them. It counts when
    /// it has its name, and is durable then.
    /// - Parameters:
    ///   - name: Its name, which no other has.
    ///   - skipsHead: Whether what is in no segment yet is left out.
    ///   - folders: Folders of the data directory whose files are copied as well.
    /// - Returns: Where it is.
    /// - Throws: `StorageError` if it cannot be made; nothing of it counts then.
    package func snapshot(
        _ name: String,
        skipsHead: Bool = false,
        copying folders: [String] = []
    ) async throws(StorageError) -> Snapshot {
        let path = "\(snapshotDirectory)/\(name)"
        let sequence = Mutex<UInt64>(0)
        try await onQueue(maintenance) { () throws(StorageError) in
            if !skipsHead { try self.flush(keepSpare: true) }
            let last = try self.writeSnapshot(path, copying: folders)
            sequence.withLock { $0 = last }
        }
        return Snapshot(name: name, path: FilePath.absolute(path), sequence: sequence.withLock { $0 })
    }

    /// Removes what a stop has left of snapshots that were not finished.
    func removeUnfinishedSnapshots() {
        let fileSystem = options.fileSystem
        do throws(FileError) {
            for name in try fileSystem.list(snapshotDirectory) where name.hasSuffix(Store.unfinished) {
                try fileSystem.removeTree("\(snapshotDirectory)/\(name)")
            }
        } catch {
            if error.code != ENOENT { telemetry.note(error) }
        }
    }

    // MARK: - Private

    private var snapshotDirectory: String { "\(directory)/snapshots" }

    /// Writes a snapshot; gives the number of the last write in it.
    ///
    /// On the maintenance queue, so that nothing is flushed meanwhile; merges go on.
    private func writeSnapshot(_ path: String, copying folders: [String]) throws(StorageError) -> UInt64 {
        // As long as they are held here, files that a merge replaces stay.
        let (segments, tombstones, metadata, counters) = state.withLock { state in
            (state.segments, state.tombstones, Array(state.metadata.values), state.counters)
        }
        defer { withExtendedLifetime(segments) {} }
        var change = CatalogChange(counters: counters)
        change.addedSegments = segments.map(\.record)
        change.metadata = metadata
        change.addedTombstones = tombstones.all.map(\.record)
        let fileSystem = options.fileSystem
        let temporary = path + Store.unfinished
        do {
            try fileSystem.createDirectory("\(temporary)/segments")
            for segment in segments {
                try fileSystem.linkOrCopy(segment.path, to: "\(temporary)/segments/\(segment.record.file)")
            }
            try fileSystem.syncDirectory("\(temporary)/segments")
            let deletes = TombstoneFiles(of: temporary, fileSystem)
            for record in change.addedTombstones { try deletes.put(record) }
            for folder in folders { try copyFolder(folder, to: temporary) }
            try writeCatalog(change, to: "\(temporary)/catalog.sqlite")
            try fileSystem.syncDirectory(temporary)
            try fileSystem.rename(temporary, to: path)
            try fileSystem.syncDirectory(snapshotDirectory)
            try fileSystem.syncDirectory(directory)
            return segments.map(\.record.sequence).max() ?? 0
        } catch {
            // The next start removes what cannot be removed.
            do throws(FileError) { try fileSystem.removeTree(temporary) } catch {}
            switch error {
            case let error as StorageError: throw error
            case let error as FileError: throw .file(error)
            case let error as CatalogError: throw .catalog(error)
            default: throw .damaged(path: path, reason: "\(error)")
            }
        }
    }

    private func writeCatalog(_ change: CatalogChange, to path: String) throws(CatalogError) {
        let copy = try Catalog(path: path)
        try copy.commit(change)
        for record in try catalog.pushRecords() { try copy.save(record) }
        for kind in RuleRecord.Kind.allCases {
            try copy.commit(saved: try catalog.ruleRecords(kind), removed: [])
        }
        try copy.close()
    }

    private func copyFolder(_ folder: String, to target: String) throws(FileError) {
        let fileSystem = options.fileSystem
        let names: [String]
        do throws(FileError) { names = try fileSystem.list("\(directory)/\(folder)") } catch {
            if error.code == ENOENT { return }
            throw error
        }
        try fileSystem.createDirectory("\(target)/\(folder)")
        for name in names {
            try fileSystem.copy("\(directory)/\(folder)/\(name)", to: "\(target)/\(folder)/\(name)")
        }
        try fileSystem.syncDirectory("\(target)/\(folder)")
    }
}
