import Foundation
import Storage
import Synchronization
import Testing

@testable import sextant

@Suite struct BackupTests {
    private let folder: TestFolder
    private var source: String { "\(folder.path)/source" }
    private var target: String { "\(folder.path)/target" }

    init() throws {
        folder = try TestFolder()
        try folder.write("catalog", to: "source/catalog.sqlite")
        try folder.write(String(repeating: "segment one", count: 1000), to: "source/segments/1.seg")
        try folder.write("segment two", to: "source/segments/2.seg")
        try folder.write("", to: "source/kpi/versions.json")
    }

    private func backup(_ files: any FileSystem = PosixFileSystem()) -> Backup {
        Backup(target: DirectoryTarget(target, fileSystem: files), fileSystem: files)
    }

    private func make(_ name: String, _ files: any FileSystem = PosixFileSystem()) async throws
        -> Backup.Outcome
    {
        try await backup(files).make(source, name: name, time: "20261130T080000Z", sequence: 5)
    }

    private func content(_ directory: String) throws -> [String: Data] {
        var found: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: directory) {
            var isFolder: ObjCBool = false
            _ = unsafe FileManager.default.fileExists(atPath: "\(directory)/\(path)", isDirectory: &isFolder)
            if !isFolder.boolValue {
                found[path] = FileManager.default.contents(atPath: "\(directory)/\(path)")
            }
        }
        return found
    }

    @Test("A backup comes back as it was, and a second one copies only what is new")
    func roundTrip() async throws {
        let first = try await make("1")
        #expect(first.fileCount == 4 && first.copiedFileCount == 4)
        let before = try content(source)
        try folder.write("segment three", to: "source/segments/3.seg")
        try folder.remove("source/segments/2.seg")
        let second = try await make("2")
        #expect(second.fileCount == 4 && second.copiedFileCount == 1 && second.copiedByteCount == 13)
        let manifest = try await backup().restore("1", to: "\(folder.path)/a/first/")
        #expect(manifest.sequence == 5 && manifest.name == "1")
        #expect(try content("\(folder.path)/a/first") == before)
        try FileManager.default.createDirectory(atPath: "\(folder.path)/b", withIntermediateDirectories: true)
        _ = try await backup().restore(nil, to: "\(folder.path)/b")
        #expect(try content("\(folder.path)/b") == content(source))
        await #expect(throws: FileError.self) { _ = try await backup().restore(nil, to: "\(folder.path)/b") }
        let failure = await #expect(throws: BackupError.self) {
            _ = try await backup().restore("3", to: "\(folder.path)/c")
        }
        #expect(failure?.description == "there is no backup 3; there are: 1, 2")
    }

    @Test("A segment that the newest backup has is known by its size and time, and read if either differs")
    func unread() async throws {
        let whole = try await make("1").byteCount
        #expect(try await make("2").readByteCount == 7)
        #expect(try await make("2").copiedFileCount == 0)
        // A content of the same size, put there later.
        try folder.write("segment TWO", to: "source/segments/2.seg")
        let third = try await make("3")
        #expect(third.readByteCount == 7 + 11 && third.copiedFileCount == 1)
        let all = try await backup().make(source, name: "4", time: "", sequence: nil, readsAll: true)
        #expect(all.readByteCount == whole)
        // Without the newest manifest, or with one that is damaged, everything is read.
        try folder.write("{", to: "target/manifests/5.json")
        #expect(try await make("6").readByteCount == whole)
        _ = try await backup().restore("4", to: "\(folder.path)/out")
        #expect(try content("\(folder.path)/out") == content(source))
    }

    @Test("What is damaged in a backup, or not there, is not restored")
    func damage() async throws {
        _ = try await make("1")
        for file in try await backup().manifest("1").files {
            let path = "\(target)/files/\(file.sha256)"
            let whole = try #require(FileManager.default.contents(atPath: path))
            for damaged in [
                whole + Data([0]), whole.isEmpty ? Data([1]) : Data([whole[0] ^ 1]) + whole[1...],
            ] {
                try damaged.write(to: URL(fileURLWithPath: path))
                let failure = await #expect(throws: BackupError.self) {
                    _ = try await backup().restore(nil, to: "\(folder.path)/out")
                }
                #expect(failure?.description.contains(file.path) == true)
                #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/out"))
            }
            try FileManager.default.removeItem(atPath: path)
            await #expect(throws: FileError.self) {
                _ = try await backup().restore(nil, to: "\(folder.path)/out")
            }
            try whole.write(to: URL(fileURLWithPath: path))
        }
        _ = try await backup().restore(nil, to: "\(folder.path)/out")
        #expect(try content("\(folder.path)/out") == content(source))
    }

    @Test(
        "A manifest with a path that leads elsewhere, of another format or without sense is refused",
        arguments: [
            (1, "../x"), (1, "/etc/x"), (1, "a//b"), (1, "a/./b"), (1, ""), (2, "segments/1.seg"),
        ]
    )
    func foreign(format: Int, path: String) {
        let hash = String(repeating: "0", count: 64)
        let text = """
            {"format": \(format), "name": "1", "time": "", "files":
              [{"path": "\(path)", "size": 1, "sha256": "\(hash)"}]}
            """
        #expect(throws: BackupError.self) { _ = try BackupManifest(Array(text.utf8), name: "1") }
        #expect(throws: BackupError.self) { _ = try BackupManifest(Array("{".utf8), name: "1") }
    }

    @Test("Only the newest are kept, and of the contents those that they need")
    func pruning() async throws {
        for number in 1...4 {
            try folder.write("segment \(number)", to: "source/segments/2.seg")
            _ = try await make("\(number)")
        }
        #expect(try await backup().keep(newest: 2) == 2)
        #expect(try await backup().keep(newest: 2) == 0)
        #expect(try await backup().names() == ["3", "4"])
        #expect(try await DirectoryTarget(target).list("files").count == 5)
        _ = try await backup().restore("3", to: "\(folder.path)/out")
        #expect(try content("\(folder.path)/out")["segments/2.seg"] == Data("segment 3".utf8))
    }

    @Test("Whichever call fails, earlier backups stay whole, and a later one succeeds")
    func everyCall() async throws {
        _ = try await make("1")
        let before = try content(source)
        try folder.write("segment four", to: "source/segments/4.seg")
        var number = 0
        while true {
            let files = StumblingFileSystem(at: number)
            var hasFailed = false
            do { _ = try await make("2", files) } catch { hasFailed = true }
            try? FileManager.default.removeItem(atPath: "\(folder.path)/out")
            _ = try await backup().restore("1", to: "\(folder.path)/out")
            #expect(try content("\(folder.path)/out") == before, "call \(number)")
            if !hasFailed { break }
            number += 1
        }
        #expect(number > 20)
        try FileManager.default.removeItem(atPath: "\(folder.path)/out")
        _ = try await backup().restore("2", to: "\(folder.path)/out")
        #expect(try content("\(folder.path)/out") == content(source))
    }

    @Test("Names of snapshots are those of Prometheus")
    func names() throws {
        let name = SnapshotName.make()
        #expect(try name.wholeMatch(of: Regex("[0-9]{8}T[0-9]{6}Z-[0-9a-f]{16}")) != nil)
        #expect(SnapshotName.time(of: "20261130T080000Z-00f1e2d3c4b5a697") == "20261130T080000Z")
        // The newest is told by its name, also among those of one second.
        let names = (0..<100).map { _ in SnapshotName.make() }
        #expect(names == names.sorted() && Set(names).count == names.count)
    }
}

