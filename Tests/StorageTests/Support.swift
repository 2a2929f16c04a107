import Foundation
import Logging
import Model
import Synchronization
import Telemetry

@testable import Storage

/// A small random generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// A clock that stands still until it is set.
final class TestClock: Sendable {
    private let millis: Mutex<Int64>

    init(_ millis: Int64) {
        self.millis = Mutex(millis)
    }

    var now: Timestamp {
        get { Timestamp(millis: millis.withLock { $0 }) }
        set { millis.withLock { $0 = newValue.millis } }
    }

    func advance(byMillis step: Int64) {
        millis.withLock { $0 += step }
    }
}

/// A folder of its own for a test; all of them go away when the test process ends.
final class TemporaryFolder: Sendable {
    private static let parent: String = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("sextant-tests-\(getpid())")
            .path
        atexit { do { try FileManager.default.removeItem(atPath: TemporaryFolder.parent) } catch {} }
        return path
    }()

    let path: String

    init() throws {
        path = "\(TemporaryFolder.parent)/\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// A copy of the folder as it is now: what a killed daemon would leave.
    func copy() throws -> TemporaryFolder {
        let copy = try TemporaryFolder()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        return copy
    }

    func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(path)/\(folder)").sorted()
    }
}

/// A file system whose writes and syncs fail when told to.
final class FailingFileSystem: FileSystem {
    enum Operation { case write, sync }

    private let failing = Mutex<(operation: Operation, code: Int32)?>(nil)
    private let base = PosixFileSystem()

    func fail(_ operation: Operation?, code: Int32 = ENOSPC) {
        failing.withLock { $0 = operation.map { ($0, code) } }
    }

    func check(_ operation: Operation, _ path: String) throws(FileError) {
        let code = failing.withLock { $0?.operation == operation ? $0?.code : nil }
        if let code { throw FileError("\(operation)", path, code: code) }
    }

    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func open(_ path: String) throws(FileError) -> any File { try base.open(path) }
    func rename(_ path: String, to newPath: String) throws(FileError) { try base.rename(path, to: newPath) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func link(_ path: String, to newPath: String) throws(FileError) { try base.link(path, to: newPath) }
    func removeDirectory(_ path: String) throws(FileError) { try base.removeDirectory(path) }
    func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
    func lock(_ path: String) throws(FileError) -> (any File)? { try base.lock(path) }
    func create(_ path: String) throws(FileError) -> any File {
        FailingFile(file: try base.create(path), path: path, system: self)
    }
    func openForWriting(_ path: String) throws(FileError) -> any File {
        FailingFile(file: try base.openForWriting(path), path: path, system: self)
    }
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        try base.diskSpace(of: directory)
    }
}

private struct FailingFile: File {
    let file: any File
    let path: String
    let system: FailingFileSystem

    func size() throws(FileError) -> Int { try file.size() }
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        try file.read(at: offset, count: count)
    }
    func truncate(to size: Int) throws(FileError) { try file.truncate(to: size) }
    func write(_ bytes: [UInt8]) throws(FileError) {
        do throws(FileError) {
            try system.check(.write, path)
        } catch {
            // A full disk takes the first part.
            try file.write(Array(bytes.prefix(bytes.count / 2)))
            throw error
        }
        try file.write(bytes)
    }
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        do throws(FileError) {
            try system.check(.write, path)
        } catch {
            try file.write(Array(bytes.prefix(bytes.count / 2)), at: offset)
            throw error
        }
        try file.write(bytes, at: offset)
    }
    func sync() throws(FileError) {
        try system.check(.sync, path)
        try file.sync()
    }
}

extension Store {
    /// Opens a store for a test.
    static func open(
        _ folder: TemporaryFolder,
        _ clock: TestClock,
        _ change: (inout StoreOptions) -> Void = { _ in }
    ) throws -> Store {
        var options = StoreOptions(now: { clock.now })
        options.durability = .os
        // Merges happen when a test asks for them.
        options.mergesInBackground = false
        options.diskReserveBytes = 0
        change(&options)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try Store(directory: folder.path, options: options, registry: Registry(), logger: logger)
    }

    /// Everything that matches, by labels.
    func read(_ matchers: [Matcher] = [], _ range: TimeRange = .all) throws -> [Labels: SampleColumn] {
        let set = try select(SelectRequest(matchers: matchers, range: range), budget: .unlimited())
        var result: [Labels: SampleColumn] = [:]
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            result[set.labels(at: index)] = column
        }
        return result
    }
}

extension SampleColumn {
    /// The samples by time, values as bit patterns.
    var bits: [Int64: UInt64] {
        Dictionary(uniqueKeysWithValues: zip(timestamps, values.map(\.bitPattern)))
    }
}
