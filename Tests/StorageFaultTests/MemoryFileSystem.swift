import Foundation
import Storage
import Synchronization

/// A file system in memory that can lose what was not synced, and fail any call.
///
/// Only the catalog, which SQLite opens by itself, is a real file in the directory `root`.
final class MemoryFileSystem: FileSystem {
    /// What fails, and how.
    enum Fault: String, CaseIterable, Sendable {
        case error, diskFull, shortWrite, tooManyFiles, sync
    }

    /// One call that changes the disk or makes it durable.
    struct Call: Sendable {
        var operation: String
        var path: String
        var hasFailed = false
    }

    private struct State {
        var disk: MemoryDisk
        /// The highest number of a file.
        var lastNumber: Int
        var calls: [Call] = []
        var fault: (kind: Fault, call: Int)?
        var readingCount = 0
        var failedReading: Int?
        var hook: (@Sendable (MemoryDisk, Call) -> Void)?
    }

    /// The data directory.
    let root: String
    private let state: Mutex<State>

    /// A file system that holds `disk` below `root`.
    init(root: String, disk: MemoryDisk = MemoryDisk()) {
        self.root = root
        state = Mutex(State(disk: disk, lastNumber: disk.contents.keys.max() ?? 0))
    }

    /// What the disk holds now.
    var disk: MemoryDisk { state.withLock { $0.disk } }
    /// The calls so far.
    var calls: [Call] { state.withLock { $0.calls } }

    /// Lets call number `call` (from 0) fail, if it is of a kind that can fail so.
    func fail(_ kind: Fault, call: Int) { state.withLock { $0.fault = (kind, call) } }

    /// How many times a file was opened, measured or read, or a folder listed.
    var readingCount: Int { state.withLock { $0.readingCount } }

    /// Lets reading number `number` (from 0) fail.
    func failReading(_ number: Int) { state.withLock { $0.failedReading = number } }

    /// Sets what is run after each call.
    func afterEachCall(_ hook: @escaping @Sendable (MemoryDisk, Call) -> Void) {
        state.withLock { $0.hook = hook }
    }

