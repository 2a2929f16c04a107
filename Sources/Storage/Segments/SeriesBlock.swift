import ChunkCodec
import Model

/// Where the blocks of series are: up to 256 series each, in label order.
final class BlockTable: CachedContent {
    /// The ordinal of each block's first series, and behind the last block the number of series.
    let firstOrdinals: [UInt32]
    /// Where the label sets of each block are.
    let labels: [FilePlace]
    /// Where the chunk directory of each block is.
    let directories: [FilePlace]

    var byteCount: Int { 64 + firstOrdinals.count * 36 }

    /// The content of a table in a file of `fileByteCount` bytes with `seriesCount` series.
    init(_ bytes: [UInt8], seriesCount: Int, fileByteCount: Int) throws(CodecError) {
        var reader = ByteReader(bytes)
        var firstOrdinals: [UInt32] = [0]
        var labels: [FilePlace] = []
        var directories: [FilePlace] = []
        var total = 0
        var end = 0
        while !reader.isAtEnd {
            let count = try reader.readCount(limit: seriesCount - total)
            guard (1...SegmentFormat.seriesPerBlock).contains(count) else { throw .badException }
            total += count
            let place = try FilePlace(from: &reader, after: end, fileByteCount: fileByteCount)
            let directory = try FilePlace(from: &reader, after: place.end, fileByteCount: fileByteCount)
            end = directory.end
            firstOrdinals.append(UInt32(total))
            labels.append(place)
            directories.append(directory)
        }
        guard total == seriesCount else { throw .badException }
        self.firstOrdinals = firstOrdinals
        self.labels = labels
        self.directories = directories
    }

    /// What a search in the file has found.
    init(_ search: BlockSearch) {
        firstOrdinals = search.firstOrdinals
        labels = search.labels
        directories = search.directories
    }

    /// The number of blocks.
    var count: Int { labels.count }

    /// The ordinals of the series of a block.
    func ordinals(ofBlock block: Int) -> Range<UInt32> { firstOrdinals[block]..<firstOrdinals[block + 1] }

    /// The block that an ordinal, which is below the number of series, lies in.
    func block(of ordinal: UInt32) -> Int {
        var (low, high) = (0, labels.count - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if firstOrdinals[middle] <= ordinal { low = middle } else { high = middle - 1 }
        }
        return low
    }
}

/// The chunks of the series of a block.
final class DirectoryBlock: CachedContent {
    /// The frames that the chunks refer to.
    let frames: [FilePlace]
    /// The timestamp columns that the chunks refer to.
    let columns: [ContentPlace]
    /// All chunks, in the order of their series, times rising within each.
    let chunks: [Segment.Chunk]
    /// Whether there are rollups among them.
    let hasRollups: Bool
    /// The chunks of series `i` are `firstChunk[i]..<firstChunk[i + 1]`.
    private let firstChunk: [Int]

    var byteCount: Int {
        128 + frames.count * MemoryLayout<FilePlace>.stride + columns.count
            * MemoryLayout<ContentPlace>.stride
            + chunks.count * MemoryLayout<Segment.Chunk>.stride + firstChunk.count * MemoryLayout<Int>.stride
    }

    /// The number of series.
    var seriesCount: Int { firstChunk.count - 1 }

    /// The chunks of the series at `index` of the block.
    func chunks(at index: Int) -> ArraySlice<Segment.Chunk> {
        chunks[firstChunk[index]..<firstChunk[index + 1]]
    }

    /// The only chunk of samples of the series at `index` of the block, and whether there are rollups beside
    /// it; nil if there is no such chunk or another one, or if rollups begin before it.
    @inline(__always)
    func onlyRawChunk(at index: Int) -> (chunk: Segment.Chunk, hasRollups: Bool)? {
        let (first, end) = (firstChunk[index], firstChunk[index + 1])
        guard first < end, chunks[first].isRaw else { return nil }
        // Samples come before rollups.
        for place in first + 1..<max(end, first + 1) {
            if chunks[place].isRaw || chunks[place].minMillis < chunks[first].minMillis { return nil }
        }
        return (chunks[first], first + 1 < end)
    }

