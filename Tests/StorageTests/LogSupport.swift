import Foundation
import Logging
import Model
import Synchronization
import Telemetry
import Testing

@testable import Storage

/// A file system that counts calls, fails some of them on purpose, and can hold up syncs.
final class WatchedFileSystem: FileSystem {
    enum Call: Hashable { case create, open, write, sync, truncate, rename, remove }

    private struct State {
        var counts: [Call: Int] = [:]
        var syncedPaths: [String] = []
        var failures: [(call: Call, nth: Int, isLasting: Bool, code: Int32)] = []
        var space: DiskSpace?
        var readAheads: [(path: String, bytes: Range<Int>)] = []
    }

    private let state = Mutex(State())
    private let gate = DispatchSemaphore(value: 0)
    private let isHoldingSyncs = Mutex(false)
    private let base = PosixFileSystem()

    /// Makes the next call of this kind fail, or the one `skipping` calls later; all after it too if it
    /// lasts.
    func fail(_ call: Call, skipping: Int = 0, code: Int32 = EIO, lasting: Bool = false) {
        state.withLock { $0.failures.append((call, $0.counts[call, default: 0] + skipping, lasting, code)) }
    }

    func heal() { state.withLock { $0.failures = [] } }
    func count(_ call: Call) -> Int { state.withLock { $0.counts[call, default: 0] } }
    /// The last parts of the paths that were synced, in order.
    var syncedNames: [String] {
        state.withLock { $0.syncedPaths.map { String($0.split(separator: "/").last ?? "") } }
    }
    func setSpace(_ space: DiskSpace?) { state.withLock { $0.space = space } }

    /// Syncs wait from now on; each `letSyncsGo` ends that.
    func holdSyncs() { isHoldingSyncs.withLock { $0 = true } }
    func letSyncsGo() {
        isHoldingSyncs.withLock { $0 = false }
        gate.signal()
    }

    /// What was read ahead: files and the bytes of them, in order.
    var readAheads: [(path: String, bytes: Range<Int>)] { state.withLock { $0.readAheads } }

    fileprivate func noteReadAhead(_ path: String, _ bytes: Range<Int>) {
        state.withLock { $0.readAheads.append((path, bytes)) }
    }

    fileprivate func note(_ call: Call, _ path: String) throws(FileError) {
        if call == .sync, isHoldingSyncs.withLock({ $0 }) { gate.wait() }
        let code = state.withLock { state -> Int32? in
            let number = state.counts[call, default: 0]
            state.counts[call] = number + 1
            if call == .sync { state.syncedPaths.append(path) }
            return state.failures.first {
                $0.call == call && ($0.nth == number || ($0.isLasting && number > $0.nth))
            }?.code
        }
        if let code { throw FileError("\(call)", path, code: code) }
    }

    func link(_ path: String, to newPath: String) throws(FileError) { try base.link(path, to: newPath) }
    func removeDirectory(_ path: String) throws(FileError) { try base.removeDirectory(path) }
    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func open(_ path: String) throws(FileError) -> any File {
        WatchedFile(file: try base.open(path), path: path, system: self)
    }
    func lock(_ path: String) throws(FileError) -> (any File)? { try base.lock(path) }
    func create(_ path: String) throws(FileError) -> any File {
        try note(.create, path)
        return WatchedFile(file: try base.create(path), path: path, system: self)
    }
    func openForWriting(_ path: String) throws(FileError) -> any File {
        try note(.open, path)
        return WatchedFile(file: try base.openForWriting(path), path: path, system: self)
    }
    func rename(_ path: String, to newPath: String) throws(FileError) {
        try note(.rename, path)
        try base.rename(path, to: newPath)
    }
    func remove(_ path: String) throws(FileError) {
        try note(.remove, path)
        try base.remove(path)
    }
    func syncDirectory(_ path: String) throws(FileError) {
        try note(.sync, path)
        try base.syncDirectory(path)
    }
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        if let space = state.withLock({ $0.space }) { return space }
        return try base.diskSpace(of: directory)
    }
}

