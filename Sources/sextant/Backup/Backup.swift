import Crypto
import Outbound
import Storage

/// Copies a snapshot to a target, and back.
struct Backup {
    /// How much was done.
    struct Outcome: Hashable, Sendable {
        var fileCount = 0
        var byteCount = 0
        var copiedFileCount = 0
        var copiedByteCount = 0
        /// What had to be read to know it.
        var readByteCount = 0
        /// Backups that were removed because newer ones are enough.
        var removedCount = 0
    }

    /// Where the backups lie.
    let target: any BackupTarget
    var fileSystem: any FileSystem = PosixFileSystem()
    /// Called with the part that is done, 0 to 1.
    var progress: (Double) -> Void = { _ in }

    /// Copies the snapshot in `directory`; contents that the target has are not copied again.
    ///
    /// A segment that the newest backup has, with the same size and time of its last change, is not read
    /// again, as segments never change; unless `readsAll`. The manifest comes last: without it there is no
    /// backup.
    func make(
        _ directory: String,
        name: String,
        time: String,
        sequence: UInt64?,
        readsAll: Bool = false
    ) async throws -> Outcome {
        var outcome = Outcome()
        let before = readsAll ? [:] : try await segmentsOfNewest()
        let files = try Backup.files(in: directory, fileSystem).filter { $0.path != "LOCK" }
        let whole = max(1, files.reduce(0) { $0 + $1.size })
        var known = try await target.list(BackupManifest.contentFolder)
        var entries: [BackupManifest.Entry] = []
        for (path, size) in files {
            let file = try fileSystem.open("\(directory)/\(path)")
            let modified = path.hasPrefix(Backup.segmentFolder) ? try file.modificationNanos() : nil
            let sha256: String
            if let last = before[path], modified != nil, last.modified == modified, last.size == size {
                sha256 = last.sha256
            } else {
                sha256 = try Backup.hash(file, size)
                outcome.readByteCount += size
            }
            if known[sha256] != size {
                let place = "\(BackupManifest.contentFolder)/\(sha256)"
                try await target.put(file, size: size, sha256: sha256, at: place)
                known[sha256] = size
                outcome.copiedFileCount += 1
                outcome.copiedByteCount += size
            }
            entries.append(.init(path: path, size: size, sha256: sha256, modified: modified))
            outcome.fileCount += 1
            outcome.byteCount += size
            progress(min(0.999, Double(outcome.byteCount) / Double(whole)))
        }
        let manifest = BackupManifest(name: name, time: time, sequence: sequence, files: entries)
        try await target.put(try manifest.encoded(), at: BackupManifest.path(name))
        progress(1)
        return outcome
    }

    /// The names of the backups, the oldest first.
    func names() async throws -> [String] {
        try await target.list(BackupManifest.folder).keys.compactMap { name in
            name.hasSuffix(".json") ? String(name.dropLast(5)) : nil
        }.sorted()
    }

    /// What the backup `name` consists of.
    func manifest(_ name: String) async throws -> BackupManifest {
        try BackupManifest(try await target.read(BackupManifest.path(name)), name: name)
    }

    /// Removes all but the newest `count` backups, and contents that no other has; gives how many went.
    func keep(newest count: Int) async throws -> Int {
        let all = try await names()
        guard all.count > count else { return 0 }
        var wanted: Set<String> = []
        // What the others need is known before anything is removed.
        for name in all.suffix(count) { wanted.formUnion(try await manifest(name).files.map(\.sha256)) }
        let removed = all.dropLast(count)
        for name in removed { try await target.remove(BackupManifest.path(name)) }
        for content in try await target.list(BackupManifest.contentFolder).keys.sorted()
        where !wanted.contains(content) {
            try await target.remove("\(BackupManifest.contentFolder)/\(content)")
        }
        return removed.count
    }

