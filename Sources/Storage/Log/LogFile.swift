import ChunkCodec

/// The bytes of a log file: a header, records that can be found again behind damaged bytes, an end mark.
///
/// Every checksum covers the file's number, so what stands behind the end of a file that overwrites an older
/// one is not taken for a part of it.
///
/// Format: docs/formats/log.md.
enum LogFile {
    /// The format's version, part of the header.
    static let version: UInt32 = 2
    /// The size of a file's header in bytes.
    static let headerByteCount = 24
    /// The size of a record's head in bytes.
    static let recordHeadByteCount = 20
    /// The size of an end mark in bytes.
    static let endMarkByteCount = 12
    /// The largest content of a record, in bytes.
    static let maxRawCount = 256 << 20

    /// The first bytes of a log file.
    static let magic = Array("SXTNTLOG".utf8)
    /// What records and end marks begin with; never part of UTF-8 text.
    static let markerStart: [UInt8] = [0xf5, 0x53, 0x58]
    /// The fourth byte of a record.
    static let recordMarker: UInt8 = 0xfa
    /// The fourth byte of an end mark.
    static let endMarker: UInt8 = 0xfb
    /// Set in a record's content size if everything before the record was acknowledged before it was written.
    static let groupFlag: UInt32 = 1 << 31

    /// The name of the file with this number.
    static func name(_ number: UInt64) -> String { paddedNumber(number) + ".log" }

    /// The name under which the file with this number waits to be overwritten.
    static func spareName(_ number: UInt64) -> String { paddedNumber(number) + ".spare" }

    /// The number in a file's name; nil if it is no log file.
    static func number(ofName name: String) -> UInt64? {
        guard name.hasSuffix(".log") else { return nil }
        return UInt64(name.dropLast(4))
    }

    /// Deletes files that were kept to be overwritten: what an earlier daemon left of them is of no use.
    static func removeSpares(in directory: String, _ fileSystem: any FileSystem) throws(FileError) {
        for name in try fileSystem.list(directory) where name.hasSuffix(".spare") {
            try fileSystem.remove("\(directory)/\(name)")
        }
    }

    /// The header of the file with this number.
    static func header(_ number: UInt64) -> [UInt8] {
        var bytes = magic
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: Checksum.crc32c(bytes))
        return bytes
    }

    /// The content of a record as it is stored, compressed if that makes it smaller.
    struct Block {
        /// What is stored.
        let stored: [UInt8]
        /// The size of the content in bytes.
        let rawCount: Int

        /// The block of a content of at most `maxRawCount` bytes.
        init(_ content: [UInt8]) {
            precondition(content.count <= maxRawCount, "BUG: a log record of \(content.count) bytes")
            let compressed = LZ4.compress(content, level: .fast)
            stored = compressed.count < content.count ? compressed : content
            rawCount = content.count
        }
    }

    /// Appends a record to what will be written into the file with this number.
    ///
    /// `startsGroup` says that everything before the record was acknowledged before it is written.
    static func append(_ block: Block, number: UInt64, startsGroup: Bool, to bytes: inout [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: markerStart)
        bytes.append(recordMarker)
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: block.stored.count))
        bytes.append(
            littleEndian: UInt32(truncatingIfNeeded: block.rawCount) | (startsGroup ? groupFlag : 0)
        )
        let checksum = headChecksum(bytes[start...], number)
        bytes.append(littleEndian: checksum)
        bytes.append(littleEndian: Checksum.crc32c(block.stored, continuing: checksum))
        bytes.append(contentsOf: block.stored)
    }

    /// The end mark of the file with this number at `position`; it is overwritten by the next record.
    ///
    /// `isClosed` says that no record will follow and all before were acknowledged.
    static func endMark(_ number: UInt64, at position: Int, isClosed: Bool) -> [UInt8] {
        var bytes = markerStart
        bytes.append(endMarker)
        bytes.append(littleEndian: UInt32(isClosed ? 1 : 0))
        bytes.append(littleEndian: endChecksum(bytes[...], number, position))
        return bytes
    }

    /// The checksum of the first 12 bytes of a record's head.
    static func headChecksum(_ head: ArraySlice<UInt8>, _ number: UInt64) -> UInt32 {
        var seed: [UInt8] = []
        seed.append(littleEndian: number)
        return Checksum.crc32c(head, continuing: Checksum.crc32c(seed))
    }

    /// The checksum of the first 8 bytes of an end mark.
    static func endChecksum(_ mark: ArraySlice<UInt8>, _ number: UInt64, _ position: Int) -> UInt32 {
        var seed: [UInt8] = []
        seed.append(littleEndian: number)
        seed.append(littleEndian: UInt64(truncatingIfNeeded: position))
        return Checksum.crc32c(mark, continuing: Checksum.crc32c(seed))
    }

    static func paddedNumber(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits
    }
}
