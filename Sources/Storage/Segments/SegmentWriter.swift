import ChunkCodec
import Model

/// What a segment is, beside its samples.
struct SegmentShape {
    /// How long its samples are kept, in milliseconds; nil for ever.
    var retentionMillis: Int64?
    /// The number of the last write in it.
    var sequence: UInt64
    /// The windows by start that its samples are of, each with the number of its last write.
    var windows: [Int64: UInt64]
    /// How often its samples were merged; 0 for a flush.
    var level = 0
}

/// Writes a segment: all chunks of one series after the other, series in label order.
///
/// Columns of several chunks share a frame of about 64 KiB; equal timestamp columns are stored once.
struct SegmentWriter {
    private let file: any File
    private let shape: SegmentShape
    private var position = 0
    private var buffer: [UInt8] = []

    private var valueFrame = OpenFrame()
    private var timestampFrame = OpenFrame()
    private var frameByteCounts: [Int] = []
    private var timestampColumns: [[UInt8]: Int] = [:]
    private var lastTimestamps: (millis: ArraySlice<Int64>, column: Int)?
    private var timestampPlaces: [Place] = []
    private var chunks: [Chunk] = []
    private var labels: [UInt8] = []
    private var chunkCounts: [(id: SeriesID, chunkCount: Int)] = []
    private var sampleCount = 0
    private var range = TimeRange(.max, .min)

    /// Where encoded bytes lie: which frame, and where in its content.
    private struct Place {
        var frame: Int
        var offset: Int
        var byteCount: Int
    }

    /// Encoded columns that wait until they fill a frame.
    ///
    /// The number of the frame is known when it is closed.
    private struct OpenFrame {
        var bytes: [UInt8] = []
        var members: [Int] = []
    }

    private struct Chunk {
        var windowStart: Int64
        var count: Int
        var minMillis: Int64
        var maxMillis: Int64
        var timestamps: Int
        var place: Place
    }

    /// A writer to the new, empty `file`; from level 1 on everything is made as small as it gets.
    init(file: any File, shape: SegmentShape) {
        self.file = file
        self.shape = shape
        buffer = SegmentFormat.header
        position = buffer.count
    }

    /// Whether a series was added.
    var isEmpty: Bool { chunkCounts.isEmpty }

    /// Adds a series with its samples, at least one, times rising strictly.
    ///
    /// Series come in label order.
    mutating func add(
        _ id: SeriesID,
        _ seriesLabels: Labels,
        _ column: SampleColumn
    ) throws(FileError) {
        Varint.append(id.rawValue, to: &labels)
        Varint.append(count: seriesLabels.packed.count, to: &labels)
        labels.append(contentsOf: seriesLabels.packed)
        var chunkCount = 0
        var from = 0
        while from < column.count {
            let rest = column.count - from
            let to = from + (rest > SegmentFormat.longestChunk ? SegmentFormat.usualChunk : rest)
            try addChunk(column, from..<to)
            chunkCount += 1
            from = to
        }
        chunkCounts.append((id, chunkCount))
    }

    /// Writes the rest of the file and makes it durable.
    mutating func finish() throws(FileError) -> SegmentFooter {
        try closeValueFrame()
        try closeTimestampFrame()
        var footer = SegmentFooter()
        footer.directoryOffset = position
        try writeSection(directory())
        footer.directoryByteCount = position - footer.directoryOffset
        footer.labelsOffset = position
        try writeSection(labels)
        footer.labelsByteCount = position - footer.labelsOffset
        footer.sequence = shape.sequence
        footer.startMillis = range.start.millis
        footer.endMillis = range.end.millis
        footer.retentionMillis = shape.retentionMillis
        footer.seriesCount = chunkCounts.count
        footer.sampleCount = sampleCount
        try put(footer.encoded)
        try flush()
        try file.sync()
        return footer
    }

    /// The size of the file so far, in bytes.
    var byteCount: Int { position }

    // MARK: - Chunks

    private mutating func addChunk(_ column: SampleColumn, _ members: Range<Int>) throws(FileError) {
        let (first, last) = (column.timestamps[members.lowerBound], column.timestamps[members.upperBound - 1])
        let timestamps = try addTimestamps(column.timestamps[members])
        let offset = valueFrame.bytes.count
        ValueColumn.encode(
            column.values[members],
            effort: shape.level > 0 ? .compaction : .flush,
            into: &valueFrame.bytes
        )
        let place = Place(frame: -1, offset: offset, byteCount: valueFrame.bytes.count - offset)
        valueFrame.members.append(chunks.count)
        chunks.append(
            Chunk(
                windowStart: Window.start(of: first),
                count: members.count,
                minMillis: first,
                maxMillis: last,
                timestamps: timestamps,
                place: place
            )
        )
        sampleCount += members.count
        let (firstWindow, lastWindow) = (Window.start(of: first), Window.start(of: last))
        range = TimeRange(
            min(range.start, Window.range(startingAt: firstWindow).start),
            max(range.end, Window.range(startingAt: lastWindow).end)
        )
        if valueFrame.bytes.count >= SegmentFormat.frameByteCount { try closeValueFrame() }
    }