/// A file system of which one call fails.
private final class StumblingFileSystem: FileSystem {
    private let base = PosixFileSystem()
    private let left: Mutex<Int>

    init(at number: Int) { left = Mutex(number) }

    func step(_ path: String) throws(FileError) {
        let fails = left.withLock { left in
            left -= 1
            return left == -1
        }
        if fails { throw FileError("use", path, code: 5) }
    }

    func createDirectory(_ path: String) throws(FileError) {
        try step(path)
        try base.createDirectory(path)
    }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func open(_ path: String) throws(FileError) -> any File {
        try step(path)
        return StumblingFile(file: try base.open(path), path: path, system: self)
    }
    func create(_ path: String) throws(FileError) -> any File {
        try step(path)
        return StumblingFile(file: try base.create(path), path: path, system: self)
    }
    func openForWriting(_ path: String) throws(FileError) -> any File { try base.openForWriting(path) }
    func rename(_ path: String, to newPath: String) throws(FileError) {
        try step(path)
        try base.rename(path, to: newPath)
    }
    func link(_ path: String, to newPath: String) throws(FileError) { try base.link(path, to: newPath) }
    func removeDirectory(_ path: String) throws(FileError) { try base.removeDirectory(path) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func syncDirectory(_ path: String) throws(FileError) {
        try step(path)
        try base.syncDirectory(path)
    }
    func lock(_ path: String) throws(FileError) -> (any File)? { try base.lock(path) }
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        try base.diskSpace(of: directory)
    }
}

private struct StumblingFile: File {
    let file: any File
    let path: String
    let system: StumblingFileSystem

    func size() throws(FileError) -> Int { try file.size() }
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        try system.step(path)
        return try file.read(at: offset, count: count)
    }
    func write(_ bytes: [UInt8]) throws(FileError) {
        try system.step(path)
        try file.write(bytes)
    }
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) { try file.write(bytes, at: offset) }
    func sync() throws(FileError) {
        try system.step(path)
        try file.sync()
    }
    func truncate(to size: Int) throws(FileError) { try file.truncate(to: size) }
}
