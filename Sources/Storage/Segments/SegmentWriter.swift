import ChunkCodec
import Glibc
import Model

/// What a segment is, beside its samples.
struct SegmentShape {
    /// How long its samples are kept, in milliseconds; nil for ever.
    var retentionMillis: Int64?
    /// The number of the last write in it.
    var sequence: UInt64
    /// How often its samples were merged; 0 for a flush.
    var level = 0
}

/// Writes a segment: the series in label order, the samples of one after the other.
///
/// What is written is not held in memory: only the block of series that is open and the index are.
struct SegmentWriter {
    private let file: any File
    private let shape: SegmentShape
    private var position = 0
    private var buffer: [UInt8] = []

    private var block = BlockWriter()
    private var timestamps = TimestampColumns()
    private var index: IndexBuilder
    private var blockTable: [UInt8] = []
    private var blockEnd = 0

    /// The samples of the open series that are not encoded yet.
    private var pending = SampleColumn()
    /// The rollups of the open series.
    private var rollups = SeriesRollups()
    private var labels: Labels?
    private var previousLabels: Labels?
    private var chunkCount = 0
    private var footer = SegmentFooter()
    private var summary = SegmentSummary()
    private var range = TimeRange(.max, .min)

    /// A writer to the new, empty `file`; from level 1 on everything is made as small as it gets.
    ///
    /// About `indexByteCount` bytes of memory are taken for the index.
    init(
        file: any File,
        shape: SegmentShape,
        indexByteCount: Int = SegmentFormat.indexMemoryByteCount
    ) {
        self.file = file
        self.shape = shape
        index = IndexBuilder(limit: indexByteCount)
        buffer = SegmentFormat.header
        position = buffer.count
    }

    /// Whether no series with samples was added.
    var isEmpty: Bool { footer.seriesCount == 0 }
    /// The size of the file so far, in bytes.
    var byteCount: Int { position }

    /// Adds a series with its samples, times rising strictly, and makes its rollups.
    ///
    /// - Parameters:
    ///   - labels: The series; series come in label order.
    ///   - column: All of its samples.
    ///   - rollups: What is rolled up: the levels, and what is known of samples that are gone.
    /// - Throws: What the file system says.
    mutating func add(
        _ labels: Labels,
        _ column: SampleColumn,
        _ rollups: SeriesRollups = SeriesRollups()
    ) throws(FileError) {
        beginSeries(labels, rollups)
        try append(column)
        try endSeries()
    }

    /// Begins a series; series come in label order.
    mutating func beginSeries(_ labels: Labels, _ rollups: SeriesRollups = SeriesRollups()) {
        precondition(self.labels == nil, "BUG: a series inside of a series")
        if let previousLabels { precondition(previousLabels < labels, "BUG: \(labels) comes too late") }
        self.labels = labels
        self.rollups = rollups
        chunkCount = 0
    }

    /// Adds samples to the series that was begun, behind those that it has.
    mutating func append(_ column: SampleColumn) throws(FileError) {
        rollups.add(column)
        if pending.isEmpty {
            pending = column
        } else {
            pending.append(column, column.timestamps.indices)
        }
        guard pending.count > SegmentFormat.longestChunk else { return }
        var from = 0
        while pending.count - from > SegmentFormat.longestChunk {
            try addChunks(from..<from + SegmentFormat.usualChunk)
            from += SegmentFormat.usualChunk
        }
        pending = pending.part(from..<pending.count)
    }

    /// Adds a chunk of another segment as it is: samples behind those that the series has, or rollups behind
    /// all samples and those of finer levels.
    ///
    /// - Parameters:
    ///   - chunk: The chunk.
    ///   - column: Its samples, if they are to be rolled up.
    /// - Throws: What the file system says.
    mutating func append(_ chunk: EncodedChunk, rollingUp column: SampleColumn? = nil) throws(FileError) {
        if let column { rollups.add(column) }
        try encodePending()
        let column = timestamps.column(chunk.timestamps, &block)
        add(chunk, column) { $0.append(contentsOf: chunk.values) }
        try closeFullFrames()
    }

    /// Adds buckets of a level to the series that was begun, behind all samples and those of finer levels.
    mutating func append(_ rollup: SeriesRollup) throws(FileError) {
        try encodePending()
        let buckets = rollup.buckets
        var from = 0
        while from < buckets.count {
            let rest = buckets.count - from
            let to =
                rest > SegmentFormat.longestRollupChunk
                ? from + SegmentFormat.usualRollupChunk : buckets.count
            try addChunk(Array(buckets[from..<to]), rollup.level, ofHistograms: false, RollupCodec.encode)
            from = to
        }
        for chunk in HistogramRollup.chunks(of: rollup.histograms) {
            try addChunk(chunk, rollup.level, ofHistograms: true, HistogramRollupCodec.encode)
        }
    }

