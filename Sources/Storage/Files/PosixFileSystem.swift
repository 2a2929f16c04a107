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

    package func rename(_ path: String, to newPath: String) throws(FileError) {
        guard unsafe Glibc.rename(path, newPath) == 0 else { throw FileError("rename", path, code: errno) }
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
}

/// A file descriptor.
private final class PosixFile: File {
    private let path: String
    private let descriptor: Int32

    init(_ path: String, flags: Int32, operation: String) throws(FileError) {
        self.path = path
        descriptor = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileError(operation, path, code: errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func size() throws(FileError) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw FileError("stat", path, code: errno) }
        return Int(status.st_size)
    }

    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = unsafe pread(
                    descriptor,
                    UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                        .baseAddress,
                    count - filled,
                    off_t(offset + filled)
                )
                if got < 0 && errno == EINTR { continue }
                guard got > 0 else {
                    failure = FileError("read", path, code: got < 0 ? errno : 0)
                    return
                }
                filled += got
            }
        }
        if let failure { throw failure }
        return bytes
    }

    func write(_ bytes: [UInt8]) throws(FileError) {
        var written = 0
        var failure: FileError?
        unsafe bytes.withUnsafeBytes { buffer in
            while written < buffer.count {
                let put = unsafe Glibc.write(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: buffer[written...]).baseAddress,
                    buffer.count - written
                )
                if put < 0 && errno == EINTR { continue }
                guard put > 0 else {
                    failure = FileError("write", path, code: put < 0 ? errno : ENOSPC)
                    return
                }
                written += put
            }
        }
        if let failure { throw failure }
    }

    func sync() throws(FileError) {
        guard fdatasync(descriptor) == 0 else { throw FileError("sync", path, code: errno) }
    }

    func syncAll() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw FileError("sync", path, code: errno) }
    }

    func truncate(to size: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0, lseek(descriptor, off_t(size), SEEK_SET) >= 0 else {
            throw FileError("truncate", path, code: errno)
        }
    }

    func takeLock() throws(FileError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw FileError("lock", path, code: errno)
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
