import Model
import Testing

@testable import Storage

@Suite("The reserve on the disk")
struct LogReserveTests {
    @Test("below the reserve writes are refused with both figures, and go on by themselves")
    func reserve() async throws {
        let bench = try LogBench { $0.diskReserveBytes = 1000 }
        bench.files.setSpace(DiskSpace(freeByteCount: 1000, byteCount: 1 << 30))
        try await bench.write(1)
        bench.files.setSpace(DiskSpace(freeByteCount: 999, byteCount: 1 << 30))
        // The disk is looked at once a second.
        try await Task.sleep(for: .milliseconds(1100))
        let error = #expect(throws: SinkError.self) { _ = try bench.log.beginWrite() }
        #expect(error?.description.contains("999 bytes free") == true)
        #expect(error?.description.contains("reserve of 1000 bytes") == true)
        #expect(bench.telemetry.logReserveRefusals.value == 1)
        bench.files.setSpace(DiskSpace(freeByteCount: 1000, byteCount: 1 << 30))
        try await Task.sleep(for: .milliseconds(1100))
        try await bench.write(2)
        #expect(try bench.read().values == [1, 2])
    }

    @Test("by itself the reserve is 1 % of the disk, but 64 MiB at least")
    func size() throws {
        let files = WatchedFileSystem()
        func isRefused(free: Int, of size: Int) throws -> Bool {
            var reserve = DiskReserve(byteCount: nil, directory: ".", fileSystem: files)
            files.setSpace(DiskSpace(freeByteCount: free, byteCount: size))
            return try reserve.refusal(at: .now) != nil
        }
        #expect(try isRefused(free: 64 << 20 - 1, of: 1 << 30))
        #expect(try !isRefused(free: 64 << 20, of: 1 << 30))
        #expect(try isRefused(free: 999_999_999, of: 100_000_000_000))
        #expect(try !isRefused(free: 1_000_000_000, of: 100_000_000_000))
        #expect(try isRefused(free: 0, of: 0))
    }

    @Test("the disk is looked at again after a second, or after much was written")
    func looks() throws {
        let files = WatchedFileSystem()
        var reserve = DiskReserve(byteCount: 10, directory: ".", fileSystem: files)
        let start = ContinuousClock.now
        files.setSpace(DiskSpace(freeByteCount: 10, byteCount: 100))
        #expect(try reserve.refusal(at: start) == nil)
        files.setSpace(DiskSpace(freeByteCount: 9, byteCount: 100))
        #expect(try reserve.refusal(at: start.advanced(by: .milliseconds(999))) == nil)
        #expect(try reserve.refusal(at: start.advanced(by: .milliseconds(1000))) != nil)
        files.setSpace(DiskSpace(freeByteCount: 10, byteCount: 100))
        reserve.note(writtenByteCount: 16 << 20 - 1)
        #expect(try reserve.refusal(at: start.advanced(by: .milliseconds(1001))) != nil)
        reserve.note(writtenByteCount: 1)
        #expect(try reserve.refusal(at: start.advanced(by: .milliseconds(1001))) == nil)
    }

    @Test("a disk that cannot be looked at refuses nothing")
    func failedLook() async throws {
        let bench = try LogBench(try TemporaryFolder()) { $0.fileSystem = BlindFileSystem() }
        _ = try bench.log.beginWrite()
        #expect(bench.telemetry.fileErrors.value == 1)
    }
}

/// A file system that does not say how much room there is.
private struct BlindFileSystem: FileSystem {
    private let base = PosixFileSystem()

    func createDirectory(_ path: String) throws(FileError) { try base.createDirectory(path) }
    func list(_ directory: String) throws(FileError) -> [String] { try base.list(directory) }
    func open(_ path: String) throws(FileError) -> any File { try base.open(path) }
    func create(_ path: String) throws(FileError) -> any File { try base.create(path) }
    func openForWriting(_ path: String) throws(FileError) -> any File { try base.openForWriting(path) }
    func rename(_ path: String, to newPath: String) throws(FileError) { try base.rename(path, to: newPath) }
    func remove(_ path: String) throws(FileError) { try base.remove(path) }
    func link(_ path: String, to newPath: String) throws(FileError) { try base.link(path, to: newPath) }
    func removeDirectory(_ path: String) throws(FileError) { try base.removeDirectory(path) }
    func syncDirectory(_ path: String) throws(FileError) { try base.syncDirectory(path) }
    func lock(_ path: String) throws(FileError) -> (any File)? { try base.lock(path) }
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        throw FileError("look at the disk of", directory, code: 5)
    }
}
