import Glibc

/// The machine's file system.
package struct PosixFileSystem: FileSystem {
    /// The file system.
    package init() {}

    package func createDirectory(_ path: String) throws(FileError) {
        var made = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            made += "/\(part)"
            guard unsafe mkdir(made, 0o700) != 0, errno != EEXIST else { continue }
            throw FileError("create directory", made, code: errno)
        }
    }

    package func list(_ directory: String) throws(FileError) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw FileError("list", directory, code: errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package func open(_ path: String) throws(FileError) -> any File {
        try PosixFile(path, flags: O_RDONLY, operation: "open")
    }

    package func create(_ path: String) throws(FileError) -> any File {
        try PosixFile(path, flags: O_RDWR | O_CREAT | O_TRUNC, operation: "create")
    }

    package func openForWriting(_ path: String) throws(FileError) -> any File {
        try PosixFile(path, flags: O_RDWR, operation: "open")
    }

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        guard unsafe Glibc.rename(path, newPath) == 0 else { throw FileError("rename", path, code: errno) }
    }

    package func link(_ path: String, to newPath: String) throws(FileError) {
        guard unsafe Glibc.link(path, newPath) == 0 else { throw FileError("link", path, code: errno) }
    }

    package func removeDirectory(_ path: String) throws(FileError) {
        guard unsafe rmdir(path) == 0 else { throw FileError("remove directory", path, code: errno) }
    }

    package func remove(_ path: String) throws(FileError) {
        guard unsafe unlink(path) == 0 else { throw FileError("remove", path, code: errno) }
    }

    package func syncDirectory(_ path: String) throws(FileError) {
        let directory = try PosixFile(path, flags: O_RDONLY | O_DIRECTORY, operation: "open directory")
        try directory.syncAll()
    }

    package func lock(_ path: String) throws(FileError) -> (any File)? {
        let file = try PosixFile(path, flags: O_RDWR | O_CREAT, operation: "open")
        return try file.takeLock() ? file : nil
    }

    package func diskSpace(of directory: String) throws(FileError) -> DiskSpace {
        var status = statvfs()
        guard unsafe statvfs(directory, &status) == 0 else {
            throw FileError("look at the disk of", directory, code: errno)
        }
        func byteCount(_ blocks: UInt) -> Int {
            let (count, overflow) = UInt(status.f_frsize).multipliedReportingOverflow(by: blocks)
            return overflow ? .max : Int(clamping: count)
        }
        return DiskSpace(
            freeByteCount: byteCount(UInt(status.f_bavail)),
            byteCount: byteCount(UInt(status.f_blocks))
        )
    }
}

/// Paths.
enum FilePath {
    /// `path` from the root, seen from the directory that the process works in.
    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let here = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(here) }
        var rest = Substring(path)
        while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
        return unsafe "\(String(cString: here))/\(rest)"
    }
}

/// Texts of the operating system.
enum SystemText {
    /// What the system says about an error number.
    static func error(_ code: Int32) -> String {
        guard let text = unsafe strerror(code) else { return "error \(code)" }
        return unsafe String(cString: text)
    }
}
