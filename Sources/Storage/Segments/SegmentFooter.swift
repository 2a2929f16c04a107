import Catalog
import ChunkCodec
import Model

/// The end of a segment file: what it holds, and where its summary is.
///
/// All that is read when a segment is opened are the footer and the summary.
struct SegmentFooter: Hashable, Sendable {
    /// Where the summary is.
    var summary = FilePlace()
    /// The number of chunks.
    var chunkCount = 0
    /// The samples in chunks that would gain from being merged with others.
    var sparseSampleCount = 0
    /// The number of the last write in it.
    var sequence: UInt64 = 0
    /// The start of the first window in milliseconds.
    var startMillis: Int64 = 0
    /// The last millisecond of the last window.
    var endMillis: Int64 = 0
    /// How long the samples were to be kept when it was written, in milliseconds; nil for ever.
    var retentionMillis: Int64?
    /// The number of series.
    var seriesCount = 0
    /// The number of samples.
    var sampleCount = 0

    /// More samples than a file can have.
    private static let mostSamples = 1 << 48
    /// The bytes under the checksum.
    private static let checkedByteCount = 84

    /// A footer to fill in.
    init() {}

    /// More series than a file of `byteCount` bytes can have: each takes two bytes at least in the labels of
    /// its block, and LZ4 makes at most 255 bytes of one.
    private static func mostSeries(_ byteCount: Int) -> Int {
        byteCount > Int.max / 128 ? .max : byteCount * 128
    }

    /// The footer's bytes.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for value in [summary.offset, summary.byteCount, chunkCount, sparseSampleCount] {
            bytes.append(littleEndian: UInt64(value))
        }
        bytes.append(littleEndian: sequence)
        bytes.append(littleEndian: startMillis)
        bytes.append(littleEndian: endMillis)
        bytes.append(littleEndian: retentionMillis ?? -1)
        bytes.append(littleEndian: UInt64(seriesCount))
        bytes.append(littleEndian: UInt64(sampleCount))
        bytes.append(littleEndian: SegmentFormat.version)
        bytes.append(littleEndian: Checksum.crc32c(bytes))
        bytes.append(contentsOf: SegmentFormat.trailer)
        return bytes
    }

    /// What the catalog knows of the segment `file`.
    func record(file: String, byteCount: Int, level: Int) -> SegmentRecord {
        SegmentRecord(
            file: file,
            sequence: sequence,
            range: TimeRange(Timestamp(millis: startMillis), Timestamp(millis: endMillis)),
            retentionMillis: retentionMillis,
            seriesCount: seriesCount,
            sampleCount: sampleCount,
            byteCount: byteCount,
            level: level
        )
    }

    /// Reads the end of a segment file.
    init(of file: any File, path: String) throws {
        let size = try file.size()
        guard size >= SegmentFormat.header.count + SegmentFormat.footerByteCount else {
            throw StorageError.damaged(path: path, reason: "it is too short")
        }
        let start = size - SegmentFormat.footerByteCount
        let bytes = try file.read(at: start, count: SegmentFormat.footerByteCount)
        try self.init(bytes, path: path, fileByteCount: size)
    }

    /// Reads the last `SegmentFormat.footerByteCount` bytes of a file of `fileByteCount` bytes.
    init(_ bytes: [UInt8], path: String, fileByteCount: Int) throws(StorageError) {
        guard bytes.count == SegmentFormat.footerByteCount,
            bytes.suffix(SegmentFormat.trailer.count).elementsEqual(SegmentFormat.trailer)
        else { throw .damaged(path: path, reason: "it does not end as a segment does") }
        let version: UInt32
        do throws(CodecError) {
            var reader = ByteReader(bytes)
            summary.offset = Int(clamping: try reader.readUInt64())
            summary.byteCount = Int(clamping: try reader.readUInt64())
            chunkCount = Int(clamping: try reader.readUInt64())
            sparseSampleCount = Int(clamping: try reader.readUInt64())
            sequence = try reader.readUInt64()
            startMillis = Int64(bitPattern: try reader.readUInt64())
            endMillis = Int64(bitPattern: try reader.readUInt64())
            let retention = Int64(bitPattern: try reader.readUInt64())
            retentionMillis = retention < 0 ? nil : retention
            seriesCount = Int(clamping: try reader.readUInt64())
            sampleCount = Int(clamping: try reader.readUInt64())
            version = try reader.readUInt32()
            let stored = try reader.readUInt32()
            let computed = Checksum.crc32c(bytes[..<SegmentFooter.checkedByteCount])
            guard stored == computed else {
                throw .checksumMismatch(stored: stored, computed: computed)
            }
        } catch {
            throw .damaged(path: path, reason: "its footer is wrong: \(error)")
        }
        let supported = Int(SegmentFormat.version)
        if version > SegmentFormat.version {
            throw .newerFormat(path: path, found: Int(version), supported: supported)
        }
        if version < SegmentFormat.version {
            throw .olderFormat(path: path, found: Int(version), supported: supported)
        }
        let inside = SegmentFormat.header.count...fileByteCount - SegmentFormat.footerByteCount
        // Sums over many segments must stay numbers.
        guard inside.contains(summary.offset), summary.byteCount <= inside.upperBound - summary.offset,
            seriesCount <= min(Int(UInt32.max), SegmentFooter.mostSeries(fileByteCount)),
            sparseSampleCount <= sampleCount,
            max(chunkCount, sampleCount) <= SegmentFooter.mostSamples
        else { throw .damaged(path: path, reason: "its footer is wrong") }
    }
}
