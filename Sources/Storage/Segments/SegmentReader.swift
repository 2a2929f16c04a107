import ChunkCodec
import Model

extension Segment {
    /// What was decoded last of a segment; makes it cheap to read series in the order of their ordinals.
    ///
    /// One per thread that reads, for one segment at a time.
    struct Reader {
        /// The most samples of timestamp columns that are kept decoded.
        private static let keptSampleCount = 1 << 18

        /// The most values of a chunk that are not kept decoded: instead the frame is in which they stand.
        fileprivate static let shortCount = 32

        /// A part of a timestamp column.
        fileprivate struct Part {
            var key: TimesKey
            var range: TimeRange
            var places: Range<Int>
            var millis: [Int64]
        }

        /// What could not be read since it was last emptied.
        var damages: [StorageError] = []
        /// Whether decoded columns are taken from those kept for all, and put there: for queries.
        let isOfQuery: Bool
        fileprivate var segment: UInt64 = 0
        fileprivate var table: BlockTable?
        /// The block that was read last, and which series are in it.
        fileprivate var directory: (ordinals: Range<UInt32>, content: DirectoryBlock)?
        fileprivate var labels: (block: Int, content: LabelsBlock)?
        /// By group of chunks.
        fileprivate var valueFrames = [(offset: Int, content: [UInt8])?](
            repeating: nil,
            count: SegmentFormat.groupCount
        )
        fileprivate var timestampFrame: (offset: Int, content: [UInt8])?
        fileprivate var times: [TimesKey: [Int64]] = [:]
        /// By group of chunks the column that was read last.
        fileprivate var lastTimes = [(key: TimesKey, millis: [Int64])?](
            repeating: nil,
            count: SegmentFormat.groupCount
        )
        /// The part of a column that was wanted last.
        fileprivate var part: Part?
        fileprivate var rollupScratch = RollupCodec.Scratch()
        fileprivate var timesSampleCount = 0

        /// A reader that has read nothing; `isOfQuery` if others are likely to want the same columns.
        init(isOfQuery: Bool = false) {
            self.isOfQuery = isOfQuery
        }

        fileprivate mutating func keep(_ millis: [Int64], _ key: TimesKey) {
            if timesSampleCount + millis.count > Reader.keptSampleCount {
                times.removeAll(keepingCapacity: true)
                timesSampleCount = 0
            }
            timesSampleCount += millis.count
            times[key] = millis
        }
    }

    /// A timestamp column of the file.
    fileprivate struct TimesKey: Hashable {
        var frame: Int
        var offset: Int
        var count: Int
    }

    /// The samples of a series in `range`.
    ///
    /// A chunk that cannot be read is left out and told of in `reader.damages`.
    /// - Throws: `StorageError` if it cannot be found out which chunks the series has.
    func read(
        _ ordinal: UInt32,
        in range: TimeRange,
        _ reader: inout Reader
    ) throws(StorageError) -> SampleColumn {
        var column = SampleColumn()
        for chunk in try chunks(of: ordinal, &reader) where chunk.isRaw && chunk.range.overlaps(range) {
            do throws(StorageError) {
                let samples = try read(chunk, of: ordinal, &reader)
                column = column.isEmpty ? samples : column.merged(with: samples)
            } catch {
                reader.damages.append(error)
            }
        }
        return column.sliced(to: range)
    }

    /// The chunks of a series: its samples, times rising, then its rollups, finer levels first, in the same
    /// way.
    func chunks(of ordinal: UInt32, _ reader: inout Reader) throws(StorageError) -> ArraySlice<Chunk> {
        let (directory, index) = try directory(of: ordinal, &reader)
        return directory.chunks(at: index)
    }

    /// Whether a series has a chunk that reaches into `range`.
    func hasChunks(
        of ordinal: UInt32,
        in range: TimeRange,
        _ reader: inout Reader
    ) throws(StorageError) -> Bool {
        try chunks(of: ordinal, &reader).contains { $0.range.overlaps(range) }
    }

    /// Which series are in the block of a series, and whether any of them has rollups.
    func hasRollups(
        inBlockOf ordinal: UInt32,
        _ reader: inout Reader
    ) throws(StorageError) -> (ordinals: Range<UInt32>, anyRollups: Bool) {
        let (directory, index) = try directory(of: ordinal, &reader)
        let first = ordinal - UInt32(index)
        return (first..<first + UInt32(directory.seriesCount), directory.hasRollups)
    }