private struct WatchedFile: File {
    let file: any File
    let path: String
    let system: WatchedFileSystem

    func size() throws(FileError) -> Int { try file.size() }
    func readAhead(at offset: Int, count: Int) {
        system.noteReadAhead(path, offset..<offset + count)
        file.readAhead(at: offset, count: count)
    }
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        try file.read(at: offset, count: count)
    }
    func truncate(to size: Int) throws(FileError) {
        try system.note(.truncate, path)
        try file.truncate(to: size)
    }
    func write(_ bytes: [UInt8]) throws(FileError) {
        try system.note(.write, path)
        try file.write(bytes)
    }
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        do throws(FileError) {
            try system.note(.write, path)
        } catch {
            // A failed write may have taken a part of the bytes.
            try file.write(Array(bytes.prefix(bytes.count / 2)), at: offset)
            throw error
        }
        try file.write(bytes, at: offset)
    }
    func sync() throws(FileError) {
        try system.note(.sync, path)
        try file.sync()
    }
}

/// A log in a folder of its own, with what tests do to it.
struct LogBench {
    let folder: TemporaryFolder
    let files = WatchedFileSystem()
    let options: StoreOptions
    let telemetry: StorageTelemetry
    let log: Log

    init(
        _ folder: TemporaryFolder? = nil,
        firstNumber: UInt64 = 1,
        _ change: (inout StoreOptions) -> Void = { _ in }
    ) throws {
        self.folder = try folder ?? TemporaryFolder()
        var options = StoreOptions(now: { Timestamp(millis: 0) })
        options.retryMillis = 0
        options.diskReserveBytes = 0
        options.fileSystem = files
        change(&options)
        self.options = options
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        telemetry = StorageTelemetry(Registry(), logger: logger)
        log = Log(
            directory: self.folder.path,
            firstNumber: firstNumber,
            existing: [:],
            options: options,
            telemetry: telemetry
        )
    }

    /// Makes a record of `sampleCount` samples of the value `value`; returns what waits for it.
    func begin(_ value: Int, sampleCount: Int = 1) throws -> LogCommit {
        let epoch = try log.beginWrite()
        return try #require(log.append(LogBench.content(value, sampleCount: sampleCount), epoch: epoch))
    }

    /// Makes such a record durable.
    func write(_ value: Int, sampleCount: Int = 1) async throws {
        try await begin(value, sampleCount: sampleCount).wait()
    }

    /// What a daemon that starts now would find: the values of the records of all files, each once per
    /// record, and the reports.
    func read() throws -> (values: [Int], reports: [LogFileReport]) {
        var values: [Int] = []
        var reports: [LogFileReport] = []
        for number in try numbers() {
            let path = "\(folder.path)/\(LogFile.name(number))"
            var defined: Set<UInt32> = []
            reports.append(
                try LogFile.read(path: path, number: number, fileSystem: PosixFileSystem()) { record in
                    switch record {
                    case .definitions(let found): defined.formUnion(found.entries.map(\.series))
                    case .write(let write):
                        #expect(defined.isSuperset(of: write.series))
                        #expect(Set(write.values).count == 1)
                        values.append(Int(write.values[0]))
                    case .metadata: break
                    }
                }
            )
        }
        return (values, reports)
    }

    func numbers() throws -> [UInt64] {
        try PosixFileSystem().list(folder.path).compactMap(LogFile.number(ofName:))
    }

    /// A record of one series; each defines it, so that it can be read by itself.
    static func content(_ value: Int, sampleCount: Int = 1) -> LogContent {
        let builder = LogRecordBuilder()
        let labels = Labels(["__name__": "m"]).packed
        unsafe labels.withUnsafeBytes { unsafe builder.define(1, packed: $0) }
        for step in 0..<sampleCount {
            builder.append(1, millis: Int64(step * step), bits: Double(value).bitPattern)
        }
        return builder.finish(sequence: UInt64(value))
    }
}
