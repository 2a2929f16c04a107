import ChunkCodec

/// The file form of the log: a header, then records that can be found again behind damaged bytes.
///
/// Format: docs/formats/log.md. Each record has a marker, its sizes, a checksum of this head (which also
/// covers the file's number) and one of its content.
enum LogFile {
    /// The format's version, part of the header.
    static let version: UInt32 = 1
    /// The size of a file's header in bytes.
    static let headerByteCount = 24
    /// The largest content of a record, in bytes.
    static let maxRawCount = 256 << 20

    private static let magic = Array("SXTNTLOG".utf8)
    private static let marker: [UInt8] = [0xf5, 0x53, 0x58, 0xfa]
    private static let recordHeadByteCount = 20

    /// The name of the file with this number.
    static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".log"
    }

    /// The number in a file's name; nil if it is no log file.
    static func number(ofName name: String) -> UInt64? {
        guard name.hasSuffix(".log") else { return nil }
        return UInt64(name.dropLast(4))
    }

    /// The header of the file with this number.
    static func header(_ number: UInt64) -> [UInt8] {
        var bytes = magic
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: Checksum.crc32c(bytes))
        return bytes
    }

    /// Appends a record with the given content.
    static func append(_ content: [UInt8], number: UInt64, to bytes: inout [UInt8]) {
        let block = LZ4.compress(content, level: .fast)
        let stored = block.count < content.count ? block : content
        let start = bytes.count
        bytes.append(contentsOf: marker)
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: stored.count))
        bytes.append(littleEndian: UInt32(truncatingIfNeeded: content.count))
        bytes.append(littleEndian: headChecksum(bytes[start...], number))
        bytes.append(littleEndian: Checksum.crc32c(stored))
        bytes.append(contentsOf: stored)
    }

    /// What a file holds.
    struct Content {
        /// The records that are whole, in order.
        var records: [LogRecord] = []
        /// How many stretches of bytes between whole records could not be read.
        var damagedCount = 0
        /// How many bytes at the end belong to no whole record: the write that was under way when the daemon
        /// died.
        var tornByteCount = 0
    }

    /// Reads the file with this number.
    ///
    /// - Throws: `StorageError.newerFormat`, or `.damaged` if the header is not one.
    static func read(_ bytes: [UInt8], path: String, number: UInt64) throws(StorageError) -> Content {
        var content = Content()
        // A daemon that dies while it makes a file leaves a short header and no record.
        guard bytes.count >= headerByteCount else {
            content.tornByteCount = bytes.count
            return content
        }
        let found =
            UInt32(bytes[8]) | UInt32(bytes[9]) << 8 | UInt32(bytes[10]) << 16 | UInt32(bytes[11]) << 24
        if bytes[..<8].elementsEqual(magic), found > version {
            throw .newerFormat(path: path, found: Int(found), supported: Int(version))
        }
        if !bytes[..<headerByteCount].elementsEqual(header(number)) { content.damagedCount += 1 }
        var position = headerByteCount
        while position < bytes.count {
            if let (record, end) = record(in: bytes, at: position, number) {
                if let record { content.records.append(record) } else { content.damagedCount += 1 }
                position = end
            } else if let next = nextRecord(in: bytes, after: position, number) {
                content.damagedCount += 1
                position = next
            } else {
                content.tornByteCount = bytes.count - position
                break
            }
        }
        return content
    }

    // MARK: - Private

    private static func headChecksum(_ head: ArraySlice<UInt8>, _ number: UInt64) -> UInt32 {
        var seed: [UInt8] = []
        seed.append(littleEndian: number)
        return Checksum.crc32c(head, continuing: Checksum.crc32c(seed))
    }

    /// The record at `position` (nil if only its content is damaged) and where it ends; nil if no whole
    /// record is there.
    private static func record(
        in bytes: [UInt8],
        at position: Int,
        _ number: UInt64
    ) -> (record: LogRecord?, end: Int)? {
        guard bytes.count - position >= recordHeadByteCount, bytes[position] == marker[0] else { return nil }
        do {
            var reader = ByteReader(bytes[position...])
            guard try reader.readBytes(count: 4).elementsEqual(marker) else { return nil }
            let storedCount = Int(try reader.readUInt32())
            let rawCount = Int(try reader.readUInt32())
            guard try reader.readUInt32() == headChecksum(bytes[position..<position + 12], number) else {
                return nil
            }
            let checksum = try reader.readUInt32()
            guard storedCount <= reader.remainingCount else { return nil }
            let stored = try reader.readBytes(count: storedCount)
            let end = position + recordHeadByteCount + storedCount
            guard Checksum.crc32c(stored) == checksum, rawCount <= maxRawCount else { return (nil, end) }
            do {
                let raw =
                    storedCount < rawCount ? try LZ4.decompress(stored, rawCount: rawCount) : Array(stored)
                return (try LogRecord.decode(raw), end)
            } catch {
                return (nil, end)
            }
        } catch {
            return nil
        }
    }

    /// Where the next record with a sound head begins.
    private static func nextRecord(in bytes: [UInt8], after position: Int, _ number: UInt64) -> Int? {
        var candidate = position + 1
        while candidate + recordHeadByteCount <= bytes.count {
            if record(in: bytes, at: candidate, number) != nil { return candidate }
            candidate += 1
        }
        return nil
    }
}