    /// The labels of a series.
    func labels(of ordinal: UInt32, _ reader: inout Reader) throws(StorageError) -> Labels {
        let table = try table(&reader)
        let block = table.block(of: ordinal)
        if reader.labels?.block != block { reader.labels = (block, try labelsBlock(block, table)) }
        guard let labels = reader.labels?.content else { return .empty }
        return labels.labels(at: Int(ordinal - table.firstOrdinals[block]))
    }

    /// The samples of a chunk of the series `ordinal`.
    func read(_ chunk: Chunk, of ordinal: UInt32, _ reader: inout Reader) throws(StorageError) -> SampleColumn
    {
        precondition(chunk.isRaw, "BUG: a rollup chunk is read for samples")
        let (directory, _) = try directory(of: ordinal, &reader)
        var column = SampleColumn()
        try read(chunk, directory, into: &column, &reader)
        return column
    }

    /// Replaces `column` by the samples of a series in `range`, if these are all in one chunk of numbers.
    ///
    /// - Parameters:
    ///   - ordinal: The series.
    ///   - range: The samples that are wanted, none of them expired if there are no rollups.
    ///   - earliest: Since when samples have not expired, whatever rollups there are, in milliseconds.
    ///   - mayReadMore: Whether others around the range may be among them, which have not expired.
    ///   - column: Filled; it says nothing if this throws.
    ///   - reader: Reads the segment.
    /// - Returns: Whether it is so; else `column` is as it was.
    /// - Throws: What is wrong with the segment.
    func readOnlyChunk(
        of ordinal: UInt32,
        in range: TimeRange,
        notBefore earliest: Int64,
        mayReadMore: Bool,
        into column: inout SampleColumn,
        _ reader: inout Reader
    ) throws(StorageError) -> Bool {
        let (directory, index) = try directory(of: ordinal, &reader)
        guard let (chunk, hasRollups) = directory.onlyRawChunk(at: index),
            chunk.kind == SegmentFormat.floatKind, !hasRollups || range.start.millis >= earliest
        else { return false }
        if chunk.minMillis >= range.start.millis, chunk.maxMillis <= range.end.millis {
            try read(chunk, directory, into: &column, &reader)
            return true
        }
        let part = try part(of: chunk, in: range, directory, &reader)
        if part.places.isEmpty {
            column.removeAll()
            return true
        }
        try read(chunk, directory, into: &column, &reader)
        let isMost = part.places.count >= chunk.count - chunk.count / 4
        if mayReadMore, isMost, chunk.minMillis >= earliest { return true }
        column.timestamps = part.millis
        column.values = Array(column.values[part.places])
        return true
    }

    /// The buckets of a rollup chunk of the series `ordinal`; only `parts` of their states.
    func buckets(
        _ chunk: Chunk,
        of ordinal: UInt32,
        _ parts: WindowParts,
        _ reader: inout Reader
    ) throws(StorageError) -> [RollupBucket] {
        precondition(!chunk.isOfHistograms, "BUG: histograms are read for numbers")
        let (level, starts, bytes) = try rollupColumns(chunk, of: ordinal, &reader)
        do throws(CodecError) {
            return try RollupCodec.decode(bytes, starts: starts, level: level, parts, &reader.rollupScratch)
        } catch {
            throw damaged(error)
        }
    }

    /// The buckets of a chunk of rollups of native histograms; only `parts` of their states.
    func histogramRollups(
        _ chunk: Chunk,
        of ordinal: UInt32,
        _ parts: WindowParts,
        _ reader: inout Reader
    ) throws(StorageError) -> [HistogramRollup] {
        precondition(chunk.isOfHistograms, "BUG: numbers are read for histograms")
        let (level, starts, bytes) = try rollupColumns(chunk, of: ordinal, &reader)
        do throws(CodecError) {
            return try HistogramRollupCodec.decode(bytes, starts: starts, level: level, parts)
        } catch {
            throw damaged(error)
        }
    }

