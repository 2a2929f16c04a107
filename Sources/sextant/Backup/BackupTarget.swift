import Storage

/// Where backups lie: manifests and contents under paths such as `files/<sha256>`.
protocol BackupTarget: Sendable {
    /// The sizes of what is in a folder, by name; of a missing one nothing.
    func list(_ folder: String) async throws -> [String: Int]
    /// Puts `bytes` under a path; durable, and there as a whole or not at all.
    func put(_ bytes: [UInt8], at path: String) async throws
    /// The same with a file of `size` bytes whose SHA-256 is known.
    func put(_ file: any File, size: Int, sha256: String, at path: String) async throws
    /// What is under a path, in pieces.
    func read(_ path: String, _ body: ([UInt8]) throws -> Void) async throws
    /// Removes what is under a path.
    func remove(_ path: String) async throws
}

extension BackupTarget {
    /// All of what is under a path.
    func read(_ path: String) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        try await read(path) { bytes += $0 }
        return bytes
    }
}

/// Backups in a directory.
struct DirectoryTarget: BackupTarget {
    /// How much is read at a time, in bytes.
    static let pieceByteCount = 4 << 20

    /// The directory.
    let directory: String
    private let fileSystem: any FileSystem

    /// The directory, which is made when something is put there.
    init(_ directory: String, fileSystem: any FileSystem = PosixFileSystem()) {
        self.directory = directory
        self.fileSystem = fileSystem
    }

    func list(_ folder: String) async throws -> [String: Int] {
        let names: [String]
        do throws(FileError) { names = try fileSystem.list("\(directory)/\(folder)") } catch {
            if error.isMissing { return [:] }
            throw error
        }
        var sizes: [String: Int] = [:]
        for name in names where !name.hasSuffix(".tmp") {
            sizes[name] = try fileSystem.open("\(directory)/\(folder)/\(name)").size()
        }
        return sizes
    }

    func put(_ bytes: [UInt8], at path: String) async throws {
        try put(path) { try $0.write(bytes) }
    }

    func put(_ file: any File, size: Int, sha256: String, at path: String) async throws {
        try put(path) { target in
            try DirectoryTarget.forEachPiece(of: file, size: size) { try target.write($0) }
        }
    }

    func read(_ path: String, _ body: ([UInt8]) throws -> Void) async throws {
        let file = try fileSystem.open("\(directory)/\(path)")
        try DirectoryTarget.forEachPiece(of: file, size: try file.size(), body)
    }

    func remove(_ path: String) async throws { try fileSystem.remove("\(directory)/\(path)") }

    /// Calls `body` with the content of a file, a piece at a time.
    static func forEachPiece(of file: any File, size: Int, _ body: ([UInt8]) throws -> Void) throws {
        var position = 0
        while position < size {
            let piece = try file.read(at: position, count: min(pieceByteCount, size - position))
            try body(piece)
            position += piece.count
        }
    }

    private func put(_ path: String, _ write: (any File) throws -> Void) throws {
        let target = "\(directory)/\(path)"
        let folder = target.lastIndex(of: "/").map { String(target[..<$0]) } ?? directory
        try fileSystem.createDirectory(folder)
        let file = try fileSystem.create(target + ".tmp")
        try write(file)
        try file.sync()
        try fileSystem.rename(target + ".tmp", to: target)
        try fileSystem.syncDirectory(folder)
        try fileSystem.syncDirectory(directory)
    }
}
