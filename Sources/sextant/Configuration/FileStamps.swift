import Glibc
import Rules

/// What files looked like when they were read, to see that they have changed.
struct FileStamps: Hashable, Sendable {
    /// What tells one content of a file from another without reading it.
    private struct Stamp: Hashable {
        var device: UInt
        var inode: UInt
        var size: Int
        var modifiedSeconds: Int
        var modifiedNanos: Int
    }

    /// The files, directories and patterns that were looked at.
    private(set) var paths: [String] = []
    private var stamps: [String: Stamp?] = [:]

    /// Stamps of no files.
    init() {}

    /// What the files at `paths` look like now; blocks while it looks.
    init(_ paths: [String]) {
        add(paths)
    }

    /// Looks at the files of more paths.
    mutating func add(_ more: [String]) {
        paths += more
        for path in more {
            // What cannot be listed is missing, which is a state like any other.
            let files = (try? RuleFiles.files(at: path)) ?? []
            for file in files { stamps[file] = FileStamps.stamp(file) }
            if files.isEmpty { stamps[path] = .some(nil) }
        }
    }

    /// What the same paths look like now.
    func taken() -> FileStamps { FileStamps(paths) }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: UInt(status.st_dev),
            inode: UInt(status.st_ino),
            size: Int(status.st_size),
            modifiedSeconds: Int(status.st_mtim.tv_sec),
            modifiedNanos: Int(status.st_mtim.tv_nsec)
        )
    }
}
