import ChunkCodec
import Model

/// Names and sizes of the segment file.
///
/// Format: docs/formats/segment.md.
enum SegmentFormat {
    /// The version that this code writes and the newest it reads.
    static let version: UInt32 = 2
    /// The first bytes of a segment.
    static let header = Array("SXTNTSEG".utf8)
    /// The last bytes of a segment.
    static let trailer = Array("GESTNTXS".utf8)
    /// The size of the footer, `trailer` included.
    static let footerByteCount = 96
    /// The size from which a frame of chunks is closed, in bytes.
    static let frameByteCount = 64 << 10
    /// The most bytes of a part of a section that stand in one frame.
    static let sectionFrameByteCount = 1 << 20
    /// The most samples of a chunk that a reader takes.
    static let maxSamplesPerChunk = 1 << 20
    /// The samples of a chunk where a series has more than `longestChunk` to go.
    static let usualChunk = 8192
    /// The most samples that a writer puts into one chunk.
    static let longestChunk = 12_288
    /// A chunk of so many samples gains nothing from being merged with others.
    static let sufficientChunk = 4096
    /// The kind of a chunk of floats; others are for native histograms, rollups and sets of users.
    static let floatKind: UInt64 = 0

    /// The name of the segment file with this number.
    static func name(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + ".seg"
    }

    /// The number in a segment's name; nil if it is none.
    static func number(ofName name: String) -> UInt64? {
        guard name.hasSuffix(".seg") else { return nil }
        return UInt64(name.dropLast(4))
    }
}

/// The end of a segment file: where its sections are, and what it holds.
struct SegmentFooter: Hashable, Sendable {
    var directoryOffset = 0
    var directoryByteCount = 0
    var labelsOffset = 0
    var labelsByteCount = 0
    var sequence: UInt64 = 0
    var startMillis: Int64 = 0
    var endMillis: Int64 = 0
    /// nil for ever.
    var retentionMillis: Int64?
    var seriesCount = 0
    var sampleCount = 0
    /// The format of the file.
    private(set) var version = SegmentFormat.version

    /// The footer's bytes.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for value in [directoryOffset, directoryByteCount, labelsOffset, labelsByteCount] {
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

    /// A footer to fill in.
    init() {}

    /// Reads the last `SegmentFormat.footerByteCount` bytes of a file of `fileByteCount` bytes.
    init(_ bytes: [UInt8], path: String, fileByteCount: Int) throws(StorageError) {
        guard bytes.count == SegmentFormat.footerByteCount,
            bytes.suffix(8).elementsEqual(SegmentFormat.trailer)
        else { throw .damaged(path: path, reason: "it does not end as a segment does") }
        do {
            var reader = ByteReader(bytes)
            var sizes: [Int] = []
            for _ in 0..<4 { sizes.append(Int(clamping: try reader.readUInt64())) }
            sequence = try reader.readUInt64()
            startMillis = Int64(bitPattern: try reader.readUInt64())
            endMillis = Int64(bitPattern: try reader.readUInt64())
            let retention = Int64(bitPattern: try reader.readUInt64())
            retentionMillis = retention < 0 ? nil : retention
            seriesCount = Int(clamping: try reader.readUInt64())
            sampleCount = Int(clamping: try reader.readUInt64())
            version = try reader.readUInt32()
            let isSound = try reader.readUInt32() == Checksum.crc32c(bytes[..<84])
            if isSound && version > SegmentFormat.version {
                throw StorageError.newerFormat(
                    path: path,
                    found: Int(version),
                    supported: Int(SegmentFormat.version)
                )
            }
            (directoryOffset, directoryByteCount) = (sizes[0], sizes[1])
            (labelsOffset, labelsByteCount) = (sizes[2], sizes[3])
            let isInside = [(sizes[0], sizes[1]), (sizes[2], sizes[3])].allSatisfy { offset, count in
                offset <= fileByteCount && count <= fileByteCount - offset
            }
            guard isSound && isInside else {
                throw StorageError.damaged(path: path, reason: "its footer is wrong")
            }
        } catch let error as StorageError {
            throw error
        } catch {
            throw .damaged(path: path, reason: "\(error)")
        }
    }
}
