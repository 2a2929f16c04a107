import Foundation
import Model

/// The samples of a store: bit patterns by series and time.
typealias Samples = [Labels: [Int64: UInt64]]

/// How much the tests of this target do.
enum Lane {
    /// Whether they run for hours, to find what is rare.
    static let isSoak = ProcessInfo.processInfo.environment["SEXTANT_SOAK"] == "1"

    /// The seed in `SEXTANT_SEED`, or a new one; a test prints it so that its run can be repeated.
    static let seed =
        ProcessInfo.processInfo.environment["SEXTANT_SEED"].flatMap(UInt64.init) ?? .random(in: 1...(1 << 53))

    /// `usual`, or in the long lane `soak`.
    static func count(_ usual: Int, soak: Int) -> Int { isSoak ? soak : usual }
}

/// A folder in memory if the machine has one; removed with its last reference.
final class ScratchFolder: Sendable {
    let path: String

    init() throws {
        let memory = "/dev/shm"
        let hasMemory = FileManager.default.isWritableFile(atPath: memory)
        path = "\(hasMemory ? memory : NSTemporaryDirectory())/sextant-faults-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(atPath: path) } catch {}
    }
}

/// The catalog's files, as they are at one moment.
struct CatalogPicture: Sendable {
    /// The bytes by the name of the file.
    var files: [String: Data] = [:]

    /// The catalog in `directory`.
    init(of directory: String) {
        for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
            files[name] = FileManager.default.contents(atPath: "\(directory)/\(name)")
        }
    }

    /// Puts the files into another directory.
    func restore(to directory: String) throws {
        for (name, bytes) in files { try bytes.write(to: URL(fileURLWithPath: "\(directory)/\(name)")) }
    }
}

/// A store's files and catalog at one moment.
struct StorePicture: Sendable {
    var disk: MemoryDisk
    var catalog: CatalogPicture

    /// The files as they are after a loss of power.
    func crashed(seed: UInt64, blockByteCount: Int) -> StorePicture {
        var picture = self
        picture.disk = disk.crashed(seed: seed, blockByteCount: blockByteCount)
        return picture
    }

    /// Puts everything into a new folder; the folder lasts as long as it is held.
    func restored() throws -> (folder: ScratchFolder, files: MemoryFileSystem) {
        let folder = try ScratchFolder()
        try catalog.restore(to: folder.path)
        return (folder, MemoryFileSystem(root: folder.path, disk: disk))
    }
}
