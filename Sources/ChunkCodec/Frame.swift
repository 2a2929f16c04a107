/// A run of bytes at rest: maybe compressed, always under a checksum.
///
/// `u8 flags | uv raw size | uv stored size | bytes | u32 CRC32C of all before it`, docs/formats/chunk.md
/// "Frame".
package enum Frame {
    /// What may be done to make a frame smaller.
    package enum Compression: Sendable {
        /// Nothing.
        case none
        /// LZ4, if it saves something.
        case lz4(LZ4.Level)
    }

    /// The most bytes that a frame holds, unless the reader says otherwise.
    package static let maxRawCount = 16 << 20

    private static let compressedFlag: UInt8 = 1
    /// What a compressed frame must save to be worth the decompression, in bytes.
    private static let leastSaving = 2

    /// Appends a frame that holds `raw` (at most `maxRawCount` bytes).
    package static func append(
        _ raw: ArraySlice<UInt8>,
        to bytes: inout [UInt8],
        compression: Compression
    ) {
        precondition(raw.count <= maxRawCount, "BUG: a frame of \(raw.count) bytes")
        let start = bytes.count
        if case .lz4(let level) = compression, !raw.isEmpty {
            let block = LZ4.compress(raw, level: level)
            if block.count + leastSaving < raw.count {
                appendHeader(flags: compressedFlag, rawCount: raw.count, storedCount: block.count, to: &bytes)
                bytes.append(contentsOf: block)
                bytes.append(littleEndian: Checksum.crc32c(bytes[start...]))
                return
            }
        }
        appendHeader(flags: 0, rawCount: raw.count, storedCount: raw.count, to: &bytes)
        bytes.append(contentsOf: raw)
        bytes.append(littleEndian: Checksum.crc32c(bytes[start...]))
    }

    /// Appends a frame that holds `raw` (at most `maxRawCount` bytes).
    package static func append(_ raw: [UInt8], to bytes: inout [UInt8], compression: Compression) {
        append(raw[...], to: &bytes, compression: compression)
    }

    /// Reads one frame: first its checksum is verified, then it is decompressed.
    ///
    /// A frame that says to hold more than `maxRawCount` bytes is refused before memory is taken for them.
    /// After an error the reader stands somewhere inside the frame.
    package static func read(
        from reader: inout ByteReader,
        maxRawCount: Int = maxRawCount
    ) throws(CodecError) -> [UInt8] {
        let whole = reader.remaining
        let start = reader.offset
        let flags = try reader.readUInt8()
        let rawCount = try reader.readVarint()
        let storedCount = try reader.readCount(limit: Int(Int32.max))
        let stored = try reader.readBytes(count: storedCount)
        let computed = Checksum.crc32c(whole.prefix(reader.offset - start))
        let checksum = try reader.readUInt32()
        guard computed == checksum else {
            throw .checksumMismatch(stored: checksum, computed: computed)
        }
        guard flags & ~compressedFlag == 0 else { throw .unknownFrameFlags(flags) }
        guard let rawCount = Int(exactly: rawCount), rawCount <= maxRawCount else {
            throw .tooLarge(stored: rawCount, limit: maxRawCount)
        }
        if flags & compressedFlag != 0 { return try LZ4.decompress(stored, rawCount: rawCount) }
        guard rawCount == storedCount else {
            throw .frameSizesDiffer(rawCount: rawCount, storedCount: storedCount)
        }
        return Array(stored)
    }

    private static func appendHeader(
        flags: UInt8,
        rawCount: Int,
        storedCount: Int,
        to bytes: inout [UInt8]
    ) {
        bytes.append(flags)
        Varint.append(count: rawCount, to: &bytes)
        Varint.append(count: storedCount, to: &bytes)
    }
}
