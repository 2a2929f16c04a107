import ChunkCodec
import Model

/// Writes a segment: all chunks of one series after the other, series in label order.
///
/// Columns of several chunks share a frame of about 64 KiB; equal timestamp columns are stored once.
struct SegmentWriter {
    private let file: any File
    private let retentionMillis: Int64?
    private var position = 0
    private var buffer: [UInt8] = []

    private var valueFrame = OpenFrame()
    private var timestampFrame = OpenFrame()
    private var frameByteCounts: [Int] = []
    private var timestampColumns: [[UInt8]: Int] = [:]
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

    /// A writer to the new, empty `file`.
    init(file: any File, retentionMillis: Int64?) {
        self.file = file
        self.retentionMillis = retentionMillis
        buffer = SegmentFormat.header
        position = buffer.count
    }

    /// Whether a series was added.
    var isEmpty: Bool { chunkCounts.isEmpty }

    /// Adds a series with its windows (starts rising, no empty column).
    ///
    /// Series come in label order.
    mutating func add(
        _ id: SeriesID,
        _ seriesLabels: Labels,
        _ windows: [(start: Int64, column: SampleColumn)]
    ) throws(FileError) {
        Varint.append(id.rawValue, to: &labels)
        Varint.append(count: seriesLabels.packed.count, to: &labels)
        labels.append(contentsOf: seriesLabels.packed)
        var chunkCount = 0
        for window in windows {
            // A window of one series holds more than a chunk's limit only if samples are closer than 7 ms.
            var from = 0
            while from < window.column.count {
                let to = min(window.column.count, from + SegmentFormat.maxSamplesPerChunk)
                try addChunk(
                    window.start,
                    SampleColumn(
                        timestamps: Array(window.column.timestamps[from..<to]),
                        values: Array(window.column.values[from..<to])
                    )
                )
                chunkCount += 1
                from = to
            }
        }
        chunkCounts.append((id, chunkCount))
    }

    /// Writes the rest of the file and makes it durable.
    mutating func finish(sequence: UInt64) throws(FileError) -> SegmentFooter {
        try closeValueFrame()
        try closeTimestampFrame()
        var footer = SegmentFooter()
        footer.directoryOffset = position
        try writeSection(directory())
        footer.directoryByteCount = position - footer.directoryOffset
        footer.labelsOffset = position
        try writeSection(labels)
        footer.labelsByteCount = position - footer.labelsOffset
        footer.sequence = sequence
        footer.startMillis = range.start.millis
        footer.endMillis = range.end.millis
        footer.retentionMillis = retentionMillis
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

    private mutating func addChunk(_ windowStart: Int64, _ column: SampleColumn) throws(FileError) {
        guard let first = column.timestamps.first, let last = column.timestamps.last else { return }
        var encodedTimestamps: [UInt8] = []
        TimestampColumn.encode(column.timestamps, effort: .compaction, into: &encodedTimestamps)
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
        let offset = valueFrame.bytes.count
        ValueColumn.encode(column.values, effort: .compaction, into: &valueFrame.bytes)
        let place = Place(frame: -1, offset: offset, byteCount: valueFrame.bytes.count - offset)
        valueFrame.members.append(chunks.count)
        chunks.append(
            Chunk(
                windowStart: windowStart,
                count: column.count,
                minMillis: first,
                maxMillis: last,
                timestamps: timestamps,
                place: place
            )
        )
        sampleCount += column.count
        let window = Window.range(startingAt: windowStart)
        range = TimeRange(min(range.start, window.start), max(range.end, window.end))
        if valueFrame.bytes.count >= SegmentFormat.frameByteCount { try closeValueFrame() }
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
        Frame.append(content, to: &frame, compression: .lz4(.fast))
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