    func createDirectory(_ path: String) throws(FileError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError("create directory", path, code: EIO)
        }
    }

    func list(_ directory: String) throws(FileError) -> [String] {
        try noteReading("list", directory)
        let folder = relative(directory)
        var found = state.withLock { state in
            state.disk.names.keys.filter { MemoryDisk.folder(of: $0) == folder }
                .map { String($0.dropFirst(folder.isEmpty ? 0 : folder.utf8.count + 1)) }
        }
        if folder.isEmpty, FileManager.default.fileExists(atPath: "\(root)/catalog.sqlite") {
            found.append("catalog.sqlite")
        }
        return found.sorted()
    }

    func open(_ path: String) throws(FileError) -> any File {
        try noteReading("open", path)
        let number = state.withLock { $0.disk.names[relative(path)] }
        guard let number else { throw FileError("open", path, code: ENOENT) }
        return MemoryFile(system: self, path: path, number: number)
    }

    func create(_ path: String) throws(FileError) -> any File {
        let number = try call("create", path) { state throws(FileError) in
            state.lastNumber += 1
            state.disk.contents[state.lastNumber] = MemoryDisk.Content()
            state.disk.change(.add(relative(path), state.lastNumber))
            return state.lastNumber
        }
        return MemoryFile(system: self, path: path, number: number)
    }

    func openForWriting(_ path: String) throws(FileError) -> any File {
        let number = try call("open", path) { state throws(FileError) in
            guard let number = state.disk.names[relative(path)] else {
                throw FileError("open", path, code: ENOENT)
            }
            return number
        }
        return MemoryFile(system: self, path: path, number: number)
    }

    func rename(_ path: String, to newPath: String) throws(FileError) {
        try call("rename", path) { state throws(FileError) in
            guard let number = state.disk.names[relative(path)] else {
                // A directory; its catalog is a real file.
                guard FileManager.default.fileExists(atPath: path) else {
                    throw FileError("rename", path, code: ENOENT)
                }
                do { try FileManager.default.moveItem(atPath: path, toPath: newPath) } catch {
                    throw FileError("rename", path, code: EIO)
                }
                return state.disk.change(.moveFolder(relative(path), to: relative(newPath)))
            }
            state.disk.change(.move(relative(path), to: relative(newPath), number))
        }
    }

    func remove(_ path: String) throws(FileError) {
        try call("remove", path) { state throws(FileError) in
            guard state.disk.names[relative(path)] != nil else {
                throw FileError("remove", path, code: ENOENT)
            }
            state.disk.change(.remove(relative(path)))
        }
    }

    func link(_ path: String, to newPath: String) throws(FileError) {
        try call("link", path) { state throws(FileError) in
            guard let number = state.disk.names[relative(path)] else {
                throw FileError("link", path, code: ENOENT)
            }
            state.disk.change(.add(relative(newPath), number))
        }
    }

    func removeDirectory(_ path: String) throws(FileError) {
        try call("remove directory", path) { state throws(FileError) in
            do { try FileManager.default.removeItem(atPath: path) } catch {
                throw FileError("remove directory", path, code: ENOENT)
            }
        }
    }

    func syncDirectory(_ path: String) throws(FileError) {
        try call("sync", path) { state throws(FileError) in state.disk.syncFolder(relative(path)) }
    }

    func lock(_ path: String) throws(FileError) -> (any File)? {
        MemoryFile(system: self, path: path, number: 0)
    }

    func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        DiskSpace(freeByteCount: 1 << 40, byteCount: 1 << 40)
    }

    // MARK: - For its files

    fileprivate func bytes(_ path: String, _ number: Int) throws(FileError) -> [UInt8] {
        try noteReading("read", path)
        return state.withLock { $0.disk.contents[number]?.seen ?? [] }
    }

    /// Writes at `offset`, or behind the last byte.
    fileprivate func write(
        _ bytes: [UInt8],
        at offset: Int?,
        _ path: String,
        _ number: Int
    ) throws(FileError) {
        func put(_ bytes: [UInt8], _ state: inout State) {
            let end = state.disk.contents[number]?.seen.count ?? 0
            state.disk.contents[number]?.apply(.write(bytes, at: offset ?? end))
        }
        try call("write", path, short: { put(Array(bytes.prefix(bytes.count / 2)), &$0) }) {
            state throws(FileError) in put(bytes, &state)
        }
    }

    fileprivate func sync(_ path: String, _ number: Int) throws(FileError) {
        try call("sync", path) { state throws(FileError) in state.disk.contents[number]?.sync() }
    }

    fileprivate func truncate(_ path: String, _ number: Int, to size: Int) throws(FileError) {
        try call("truncate", path) { state throws(FileError) in
            state.disk.contents[number]?.apply(.truncate(to: size))
        }
    }

    // MARK: - Private

    private func noteReading(_ operation: String, _ path: String) throws(FileError) {
        let fails = state.withLock { state in
            defer { state.readingCount += 1 }
            return state.failedReading == state.readingCount
        }
        if fails { throw FileError(operation, path, code: EIO) }
    }

    private func relative(_ path: String) -> String {
        String(path.dropFirst(root.utf8.count).drop { $0 == "/" })
    }

    private func call<Answer>(
        _ operation: String,
        _ path: String,
        short: (inout State) -> Void = { _ in },
        _ body: (inout State) throws(FileError) -> Answer
    ) throws(FileError) -> Answer {
        try state.withLock { state throws(FileError) in
            state.calls.append(Call(operation: operation, path: path))
            let last = state.calls.count - 1
            if let (kind, call) = state.fault, call == last, let code = kind.code(of: operation) {
                state.calls[last].hasFailed = true
                if kind == .shortWrite { short(&state) }
                throw FileError(operation, path, code: code)
            }
            let answer = try body(&state)
            state.hook?(state.disk, state.calls[last])
            return answer
        }
    }
}

extension MemoryFileSystem.Fault {
    /// The error number with which `operation` fails; nil if it cannot fail in this way.
    func code(of operation: String) -> Int32? {
        switch self {
        case .error: EIO
        case .diskFull: ["write", "create"].contains(operation) ? ENOSPC : nil
        case .shortWrite: operation == "write" ? ENOSPC : nil
        case .tooManyFiles: ["create", "open"].contains(operation) ? EMFILE : nil
        case .sync: operation == "sync" ? EIO : nil
        }
    }
}

/// An open file of a memory file system.
private struct MemoryFile: File {
    let system: MemoryFileSystem
    let path: String
    let number: Int

    func size() throws(FileError) -> Int { try system.bytes(path, number).count }

    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        let bytes = try system.bytes(path, number)
        guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else {
            throw FileError("read", path, code: 0)
        }
        return Array(bytes[offset..<offset + count])
    }

    func write(_ bytes: [UInt8]) throws(FileError) { try system.write(bytes, at: nil, path, number) }
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        try system.write(bytes, at: offset, path, number)
    }
    func sync() throws(FileError) { try system.sync(path, number) }
    func truncate(to size: Int) throws(FileError) { try system.truncate(path, number, to: size) }
}
