import Glibc

extension FileSystem {
    /// How much is copied at a time, in bytes.
    private static var pieceByteCount: Int { 4 << 20 }

    /// Copies a file; the copy is durable under its name once its folder is synced.
    package func copy(_ path: String, to newPath: String) throws(FileError) {
        let source = try open(path)
        let size = try source.size()
        let target = try create(newPath)
        var position = 0
        while position < size {
            let count = min(Self.pieceByteCount, size - position)
            try target.write(try source.read(at: position, count: count))
            position += count
        }
        try target.sync()
    }

    /// Gives a file a second name, or where the disk has no such thing makes a copy.
    package func linkOrCopy(_ path: String, to newPath: String) throws(FileError) {
        do throws(FileError) {
            try link(path, to: newPath)
        } catch {
            guard [EPERM, EXDEV, EMLINK, EOPNOTSUPP, ENOSYS].contains(error.code) else { throw error }
            try copy(path, to: newPath)
        }
    }

    /// Deletes a directory with everything in it.
    package func removeTree(_ path: String) throws(FileError) {
        for name in try list(path) {
            do throws(FileError) { try remove("\(path)/\(name)") } catch {
                guard error.code == EISDIR || error.code == EPERM else { throw error }
                try removeTree("\(path)/\(name)")
            }
        }
        try removeDirectory(path)
    }
}