    /// A chunk as it stands in the file, to be put into another one.
    func encoded(
        _ chunk: Chunk,
        of ordinal: UInt32,
        _ reader: inout Reader
    ) throws(StorageError) -> EncodedChunk {
        let (directory, _) = try directory(of: ordinal, &reader)
        return EncodedChunk(
            kind: chunk.kind,
            count: chunk.count,
            minMillis: chunk.minMillis,
            maxMillis: chunk.maxMillis,
            timestamps: Array(
                try bytes(directory.columns[chunk.timestamps], directory, &reader.timestampFrame)
            ),
            values: try bytes(
                chunk.values,
                directory,
                &reader.valueFrames[SegmentFormat.group(ofKind: chunk.kind)]
            )
        )
    }

    // MARK: - Private

    /// Replaces `column` by the samples of a chunk.
    private func read(
        _ chunk: Chunk,
        _ directory: DirectoryBlock,
        into column: inout SampleColumn,
        _ reader: inout Reader
    ) throws(StorageError) {
        if !column.histograms.isEmpty { column.histograms.removeAll() }
        column.timestamps = try times(of: chunk, directory, &reader)
        // A few values are decoded as quickly as they are found among those of all chunks.
        let isShort = chunk.count <= Reader.shortCount
        let isKept = reader.isOfQuery && chunk.kind == SegmentFormat.floatKind && !isShort
        let frame = directory.frames[chunk.values.frame]
        let key = ColumnCache<Double>.Key(
            segment: identity,
            frame: frame.offset,
            offset: chunk.values.offset
        )
        if isKept, let values = keptValues.column(key), values.count == chunk.count {
            column.values = values
            return
        }
        // What is emptied keeps its memory for what is decoded.
        column.values.removeAll(keepingCapacity: true)
        if isShort, reader.isOfQuery, reader.valueFrames[0]?.offset != frame.offset {
            reader.valueFrames[0] = (frame.offset, try keptSection(at: frame))
        }
        let bytes = try bytes(chunk.values, directory, &reader.valueFrames[0])
        do throws(CodecError) {
            if chunk.kind == SegmentFormat.histogramKind {
                var reader = ByteReader(bytes)
                let byteCount = try reader.readCount(limit: reader.remainingCount)
                let values = try reader.readBytes(count: byteCount)
                try ValueColumn.decode(values, count: chunk.count, into: &column.values)
                column.histograms = try HistogramCodec.decodeColumn(sampleCount: chunk.count, from: &reader)
                try reader.expectEnd()
            } else {
                try ValueColumn.decode(bytes, count: chunk.count, into: &column.values)
            }
        } catch {
            column.removeAll()
            throw damaged(error)
        }
        if isKept { keptValues.add(key, column.values) }
    }

    /// The part of a chunk's times that lies in `range`: mostly the same for series after series.
    private func part(
        of chunk: Chunk,
        in range: TimeRange,
        _ directory: DirectoryBlock,
        _ reader: inout Reader
    ) throws(StorageError) -> Reader.Part {
        let column = directory.columns[chunk.timestamps]
        let frame = directory.frames[column.frame].offset
        let key = TimesKey(frame: frame, offset: column.offset, count: chunk.count)
        if let part = reader.part, part.key == key, part.range == range { return part }
        let millis = try times(of: chunk, directory, &reader)
        let from = millis.partitionPoint { $0 >= range.start.millis }
        let to = max(from, millis.partitionPoint { $0 > range.end.millis })
        let part = Reader.Part(key: key, range: range, places: from..<to, millis: Array(millis[from..<to]))
        reader.part = part
        return part
    }

    /// The content of a frame of values, from among those that are kept if it is there.
    private func keptSection(at frame: FilePlace) throws(StorageError) -> [UInt8] {
        let key = ColumnCache<UInt8>.Key(segment: identity, frame: frame.offset, offset: 0)
        if let kept = keptFrames.column(key) { return kept }
        let content = try section(at: frame)
        keptFrames.add(key, content)
        return content
    }

    /// The level, the bucket starts and the encoded states of a rollup chunk.
    private func rollupColumns(
        _ chunk: Chunk,
        of ordinal: UInt32,
        _ reader: inout Reader
    ) throws(StorageError) -> (RollupLevel, [Int64], ArraySlice<UInt8>) {
        guard let level = chunk.level else { preconditionFailure("BUG: samples are read for rollups") }
        let (directory, _) = try directory(of: ordinal, &reader)
        let starts = try times(of: chunk, directory, &reader)
        let group = SegmentFormat.group(ofKind: chunk.kind)
        return (level, starts, try bytes(chunk.values, directory, &reader.valueFrames[group]))
    }