    /// Ends the series that was begun; one without samples and rollups is left out.
    mutating func endSeries() throws(FileError) {
        precondition(labels != nil, "BUG: the end of no series")
        try encodePending()
        for rollup in rollups.take() { try append(rollup) }
        guard let ended = labels else { return }
        labels = nil
        guard chunkCount > 0 else { return }
        index.add(ended, UInt32(footer.seriesCount))
        block.endSeries(ended, chunkCount: chunkCount)
        previousLabels = ended
        footer.seriesCount += 1
        if block.isFull { try closeBlock() }
    }

    /// Writes the rest of the file and makes it durable.
    mutating func finish() throws(FileError) {
        if !block.isEmpty { try closeBlock() }
        let firstOfIndex = position
        // What the index has to read again must be in the file.
        try flush()
        let (builder, blocks) = (index, (blockTable, footer.seriesCount))
        index = IndexBuilder(limit: 0)
        summary.index = try builder.write { content throws(FileError) in
            try putSection(content)
        } again: { body throws(FileError) in
            try SegmentWriter.forEachSeries(of: file, blocks, body)
        }
        summary.labelsByteCount += position - firstOfIndex
        summary.blocks = try putSection(blockTable)
        summary.level = shape.level
        footer.summary = try putSection(summary.encoded)
        footer.sequence = shape.sequence
        footer.startMillis = range.start.millis
        footer.endMillis = range.end.millis
        footer.retentionMillis = shape.retentionMillis
        try put(footer.encoded)
        try flush()
        try file.sync()
    }

    // MARK: - Chunks

    private mutating func encodePending() throws(FileError) {
        guard !pending.isEmpty else { return }
        try addChunks(0..<pending.count)
        pending = SampleColumn()
    }

    /// Adds the samples at `members` as one chunk, or as several where their histograms are large.
    private mutating func addChunks(_ members: Range<Int>) throws(FileError) {
        var from = members.lowerBound
        var bucketCount = 0
        for index in pending.histograms.indices(in: members) {
            let histogram = pending.histograms.values[index]
            bucketCount += histogram.positive.count + histogram.negative.count + histogram.customBounds.count
            let position = pending.histograms.positions[index]
            guard bucketCount > SegmentFormat.chunkBucketCount, position > from else { continue }
            try addChunk(from..<position)
            (from, bucketCount) = (position, 0)
        }
        try addChunk(from..<members.upperBound)
    }

    private mutating func addChunk(_ members: Range<Int>) throws(FileError) {
        let column = timestamps.column(pending.timestamps[members], &block)
        let hasHistograms = !pending.histograms.indices(in: members).isEmpty
        let chunk = EncodedChunk(
            kind: hasHistograms ? SegmentFormat.histogramKind : SegmentFormat.floatKind,
            count: members.count,
            minMillis: pending.timestamps[members.lowerBound],
            maxMillis: pending.timestamps[members.upperBound - 1],
            timestamps: [],
            values: []
        )
        let values = pending.values[members]
        let effort: EncodingEffort = shape.level > 0 ? .compaction : .flush
        if hasHistograms {
            let histograms = pending.histograms
            add(chunk, column) { bytes in
                var encoded: [UInt8] = []
                ValueColumn.encode(values, effort: effort, into: &encoded)
                Varint.append(count: encoded.count, to: &bytes)
                bytes.append(contentsOf: encoded)
                HistogramCodec.encode(histograms, in: members, into: &bytes)
            }
        } else {
            add(chunk, column) { ValueColumn.encode(values, effort: effort, into: &$0) }
        }
        try closeFullFrames()
    }

    private mutating func addChunk<Unit: RollupUnit>(
        _ buckets: [Unit],
        _ level: RollupLevel,
        ofHistograms: Bool,
        _ encode: ([Unit], RollupLevel, EncodingEffort, inout [UInt8]) -> Void
    ) throws(FileError) {
        guard let first = buckets.first, let last = buckets.last else { return }
        let kind = SegmentFormat.kind(of: level, ofHistograms: ofHistograms)
        let column = timestamps.column(
            buckets.map(\.start)[...],
            group: SegmentFormat.group(ofKind: kind),
            &block
        )
        let chunk = EncodedChunk(
            kind: kind,
            count: buckets.count,
            minMillis: first.range(length: level.millis).start.millis,
            maxMillis: last.range(length: level.millis).end.millis,
            timestamps: [],
            values: []
        )
        let effort: EncodingEffort = shape.level > 0 ? .compaction : .flush
        add(chunk, column) { encode(buckets, level, effort, &$0) }
        try closeFullFrames()
    }