    /// Puts the backup `name`, or the newest, into `directory`, which is empty or missing.
    ///
    /// Everything is checked and durable before the directory has its name.
    func restore(_ name: String?, to directory: String) async throws -> BackupManifest {
        let names = try await names()
        guard let newest = names.last else { throw BackupError("there is no backup in it") }
        if let name, !names.contains(name) {
            throw BackupError("there is no backup \(name); there are: \(names.joined(separator: ", "))")
        }
        let manifest = try await manifest(name ?? newest)
        var directory = directory
        while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
        let isThere = try isEmptyDirectory(directory)
        let temporary = directory + ".restoring"
        do throws(FileError) { try fileSystem.removeTree(temporary) } catch {
            guard error.isMissing else { throw error }
        }
        try fileSystem.createDirectory(temporary)
        let whole = max(1, manifest.files.reduce(0) { $0 + $1.size })
        var done = 0
        for entry in manifest.files {
            try await restore(entry, to: temporary)
            done += entry.size
            progress(min(0.999, Double(done) / Double(whole)))
        }
        for folder in Backup.folders(of: manifest) { try fileSystem.syncDirectory(temporary + folder) }
        if isThere { try fileSystem.removeDirectory(directory) }
        try fileSystem.rename(temporary, to: directory)
        let parent = directory.lastIndex(of: "/").map { String(directory[..<$0]) } ?? "."
        try fileSystem.syncDirectory(parent.isEmpty ? "/" : parent)
        progress(1)
        return manifest
    }

    // MARK: - Private

    /// What paths of segments begin with.
    private static let segmentFolder = "segments/"

    private static func hash(_ file: any File, _ size: Int) throws -> String {
        var hash = SHA256()
        try DirectoryTarget.forEachPiece(of: file, size: size) { hash.update(data: $0) }
        return hash.finalize().hexadecimal
    }

    /// The segments of the newest backup by path; none if there is no backup, or it cannot be read.
    private func segmentsOfNewest() async throws -> [String: BackupManifest.Entry] {
        guard let newest = try await names().last else { return [:] }
        let manifest: BackupManifest
        do { manifest = try await self.manifest(newest) } catch is BackupError { return [:] }
        return Dictionary(
            manifest.files.filter { $0.path.hasPrefix(Backup.segmentFolder) }.map { ($0.path, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    private func restore(_ entry: BackupManifest.Entry, to directory: String) async throws {
        let path = "\(directory)/\(entry.path)"
        if let slash = path.lastIndex(of: "/") { try fileSystem.createDirectory(String(path[..<slash])) }
        let file = try fileSystem.create(path)
        var hash = SHA256()
        var size = 0
        try await target.read("\(BackupManifest.contentFolder)/\(entry.sha256)") { piece in
            hash.update(data: piece)
            size += piece.count
            try file.write(piece)
        }
        guard size == entry.size, hash.finalize().hexadecimal == entry.sha256 else {
            throw BackupError(
                "\(entry.path) is damaged in the backup: its content is not what the manifest says"
            )
        }
        try file.sync()
    }

    /// Whether the directory is there; throws if there is something in it.
    private func isEmptyDirectory(_ directory: String) throws -> Bool {
        do throws(FileError) {
            guard try fileSystem.list(directory).isEmpty else {
                throw FileError("restore into", directory, code: SystemError.directoryNotEmpty)
            }
            return true
        } catch {
            if error.isMissing { return false }
            throw error
        }
    }

    /// The folders of a backup's files, the deepest first, as they follow the directory's path.
    private static func folders(of manifest: BackupManifest) -> [String] {
        var folders: Set<String> = [""]
        for entry in manifest.files {
            let parts = entry.path.split(separator: "/").dropLast()
            for count in 0..<parts.count {
                folders.insert("/" + parts.prefix(count + 1).joined(separator: "/"))
            }
        }
        return folders.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// The files below a directory, by path, with their sizes.
    private static func files(
        in directory: String,
        _ fileSystem: any FileSystem,
        below prefix: String = ""
    ) throws -> [(path: String, size: Int)] {
        var files: [(path: String, size: Int)] = []
        for name in try fileSystem.list(directory) {
            do throws(FileError) {
                _ = try fileSystem.list("\(directory)/\(name)")
            } catch {
                guard error.code == SystemError.notDirectory else { throw error }
                let size = try fileSystem.open("\(directory)/\(name)").size()
                files.append((prefix + name, size))
                continue
            }
            files += try Backup.files(in: "\(directory)/\(name)", fileSystem, below: "\(prefix)\(name)/")
        }
        return files
    }
}