    /// Gives the number of the column of these times; one that is there is not stored again.
    private mutating func addTimestamps(_ millis: ArraySlice<Int64>) throws(FileError) -> Int {
        // Nearly every series of a scrape has the times of the one before it.
        if let last = lastTimestamps, last.millis == millis { return last.column }
        var encodedTimestamps: [UInt8] = []
        TimestampColumn.encode(Array(millis), effort: .compaction, into: &encodedTimestamps)
        let timestamps: Int
        if let known = timestampColumns[encodedTimestamps] {
            timestamps = known
        } else {
            timestamps = timestampPlaces.count
            timestampColumns[encodedTimestamps] = timestamps
            let offset = timestampFrame.bytes.count
            timestampPlaces.append(Place(frame: -1, offset: offset, byteCount: encodedTimestamps.count))
            timestampFrame.bytes.append(contentsOf: encodedTimestamps)
            timestampFrame.members.append(timestamps)
            if timestampFrame.bytes.count >= SegmentFormat.frameByteCount { try closeTimestampFrame() }
        }
        lastTimestamps = (millis, timestamps)
        return timestamps
    }

    private mutating func closeValueFrame() throws(FileError) {
        guard !valueFrame.members.isEmpty else { return }
        for member in valueFrame.members { chunks[member].place.frame = frameByteCounts.count }
        try putFrame(valueFrame.bytes)
        valueFrame = OpenFrame()
    }

    private mutating func closeTimestampFrame() throws(FileError) {
        guard !timestampFrame.members.isEmpty else { return }
        for member in timestampFrame.members { timestampPlaces[member].frame = frameByteCounts.count }
        try putFrame(timestampFrame.bytes)
        timestampFrame = OpenFrame()
    }

    // MARK: - Directory

    /// Format: docs/formats/segment.md "Directory".
    private func directory() -> [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(count: shape.level, to: &bytes)
        Varint.append(count: shape.windows.count, to: &bytes)
        var previousStart: Int64 = 0
        for (start, sequence) in shape.windows.sorted(by: { $0.key < $1.key }) {
            Varint.append(signed: (start - previousStart) / Window.millis, to: &bytes)
            Varint.append(sequence, to: &bytes)
            previousStart = start
        }
        Varint.append(count: frameByteCounts.count, to: &bytes)
        for byteCount in frameByteCounts { Varint.append(count: byteCount, to: &bytes) }
        Varint.append(count: timestampPlaces.count, to: &bytes)
        for place in timestampPlaces { SegmentWriter.append(place, to: &bytes) }
        Varint.append(count: chunkCounts.count, to: &bytes)
        for series in chunkCounts {
            Varint.append(series.id.rawValue, to: &bytes)
            Varint.append(count: series.chunkCount, to: &bytes)
        }
        var previousTimestamps = 0
        for chunk in chunks {
            Varint.append(SegmentFormat.floatKind, to: &bytes)
            Varint.append(signed: chunk.windowStart / Window.millis, to: &bytes)
            Varint.append(count: chunk.count, to: &bytes)
            Varint.append(signed: chunk.minMillis - chunk.windowStart, to: &bytes)
            Varint.append(signed: chunk.maxMillis - chunk.minMillis, to: &bytes)
            Varint.append(signed: Int64(chunk.timestamps - previousTimestamps), to: &bytes)
            SegmentWriter.append(chunk.place, to: &bytes)
            previousTimestamps = chunk.timestamps
        }
        return bytes
    }

    private static func append(_ place: Place, to bytes: inout [UInt8]) {
        Varint.append(count: place.frame, to: &bytes)
        Varint.append(count: place.offset, to: &bytes)
        Varint.append(count: place.byteCount, to: &bytes)
    }

    // MARK: - Bytes

    private mutating func putFrame(_ content: [UInt8]) throws(FileError) {
        var frame: [UInt8] = []
        Frame.append(content, to: &frame, compression: .lz4(shape.level > 0 ? .high : .fast))
        frameByteCounts.append(frame.count)
        try put(frame)
    }

    private mutating func writeSection(_ content: [UInt8]) throws(FileError) {
        var from = 0
        repeat {
            let to = min(content.count, from + SegmentFormat.sectionFrameByteCount)
            var frame: [UInt8] = []
            Frame.append(content[from..<to], to: &frame, compression: .lz4(.high))
            try put(frame)
            from = to
        } while from < content.count
    }

    private mutating func put(_ bytes: [UInt8]) throws(FileError) {
        buffer.append(contentsOf: bytes)
        position += bytes.count
        if buffer.count >= SegmentFormat.sectionFrameByteCount { try flush() }
    }

    private mutating func flush() throws(FileError) {
        try file.write(buffer)
        buffer = []
    }
}
