import Foundation

/// A new folder that is removed with its content when the last reference to it goes.
///
/// With `SEXTANT_KEEP_SCRATCH=1` in the environment it stays, and its path is printed.
final class ScratchFolder: Sendable {
    /// The absolute path of the folder.
    let path: String

    /// Makes the folder among the system's temporary files.
    init(_ purpose: String) throws {
        let parent = FileManager.default.temporaryDirectory.path
        path = "\(parent)/sextant-\(purpose)-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        if ProcessInfo.processInfo.environment["SEXTANT_KEEP_SCRATCH"] == "1" {
            print("kept \(path)")
        } else {
            try? FileManager.default.removeItem(atPath: path)
        }
    }

    /// Writes a text file into the folder and returns its absolute path.
    @discardableResult
    func write(_ text: String, to name: String) throws -> String {
        let file = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: file)
        return file.path
    }

    /// The sum of the sizes of all files below `name`, in bytes; files that vanish meanwhile count nothing.
    func byteCount(below name: String) -> Int {
        let folder = "\(path)/\(name)"
        guard let files = FileManager.default.enumerator(atPath: folder) else { return 0 }
        var total = 0
        while let file = files.nextObject() as? String {
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(file)")
            guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
            total += attributes?[.size] as? Int ?? 0
        }
        return total
    }
}
