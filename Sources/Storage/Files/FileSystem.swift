/// What the store asks of a file system; the only way in which it touches files.
///
/// `PosixFileSystem` is the real one; tests put one in its place that fails or loses unsynced data on
/// purpose.
package protocol FileSystem: Sendable {
    /// Makes the directory and its parents, readable by the owner only; fine if it exists.
    func createDirectory(_ path: String) throws(FileError)
    /// The names in a directory, sorted.
    func list(_ directory: String) throws(FileError) -> [String]
    /// Opens a file for reading.
    func open(_ path: String) throws(FileError) -> any File
    /// Makes a new empty file for writing, replacing one that exists.
    func create(_ path: String) throws(FileError) -> any File
    /// Opens a file that exists for writing; what it holds stays until it is overwritten.
    func openForWriting(_ path: String) throws(FileError) -> any File
    /// Gives a file another name, replacing what had it, or a directory one that is free.
    func rename(_ path: String, to newPath: String) throws(FileError)
    /// Gives a file a second name, which must be free.
    func link(_ path: String, to newPath: String) throws(FileError)
    /// Deletes an empty directory.
    func removeDirectory(_ path: String) throws(FileError)
    /// Deletes a file.
    func remove(_ path: String) throws(FileError)
    /// Makes creations, renames and removals in the directory durable.
    func syncDirectory(_ path: String) throws(FileError)
    /// Takes an exclusive lock on the file, made if it is missing; nil if another process has it.
    func lock(_ path: String) throws(FileError) -> (any File)?
    /// How much room the disk that holds `directory` has.
    func diskSpace(of directory: String) throws(FileError) -> DiskSpace
}

/// How much room a disk has.
package struct DiskSpace: Hashable, Sendable {
    /// What this process may still write, in bytes.
    package var freeByteCount: Int
    /// The size of the disk in bytes.
    package var byteCount: Int

    /// A disk of `byteCount` bytes with `freeByteCount` bytes free.
    package init(freeByteCount: Int, byteCount: Int) {
        self.freeByteCount = freeByteCount
        self.byteCount = byteCount
    }
}

/// An open file.
///
/// Closed when the last reference goes.
package protocol File: Sendable {
    /// The file's size in bytes.
    func size() throws(FileError) -> Int
    /// When its content was changed last, in nanoseconds since the epoch; nil if that is not known.
    func modificationNanos() throws(FileError) -> Int64?
    /// Reads exactly `count` bytes from `offset`; fewer is an error.
    func read(at offset: Int, count: Int) throws(FileError) -> [UInt8]
    /// Has the system read `count` bytes from `offset` into its memory, while the caller goes on; those who
    /// cannot do that need not.
    func readAhead(at offset: Int, count: Int)
    /// Writes all of `bytes` behind what this file object has written, at first at the file's start.
    func write(_ bytes: [UInt8]) throws(FileError)
    /// Writes all of `bytes` at `offset`, over what is there; not to be mixed with `write(_:)`.
    func write(_ bytes: [UInt8], at offset: Int) throws(FileError)
    /// Makes what was written durable (fdatasync).
    func sync() throws(FileError)
    /// Cuts the file to `size` bytes.
    func truncate(to size: Int) throws(FileError)
}

extension File {
    package func modificationNanos() throws(FileError) -> Int64? { nil }
    package func readAhead(at offset: Int, count: Int) {}
}

/// Why a file operation failed.
package struct FileError: Error, Hashable, CustomStringConvertible {
    /// What was tried, such as `write`.
    package var operation: String
    /// The file.
    package var path: String
    /// The system's error number; 0 if the file was shorter than what was asked for.
    package var code: Int32

    /// The failure of `operation` on `path`.
    package init(_ operation: String, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// The sentence for the log.
    package var description: String {
        code == 0
            ? "cannot \(operation) \(path): the file is shorter than expected"
            : "cannot \(operation) \(path): \(SystemText.error(code))"
    }
}
