import Glibc

import struct Foundation.Data
import struct Foundation.URL

/// The files of a catalog as bytes: what SQLite does not check, and where damaged ones go.
package enum CatalogFiles {
    /// The endings of the names of the files that belong together.
    private static let endings = ["", "-wal", "-shm"]

    /// Moves the files of the catalog at `path` into `directory` under a name that no other has; gives it.
    package static func putAside(_ path: String, into directory: String) throws(CatalogError) -> String {
        var number = 1
        while unsafe access("\(directory)/catalog-\(number).sqlite", F_OK) == 0 { number += 1 }
        let name = "catalog-\(number).sqlite"
        try move(path, to: "\(directory)/\(name)")
        return name
    }

    /// Gives the files of the catalog at `path` other names.
    package static func move(_ path: String, to newPath: String) throws(CatalogError) {
        for ending in endings {
            guard unsafe rename(path + ending, newPath + ending) != 0, errno != ENOENT else { continue }
            let code = errno
            throw .database(path: path, reason: "cannot be moved to \(newPath): error \(code)")
        }
    }

    /// Deletes the files of the catalog at `path`, if there are any.
    package static func remove(_ path: String) throws(CatalogError) {
        for ending in endings {
            guard unsafe unlink(path + ending) != 0, errno != ENOENT else { continue }
            let code = errno
            throw .database(path: path, reason: "cannot be deleted: error \(code)")
        }
    }

    /// What is wrong with the files at `path` that SQLite would not tell of; nil if nothing is.
    static func fault(_ path: String) -> String? {
        if let header = bytes(path)?.prefix(100), header.count == 100 {
            // SQLite takes any other number for a database that may only be read.
            let versions = [header[18], header[19]]
            if !versions.allSatisfy({ $0 == 1 || $0 == 2 }) { return "its header is wrong" }
        }
        if let log = bytes(path + "-wal"), WriteAheadFile(bytes: log).isDamaged {
            return "a transaction in its write-ahead file is damaged"
        }
        return nil
    }

    private static func bytes(_ path: String) -> [UInt8]? {
        // A file that is missing or cannot be read is for SQLite to tell of.
        do { return Array(try Data(contentsOf: URL(fileURLWithPath: path))) } catch { return nil }
    }
}

/// SQLite's write-ahead file; SQLite takes the part of it before the first wrong checksum for all there is.
///
/// Source: the SQLite documentation, "Database File Format", section 4.
struct WriteAheadFile {
    private static let headerByteCount = 32
    private static let frameHeadByteCount = 24

    /// The content of the file.
    let bytes: [UInt8]

    /// A checksum of this file: two sums.
    private struct Sums: Hashable {
        var first: UInt32
        var second: UInt32
    }

    /// Whether a transaction is damaged that was durable: another one was begun after it.
    var isDamaged: Bool {
        guard bytes.count > WriteAheadFile.headerByteCount else { return false }
        let isHeaderSound =
            [0x377f_0682, 0x377f_0683].contains(integer(0)) && (512...65_536).contains(integer(8))
            && sums(0..<24, after: Sums(first: 0, second: 0)) == storedSums(24)
        // What follows a header that is not whole may be of one that was.
        let pageByteCount = isHeaderSound ? Int(integer(8)) : 4096
        let salt = isHeaderSound ? 16 : WriteAheadFile.headerByteCount + 8
        var previous = storedSums(24)
        var hasWrong = !isHeaderSound
        var hasCommitSince = false
        var frame = WriteAheadFile.headerByteCount
        while frame + WriteAheadFile.frameHeadByteCount + pageByteCount <= bytes.count {
            let isOfThisUse =
                integer(frame + 8) == integer(salt) && integer(frame + 12) == integer(salt + 4)
            let page = frame + WriteAheadFile.frameHeadByteCount
            let isSound =
                isOfThisUse
                && sums(page..<page + pageByteCount, after: sums(frame..<frame + 8, after: previous))
                    == storedSums(frame + 16)
            if isSound && hasCommitSince { return true }
            if !isSound { hasWrong = true }
            if hasWrong && isOfThisUse && integer(frame + 4) != 0 { hasCommitSince = true }
            previous = storedSums(frame + 16)
            frame = page + pageByteCount
        }
        return false
    }

    // MARK: - Private

    private func storedSums(_ offset: Int) -> Sums {
        Sums(first: integer(offset), second: integer(offset + 4))
    }

    /// The sums over a stretch of whole pairs of words.
    private func sums(_ range: Range<Int>, after previous: Sums) -> Sums {
        let isBigEndian = integer(0) == 0x377f_0683
        var (first, second) = (previous.first, previous.second)
        unsafe bytes[range].withUnsafeBytes { words in
            var offset = 0
            while offset < words.count {
                let low = unsafe words.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                let high = unsafe words.loadUnaligned(fromByteOffset: offset &+ 4, as: UInt32.self)
                first = first &+ (isBigEndian ? low.bigEndian : low.littleEndian) &+ second
                second = second &+ (isBigEndian ? high.bigEndian : high.littleEndian) &+ first
                offset = offset &+ 8
            }
        }
        return Sums(first: first, second: second)
    }

    /// The big-endian integer of four bytes at `offset`; 0 behind the end.
    private func integer(_ offset: Int) -> UInt32 {
        guard offset + 4 <= bytes.count else { return 0 }
        return bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
