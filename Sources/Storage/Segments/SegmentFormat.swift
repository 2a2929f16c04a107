import Model

/// Names and sizes of the segment file.
///
/// Format: docs/formats/segment.md.
enum SegmentFormat {
    /// The version that this code writes, the only one it reads.
    static let version: UInt32 = 3
    /// The first bytes of a segment.
    static let header = Array("SXTNTSEG".utf8)
    /// The last bytes of a segment.
    static let trailer = Array("GESTNTXS".utf8)
    /// The size of the footer, `trailer` included.
    static let footerByteCount = 96
    /// The size from which a frame of columns is closed, in bytes.
    static let frameByteCount = 64 << 10
    /// The most bytes of a section that stand in one frame.
    static let sectionFrameByteCount = 1 << 20
    /// The most series of a block.
    static let seriesPerBlock = 256
    /// The size of the packed labels from which a block is closed, in bytes.
    static let blockLabelByteCount = 256 << 10
    /// The number of chunks from which a block is closed.
    static let blockChunkCount = 16 << 10
    /// The size from which a section of label values is closed, in bytes.
    static let valuesByteCount = 16 << 10
    /// The most bytes of a list of series that stands beside its label value.
    static let inlineListByteCount = 64
    /// The size from which a section of lists of series is closed, in bytes.
    static let listsByteCount = 32 << 10
    /// About how much memory a writer takes for the index, in bytes.
    static let indexMemoryByteCount = 32 << 20
    /// The samples of a chunk where a series has more than `longestChunk` to go.
    static let usualChunk = 8192
    /// The most samples that a writer puts into one chunk.
    static let longestChunk = 12_288
    /// A chunk of so many samples gains nothing from being merged with others.
    static let sufficientChunk = 4096
    /// The most buckets of native histograms of one chunk, if it has several.
    static let chunkBucketCount = 64 << 10
    /// The kind of a chunk of floats.
    static let floatKind: UInt8 = 0
    /// The kind of a chunk with native histograms among its samples.
    static let histogramKind: UInt8 = 1
    /// The kind of a chunk of rollups of the finest level; those of the others follow.
    static let firstRollupKind: UInt8 = 2
    /// The kind of a chunk of rollups of native histograms of the finest level; those of the others follow.
    static let firstHistogramRollupKind = firstRollupKind + UInt8(RollupLevel.allCases.count)
    /// The buckets of a rollup chunk where a series has more than `longestRollupChunk` to go.
    static let usualRollupChunk = 1024
    /// The most buckets that a writer puts into one chunk.
    static let longestRollupChunk = 1536
    /// A rollup chunk of so many buckets is copied by merges as it is.
    static let sufficientRollupChunk = 256
    /// How many groups of chunks there are: samples, and rollups by kind.
    ///
    /// Each has frames of its own.
    static let groupCount = 1 + 2 * RollupLevel.allCases.count

    /// The kind of chunks of rollups of `level`, of numbers or of native histograms.
    static func kind(of level: RollupLevel, ofHistograms: Bool = false) -> UInt8 {
        (ofHistograms ? firstHistogramRollupKind : firstRollupKind) + UInt8(level.rawValue)
    }

    /// The level of rollup chunks of this kind; nil if it is no kind of those.
    static func level(ofKind kind: UInt8) -> RollupLevel? {
        guard kind >= firstRollupKind else { return nil }
        let first = kind < firstHistogramRollupKind ? firstRollupKind : firstHistogramRollupKind
        return RollupLevel(rawValue: Int(kind - first))
    }

    /// The group of the chunks of this kind.
    static func group(ofKind kind: UInt8) -> Int {
        level(ofKind: kind) == nil ? 0 : Int(kind - firstRollupKind) + 1
    }

    /// Where the chunks of this kind stand among those of a series: samples first, then finer levels before
    /// coarser ones, of each numbers before native histograms.
    static func order(ofKind kind: UInt8) -> Int {
        guard let level = level(ofKind: kind) else { return 0 }
        return 1 + 2 * level.rawValue + (kind < firstHistogramRollupKind ? 0 : 1)
    }

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

/// A stretch of a file: a frame of columns, or the frames of a section.
struct FilePlace: Hashable, Sendable {
    /// Where it begins in the file.
    var offset = 0
    /// Its size in the file.
    var byteCount = 0

    /// Where what follows it begins.
    var end: Int { offset + byteCount }
}

/// A place inside the content of a frame.
struct ContentPlace: Hashable, Sendable {
    /// The frame, by its number in a list of frames.
    var frame: Int
    /// Where it begins in the frame's content.
    var offset: Int
    /// Its size.
    var byteCount: Int
}
