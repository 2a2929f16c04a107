import ChunkCodec
import Model

/// The block of series that a segment writer has open.
struct BlockWriter {
    /// Encoded columns that wait until they fill a frame, and the number of that frame in the directory.
    private struct OpenFrame {
        var bytes: [UInt8] = []
        var number: Int?
    }

    /// The front-coded labels of the series.
    private(set) var labels: [UInt8] = []
    /// The number of series.
    private(set) var seriesCount = 0
    private var labelByteCount = 0
    private var previousLabels: [UInt8] = []
    private var chunkCounts: [UInt8] = []
    private var chunks: [Segment.Chunk] = []
    private var frames: [FilePlace] = []
    private var frameNumbers: [Int: Int] = [:]
    private var columns: [ContentPlace] = []
    /// By group: who reads rollups need not read samples.
    private var valueFrames = [OpenFrame](repeating: OpenFrame(), count: SegmentFormat.groupCount)
    private var timestampFrame = OpenFrame()

    /// A block without series.
    init() {}

    /// Whether nothing is in it.
    var isEmpty: Bool { seriesCount == 0 && chunks.isEmpty }
    /// Whether it takes no other series.
    var isFull: Bool {
        seriesCount >= SegmentFormat.seriesPerBlock || labelByteCount >= SegmentFormat.blockLabelByteCount
            || chunks.count >= SegmentFormat.blockChunkCount
    }
    /// The size of the values of a group that wait.
    func openValueByteCount(ofGroup group: Int) -> Int { valueFrames[group].bytes.count }
    /// The size of the timestamp columns that wait.
    var openTimestampByteCount: Int { timestampFrame.bytes.count }

    /// Ends a series whose last `chunkCount` chunks were added.
    mutating func endSeries(_ seriesLabels: Labels, chunkCount: Int) {
        FrontCoding.append(seriesLabels.packed[...], after: previousLabels, to: &labels)
        previousLabels = seriesLabels.packed
        labelByteCount += seriesLabels.packed.count
        seriesCount += 1
        Varint.append(count: chunkCount, to: &chunkCounts)
    }

    /// Adds a chunk with the timestamp column `column`, whose values `encode` appends.
    mutating func addChunk(_ chunk: EncodedChunk, _ column: Int, _ encode: (inout [UInt8]) -> Void) {
        let group = SegmentFormat.group(ofKind: chunk.kind)
        let frame = BlockWriter.open(&valueFrames[group], &frames)
        let offset = valueFrames[group].bytes.count
        encode(&valueFrames[group].bytes)
        chunks.append(
            Segment.Chunk(
                kind: chunk.kind,
                count: chunk.count,
                minMillis: chunk.minMillis,
                maxMillis: chunk.maxMillis,
                timestamps: column,
                values: ContentPlace(
                    frame: frame,
                    offset: offset,
                    byteCount: valueFrames[group].bytes.count - offset
                )
            )
        )
    }

    /// Adds a timestamp column that is in no frame yet; gives its number.
    mutating func addColumn(_ encoded: [UInt8]) -> Int {
        let frame = BlockWriter.open(&timestampFrame, &frames)
        columns.append(
            ContentPlace(frame: frame, offset: timestampFrame.bytes.count, byteCount: encoded.count)
        )
        timestampFrame.bytes.append(contentsOf: encoded)
        return columns.count - 1
    }

    /// Adds a timestamp column that lies in the frame at `frame`; gives its number.
    mutating func addColumn(in frame: FilePlace, offset: Int, byteCount: Int) -> Int {
        let number: Int
        if let known = frameNumbers[frame.offset] {
            number = known
        } else {
            number = frames.count
            frames.append(frame)
            frameNumbers[frame.offset] = number
        }
        columns.append(ContentPlace(frame: number, offset: offset, byteCount: byteCount))
        return columns.count - 1
    }

    /// Where a column lies in its frame.
    func place(ofColumn column: Int) -> ContentPlace { columns[column] }

    /// The content of the frame of values of a group, if something waits; `closeValueFrame` has to follow.
    func takeValueFrame(ofGroup group: Int) -> [UInt8]? {
        valueFrames[group].number == nil ? nil : valueFrames[group].bytes
    }

    /// Notes where the frame of values of a group was written.
    mutating func closeValueFrame(ofGroup group: Int, at place: FilePlace) {
        if let number = valueFrames[group].number { frames[number] = place }
        valueFrames[group] = OpenFrame()
    }

    /// The content of the frame of timestamps, if something waits; `closeTimestampFrame` has to follow.
    func takeTimestampFrame() -> [UInt8]? { timestampFrame.number == nil ? nil : timestampFrame.bytes }

    /// Notes where the frame of timestamps was written.
    mutating func closeTimestampFrame(at place: FilePlace) {
        if let number = timestampFrame.number {
            frames[number] = place
            frameNumbers[place.offset] = number
        }
        timestampFrame = OpenFrame()
    }

    /// The directory of the block, whose frames are all closed.
    ///
    /// Format: docs/formats/segment.md "Directory".
    var directory: [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(count: frames.count, to: &bytes)
        var end = 0
        for frame in frames {
            Varint.append(signed: Int64(frame.offset - end), to: &bytes)
            Varint.append(count: frame.byteCount, to: &bytes)
            end = frame.end
        }
        Varint.append(count: columns.count, to: &bytes)
        for column in columns {
            Varint.append(count: column.frame, to: &bytes)
            Varint.append(count: column.offset, to: &bytes)
            Varint.append(count: column.byteCount, to: &bytes)
        }
        bytes.append(contentsOf: chunkCounts)
        for chunk in chunks { Varint.append(UInt64(chunk.kind), to: &bytes) }
        appendDifferences(to: &bytes) { Int64($0.count) }
        appendDifferences(to: &bytes) { $0.minMillis }
        appendDifferences(to: &bytes) { $0.maxMillis - $0.minMillis }
        appendDifferences(to: &bytes) { Int64($0.timestamps) }
        var frames = [Int](repeating: 0, count: SegmentFormat.groupCount)
        for chunk in chunks {
            let group = SegmentFormat.group(ofKind: chunk.kind)
            Varint.append(count: chunk.values.frame - frames[group], to: &bytes)
            frames[group] = chunk.values.frame
        }
        for chunk in chunks { Varint.append(count: chunk.values.byteCount, to: &bytes) }
        return bytes
    }

    // MARK: - Private

    private static func open(_ frame: inout OpenFrame, _ frames: inout [FilePlace]) -> Int {
        if let number = frame.number { return number }
        frame.number = frames.count
        frames.append(FilePlace())
        return frames.count - 1
    }

    private func appendDifferences(to bytes: inout [UInt8], _ read: (Segment.Chunk) -> Int64) {
        var previous = [Int64](repeating: 0, count: SegmentFormat.groupCount)
        for chunk in chunks {
            let group = SegmentFormat.group(ofKind: chunk.kind)
            Varint.append(signed: read(chunk) &- previous[group], to: &bytes)
            previous[group] = read(chunk)
        }
    }
}