    private mutating func add(_ chunk: EncodedChunk, _ column: Int, _ encode: (inout [UInt8]) -> Void) {
        block.addChunk(chunk, column, encode)
        chunkCount += 1
        if SegmentFormat.level(ofKind: chunk.kind) == nil {
            footer.chunkCount += 1
            footer.sampleCount += chunk.count
            if chunk.count < SegmentFormat.sufficientChunk { footer.sparseSampleCount += chunk.count }
        }
        summary.firstChunkEndMillis = min(summary.firstChunkEndMillis, chunk.maxMillis)
        range = TimeRange(
            min(range.start, Timestamp(millis: chunk.minMillis)),
            max(range.end, Timestamp(millis: chunk.maxMillis))
        )
    }

    private mutating func closeFullFrames() throws(FileError) {
        for group in 0..<SegmentFormat.groupCount
        where block.openValueByteCount(ofGroup: group) >= SegmentFormat.frameByteCount {
            try closeValueFrame(ofGroup: group)
        }
        if block.openTimestampByteCount >= SegmentFormat.frameByteCount { try closeTimestampFrame() }
    }

    private mutating func closeValueFrame(ofGroup group: Int) throws(FileError) {
        guard let content = block.takeValueFrame(ofGroup: group) else { return }
        let place = try putFrame(content)
        block.closeValueFrame(ofGroup: group, at: place)
        summary.valuesByteCount += place.byteCount
    }

    private mutating func closeTimestampFrame() throws(FileError) {
        guard let content = block.takeTimestampFrame() else { return }
        let place = try putFrame(content)
        block.closeTimestampFrame(at: place)
        timestamps.noteClosedFrame(at: place)
        summary.timestampsByteCount += place.byteCount
    }

    private mutating func closeBlock() throws(FileError) {
        for group in 0..<SegmentFormat.groupCount { try closeValueFrame(ofGroup: group) }
        try closeTimestampFrame()
        let labels = try putSection(block.labels)
        let directory = try putSection(block.directory)
        summary.labelsByteCount += labels.byteCount
        Varint.append(count: block.seriesCount, to: &blockTable)
        labels.append(after: blockEnd, to: &blockTable)
        directory.append(after: labels.end, to: &blockTable)
        blockEnd = directory.end
        index.shrink()
        block = BlockWriter()
        timestamps.beginBlock()
    }

    /// Reads the label sets of the blocks that are written.
    private static func forEachSeries(
        of file: any File,
        _ blockTable: (bytes: [UInt8], seriesCount: Int),
        _ body: (Labels, UInt32) -> Void
    ) throws(FileError) {
        do {
            let table = try BlockTable(
                blockTable.bytes,
                seriesCount: blockTable.seriesCount,
                fileByteCount: try file.size()
            )
            for block in 0..<table.count {
                let content = try Segment.section(at: table.labels[block], of: file)
                let ordinals = table.ordinals(ofBlock: block)
                let labels = try LabelsBlock(content, count: ordinals.count)
                for ordinal in ordinals {
                    body(labels.labels(at: Int(ordinal - ordinals.lowerBound)), ordinal)
                }
            }
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError("read back", "the labels of a new segment", code: EIO)
        }
    }

    // MARK: - Bytes

    private mutating func putFrame(_ content: [UInt8]) throws(FileError) -> FilePlace {
        try putSection(content, frameByteCount: content.count)
    }

    /// Writes `content` as one frame, or as several if it is large.
    private mutating func putSection(
        _ content: [UInt8],
        frameByteCount: Int = SegmentFormat.sectionFrameByteCount
    ) throws(FileError) -> FilePlace {
        var place = FilePlace(offset: position, byteCount: 0)
        var from = 0
        repeat {
            let to = min(content.count, from + frameByteCount)
            var frame: [UInt8] = []
            Frame.append(content[from..<to], to: &frame, compression: .lz4(shape.level > 0 ? .high : .fast))
            try put(frame)
            from = to
        } while from < content.count
        place.byteCount = position - place.offset
        return place
    }

    private mutating func put(_ bytes: [UInt8]) throws(FileError) {
        buffer.append(contentsOf: bytes)
        position += bytes.count
        if buffer.count >= SegmentFormat.sectionFrameByteCount { try flush() }
    }

    private mutating func flush() throws(FileError) {
        try file.write(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