    /// The timestamp column of a chunk.
    private func times(
        of chunk: Chunk,
        _ directory: DirectoryBlock,
        _ reader: inout Reader
    ) throws(StorageError) -> [Int64] {
        let column = directory.columns[chunk.timestamps]
        let frame = directory.frames[column.frame].offset
        let key = TimesKey(frame: frame, offset: column.offset, count: chunk.count)
        let group = SegmentFormat.group(ofKind: chunk.kind)
        if let last = reader.lastTimes[group], last.key == key { return last.millis }
        let millis = try times(of: chunk, directory, key, &reader)
        reader.lastTimes[group] = (key, millis)
        return millis
    }

    private func times(
        of chunk: Chunk,
        _ directory: DirectoryBlock,
        _ key: TimesKey,
        _ reader: inout Reader
    ) throws(StorageError) -> [Int64] {
        let column = directory.columns[chunk.timestamps]
        let frame = key.frame
        if let known = reader.times[key] { return known }
        let shared = ColumnCache<Int64>.Key(segment: identity, frame: frame, offset: column.offset)
        if reader.isOfQuery, let kept = keptTimes.column(shared), kept.count == chunk.count {
            reader.keep(kept, key)
            return kept
        }
        var decoded: [Int64] = []
        let bytes = try bytes(column, directory, &reader.timestampFrame)
        do throws(CodecError) {
            try TimestampColumn.decode(bytes, count: chunk.count, into: &decoded)
        } catch {
            throw damaged(error)
        }
        reader.keep(decoded, key)
        if reader.isOfQuery { keptTimes.add(shared, decoded) }
        return decoded
    }

    private func table(_ reader: inout Reader) throws(StorageError) -> BlockTable {
        if reader.segment != identity { reader = Reader(continuing: reader, identity) }
        if let table = reader.table { return table }
        let table = try blockTable()
        reader.table = table
        return table
    }

    private func directory(
        of ordinal: UInt32,
        _ reader: inout Reader
    ) throws(StorageError) -> (DirectoryBlock, Int) {
        if let known = reader.directory, reader.segment == identity, known.ordinals.contains(ordinal) {
            return (known.content, Int(ordinal - known.ordinals.lowerBound))
        }
        precondition(ordinal < seriesCount, "BUG: series \(ordinal) of \(seriesCount)")
        let table = try table(&reader)
        let block = table.block(of: ordinal)
        let content = try directoryBlock(block, table)
        let ordinals = table.ordinals(ofBlock: block)
        reader.directory = (ordinals, content)
        return (content, Int(ordinal - ordinals.lowerBound))
    }

    private func bytes(
        _ place: ContentPlace,
        _ directory: DirectoryBlock,
        _ cached: inout (offset: Int, content: [UInt8])?
    ) throws(StorageError) -> ArraySlice<UInt8> {
        let frame = directory.frames[place.frame]
        if cached?.offset != frame.offset { cached = (frame.offset, try section(at: frame)) }
        let content = cached?.content ?? []
        guard place.offset <= content.count, place.byteCount <= content.count - place.offset else {
            throw damaged(.truncated(neededBytes: place.byteCount, availableBytes: content.count))
        }
        return content[place.offset..<place.offset + place.byteCount]
    }
}

extension Segment.Reader {
    fileprivate init(continuing other: Segment.Reader, _ segment: UInt64) {
        isOfQuery = other.isOfQuery
        damages = other.damages
        self.segment = segment
    }
}

/// A chunk whose columns are encoded.
struct EncodedChunk: Sendable {
    /// What its samples are.
    var kind = SegmentFormat.floatKind
    /// The number of samples.
    var count: Int
    /// The time of the first sample in milliseconds.
    var minMillis: Int64
    /// The time of the last sample in milliseconds.
    var maxMillis: Int64
    /// The timestamp column.
    var timestamps: [UInt8]
    /// The value column.
    var values: ArraySlice<UInt8>
}
