import Glibc

/// Reads the small files that the kernel makes up on the spot.
enum ProcFile {
    /// The text of the file at `path`, or nil if it cannot be read; at most 64 KiB of it.
    static func read(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < 64 << 10 {
            var count = 0
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, used in
                count = unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                used = max(0, count)
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The number of entries of the directory at `path`, `.` and `..` not counted, or nil if it cannot be
    /// read.
    static func entryCount(_ path: String) -> Int? {
        guard let directory = unsafe opendir(path) else { return nil }
        defer { unsafe closedir(directory) }
        var count = 0
        while unsafe readdir(directory) != nil { count += 1 }
        return max(0, count - 2)
    }
}