    /// The content of the directory of `seriesCount` series.
    ///
    /// Format: docs/formats/segment.md "Directory".
    init(_ bytes: [UInt8], seriesCount: Int, fileByteCount: Int) throws(CodecError) {
        var reader = ByteReader(bytes)
        frames = try DirectoryBlock.readFrames(&reader, fileByteCount)
        columns = try DirectoryBlock.readColumns(&reader, frameCount: frames.count)
        var firstChunk = [0]
        for _ in 0..<seriesCount {
            firstChunk.append(
                firstChunk[firstChunk.count - 1] + (try reader.readCount(limit: reader.remainingCount))
            )
        }
        self.firstChunk = firstChunk
        let count = firstChunk[seriesCount]
        // A chunk takes at least a byte in each of seven columns.
        guard count <= reader.remainingCount / 7 else { throw .badException }
        var chunks = [Segment.Chunk](repeating: Segment.Chunk(), count: count)
        for index in chunks.indices {
            let kind = UInt8(truncatingIfNeeded: min(UInt64(UInt8.max), try reader.readVarint()))
            guard kind < SegmentFormat.firstRollupKind || SegmentFormat.level(ofKind: kind) != nil else {
                throw .unsupportedValueKind(kind)
            }
            chunks[index].kind = kind
        }
        for series in 0..<seriesCount {
            var order = 0
            for index in firstChunk[series]..<firstChunk[series + 1] {
                let next = SegmentFormat.order(ofKind: chunks[index].kind)
                guard next >= order else { throw .badException }
                order = next
            }
        }
        try DirectoryBlock.readTimes(&reader, into: &chunks)
        try DirectoryBlock.readPlaces(&reader, frames.count, columns.count, into: &chunks)
        try reader.expectEnd()
        self.chunks = chunks
        hasRollups = chunks.contains { !$0.isRaw }
    }

    // MARK: - Private

    private static func readFrames(
        _ reader: inout ByteReader,
        _ fileByteCount: Int
    ) throws(CodecError) -> [FilePlace] {
        var frames: [FilePlace] = []
        var end = 0
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            let (sum, overflow) = end.addingReportingOverflow(Int(try reader.readSignedVarint()))
            guard !overflow, sum >= 0, sum <= fileByteCount else { throw .badException }
            let place = FilePlace(
                offset: sum,
                byteCount: try reader.readCount(limit: fileByteCount - sum)
            )
            end = place.end
            frames.append(place)
        }
        return frames
    }

    private static func readColumns(
        _ reader: inout ByteReader,
        frameCount: Int
    ) throws(CodecError) -> [ContentPlace] {
        var columns: [ContentPlace] = []
        for _ in 0..<(try reader.readCount(limit: reader.remainingCount)) {
            let place = ContentPlace(
                frame: try reader.readCount(limit: frameCount),
                offset: try reader.readCount(limit: Frame.maxRawCount),
                byteCount: try reader.readCount(limit: Frame.maxRawCount)
            )
            guard place.frame < frameCount else { throw .badException }
            columns.append(place)
        }
        return columns
    }

    /// Reads numbers that are written as differences to those of the chunk before of the same group.
    private static func readDifferences(
        _ reader: inout ByteReader,
        of chunks: [Segment.Chunk],
        _ body: (_ index: Int, _ value: Int64) throws(CodecError) -> Void
    ) throws(CodecError) {
        var previous = [Int64](repeating: 0, count: SegmentFormat.groupCount)
        for index in chunks.indices {
            let group = SegmentFormat.group(ofKind: chunks[index].kind)
            previous[group] &+= try reader.readSignedVarint()
            try body(index, previous[group])
        }
    }

    private static func readTimes(
        _ reader: inout ByteReader,
        into chunks: inout [Segment.Chunk]
    ) throws(CodecError) {
        try readDifferences(&reader, of: chunks) { index, count throws(CodecError) in
            guard (1...Int64(ChunkLimits.maxSampleCount)).contains(count) else { throw .badException }
            chunks[index].count = Int(count)
        }
        try readDifferences(&reader, of: chunks) { index, first throws(CodecError) in
            chunks[index].minMillis = first
        }
        try readDifferences(&reader, of: chunks) { index, span throws(CodecError) in
            let (last, overflow) = chunks[index].minMillis.addingReportingOverflow(span)
            guard span >= 0, !overflow else { throw .badException }
            chunks[index].maxMillis = last
        }
    }

    private static func readPlaces(
        _ reader: inout ByteReader,
        _ frameCount: Int,
        _ columnCount: Int,
        into chunks: inout [Segment.Chunk]
    ) throws(CodecError) {
        try readDifferences(&reader, of: chunks) { index, column throws(CodecError) in
            guard column >= 0, column < columnCount else { throw .badException }
            chunks[index].timestamps = Int(column)
        }
        var frames = [Int](repeating: 0, count: SegmentFormat.groupCount)
        for index in chunks.indices {
            let group = SegmentFormat.group(ofKind: chunks[index].kind)
            frames[group] += try reader.readCount(limit: frameCount)
            guard frames[group] < frameCount else { throw .badException }
            chunks[index].values.frame = frames[group]
        }
        // The values of a frame's chunks lie one after the other.
        var ends = [(frame: Int, end: Int)](repeating: (-1, 0), count: SegmentFormat.groupCount)
        for index in chunks.indices {
            let group = SegmentFormat.group(ofKind: chunks[index].kind)
            if chunks[index].values.frame != ends[group].frame {
                ends[group] = (chunks[index].values.frame, 0)
            }
            let end = ends[group].end
            chunks[index].values.offset = end
            chunks[index].values.byteCount = try reader.readCount(limit: Frame.maxRawCount - end)
            ends[group].end = end + chunks[index].values.byteCount
        }
    }
}
