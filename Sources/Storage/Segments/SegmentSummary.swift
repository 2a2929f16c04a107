import ChunkCodec

/// What a reader has to know of a segment at once, beside its footer; its size does not depend on the number
/// of series.
struct SegmentSummary: Sendable {
    /// How often its samples were merged; 0 for a flush.
    var level = 0
    /// The last time of the chunk that ends first, in milliseconds.
    var firstChunkEndMillis: Int64 = .max
    /// Where the table of the blocks of series is.
    var blocks = FilePlace()
    /// Where the top of the index is.
    var index = FilePlace()
    /// The bytes in frames of values.
    var valuesByteCount = 0
    /// The bytes in frames of timestamps.
    var timestampsByteCount = 0
    /// The bytes of label sets and index.
    var labelsByteCount = 0

    /// A summary to fill in.
    init() {}

    /// Format: docs/formats/segment.md "Summary".
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(count: level, to: &bytes)
        Varint.append(signed: firstChunkEndMillis, to: &bytes)
        for place in [blocks, index] {
            Varint.append(count: place.offset, to: &bytes)
            Varint.append(count: place.byteCount, to: &bytes)
        }
        for byteCount in [valuesByteCount, timestampsByteCount, labelsByteCount] {
            Varint.append(count: byteCount, to: &bytes)
        }
        return bytes
    }

    /// Reads the content of a summary of a file of `fileByteCount` bytes.
    init(_ bytes: [UInt8], fileByteCount: Int) throws(CodecError) {
        var reader = ByteReader(bytes)
        level = try reader.readCount(limit: Int(UInt8.max))
        firstChunkEndMillis = try reader.readSignedVarint()
        blocks = try FilePlace(from: &reader, fileByteCount: fileByteCount)
        index = try FilePlace(from: &reader, fileByteCount: fileByteCount)
        valuesByteCount = try reader.readCount(limit: fileByteCount)
        timestampsByteCount = try reader.readCount(limit: fileByteCount)
        labelsByteCount = try reader.readCount(limit: fileByteCount)
        try reader.expectEnd()
    }
}

extension FilePlace {
    /// Reads `uv offset | uv bytes` of a place inside a file of `fileByteCount` bytes.
    init(from reader: inout ByteReader, fileByteCount: Int) throws(CodecError) {
        offset = try reader.readCount(limit: fileByteCount)
        byteCount = try reader.readCount(limit: fileByteCount - offset)
    }

    /// Reads `uv gap | uv bytes` of a place that begins `gap` bytes behind `previousEnd`.
    init(
        from reader: inout ByteReader,
        after previousEnd: Int,
        fileByteCount: Int
    ) throws(CodecError) {
        offset = previousEnd + (try reader.readCount(limit: max(0, fileByteCount - previousEnd)))
        byteCount = try reader.readCount(limit: max(0, fileByteCount - offset))
    }

    /// Appends `uv gap | uv bytes`.
    func append(after previousEnd: Int, to bytes: inout [UInt8]) {
        Varint.append(count: offset - previousEnd, to: &bytes)
        Varint.append(count: byteCount, to: &bytes)
    }
}
