import Glibc

/// A file descriptor.
final class PosixFile: File {
    /// How many bytes are asked for at once ahead of their use.
    private static let readAheadByteCount = 128 << 10

    private let path: String
    private let descriptor: Int32

    /// Opens the file with flags such as `O_RDONLY`; one that is made is readable by the owner only.
    init(_ path: String, flags: Int32, operation: String) throws(FileError) {
        self.path = path
        var opened: Int32
        repeat {
            opened = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
        } while opened < 0 && errno == EINTR
        descriptor = opened
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

    func modificationNanos() throws(FileError) -> Int64? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw FileError("stat", path, code: errno) }
        let (nanos, overflow) = Int64(status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isTooLarge) = nanos.addingReportingOverflow(Int64(status.st_mtim.tv_nsec))
        return overflow || isTooLarge ? nil : sum
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

    func readAhead(at offset: Int, count: Int) {
        // The system takes as much at a time as the device does.
        for start in stride(from: offset, to: offset + count, by: PosixFile.readAheadByteCount) {
            let part = min(PosixFile.readAheadByteCount, offset + count - start)
            // It is advice: what is not read now is read when it is wanted.
            _ = posix_fadvise(descriptor, off_t(start), off_t(part), POSIX_FADV_WILLNEED)
        }
    }

    func write(_ bytes: [UInt8]) throws(FileError) {
        try unsafe write(bytes) { address, count, _ in unsafe Glibc.write(self.descriptor, address, count) }
    }

    func write(_ bytes: [UInt8], at offset: Int) throws(FileError) {
        try unsafe write(bytes) { address, count, written in
            unsafe pwrite(self.descriptor, address, count, off_t(offset + written))
        }
    }

    func sync() throws(FileError) {
        // An interrupted wait has told nothing yet about the pages; a failed sync is never tried again.
        while fdatasync(descriptor) != 0 {
            if errno != EINTR { throw FileError("sync", path, code: errno) }
        }
    }

    /// Makes the file and what is known about it durable (fsync).
    func syncAll() throws(FileError) {
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw FileError("sync", path, code: errno) }
        }
    }

    func truncate(to size: Int) throws(FileError) {
        guard ftruncate(descriptor, off_t(size)) == 0, lseek(descriptor, off_t(size), SEEK_SET) >= 0 else {
            throw FileError("truncate", path, code: errno)
        }
    }

    /// Takes the exclusive lock on the file; false if another process has it.
    func takeLock() throws(FileError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        if errno == EWOULDBLOCK { return false }
        throw FileError("lock", path, code: errno)
    }

    /// Calls `put` (address, count, how many bytes were written before) until all of `bytes` are written.
    private func write(
        _ bytes: [UInt8],
        _ put: (UnsafeRawPointer, _ count: Int, _ written: Int) -> Int
    ) throws(FileError) {
        var written = 0
        var failure: FileError?
        unsafe bytes.withUnsafeBytes { buffer in
            guard let address = buffer.baseAddress else { return }
            while written < buffer.count {
                let count = unsafe put(address + written, buffer.count - written, written)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    failure = FileError("write", path, code: count < 0 ? errno : ENOSPC)
                    return
                }
                written += count
            }
        }
        if let failure { throw failure }
    }
}
