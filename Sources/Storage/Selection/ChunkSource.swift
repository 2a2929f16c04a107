import Model

/// Reads chunks for one set of series, for one thread.
///
/// It keeps what each segment had decoded last, and notes what cannot be read.
final class ChunkSource {
    /// Readers of the segments, in the order in which these were wanted first.
    private var readers: [OpenReader] = []
    /// Where the reader stands that is likely to be wanted next.
    private var next = 0
    /// The block that was looked at last for rollups.
    private var looked = (segment: UInt64.max, ordinals: UInt32(0)..<0, anyRollups: false)
    /// The windows that were asked about last.
    private var windows = WindowList([])
    private let remarks: SelectionRemarks
    private let budget: QueryBudget

    init(_ remarks: SelectionRemarks, _ budget: QueryBudget) {
        self.remarks = remarks
        self.budget = budget
    }

    /// The chunks of a series of a segment.
    func chunks(of segment: Segment, _ ordinal: UInt32) -> ArraySlice<Segment.Chunk> {
        read(segment, []) { reader throws(StorageError) in try segment.chunks(of: ordinal, &reader) }
    }

    /// Whether a segment has rollups of any series of the block of a series.
    func hasRollups(inBlockOf ordinal: UInt32, of segment: Segment) -> Bool {
        if looked.segment == segment.identity, looked.ordinals.contains(ordinal) { return looked.anyRollups }
        let (ordinals, anyRollups) = read(segment, (ordinal..<ordinal + 1, false)) {
            reader throws(StorageError) in
            try segment.hasRollups(inBlockOf: ordinal, &reader)
        }
        looked = (segment.identity, ordinals, anyRollups)
        return anyRollups
    }

    /// Replaces `column` by the samples of a series in `range`, if these are all in one chunk of numbers; as
    /// `Segment.readOnlyChunk` does.
    ///
    /// - Returns: Whether it is so; else `column` says nothing.
    func readOnlyChunk(
        of segment: Segment,
        _ ordinal: UInt32,
        in range: TimeRange,
        notBefore earliest: Int64,
        mayReadMore: Bool,
        into column: inout SampleColumn
    ) -> Bool {
        read(segment, false) { reader throws(StorageError) in
            try segment.readOnlyChunk(
                of: ordinal,
                in: range,
                notBefore: earliest,
                mayReadMore: mayReadMore,
                into: &column,
                &reader
            )
        }
    }

    /// The samples of a chunk.
    func samples(_ chunk: Segment.Chunk, of segment: Segment, _ ordinal: UInt32) -> SampleColumn {
        read(segment, SampleColumn()) { reader throws(StorageError) in
            try segment.read(chunk, of: ordinal, &reader)
        }
    }

    /// The buckets of a chunk.
    func buckets(
        _ chunk: Segment.Chunk,
        of segment: Segment,
        _ ordinal: UInt32,
        _ parts: WindowParts
    ) -> [RollupBucket] {
        if let level = chunk.level { budget.noteRead(level, bucketCount: chunk.count) }
        return read(segment, []) { reader throws(StorageError) in
            try segment.buckets(chunk, of: ordinal, parts, &reader)
        }
    }

    /// What the windows are like that are asked about; mostly the same for series after series.
    func list(of windows: [TimeRange]) -> WindowList {
        if self.windows.windows != windows { self.windows = WindowList(windows) }
        return self.windows
    }

    /// The buckets of a chunk of rollups of native histograms.
    func histogramRollups(
        _ chunk: Segment.Chunk,
        of segment: Segment,
        _ ordinal: UInt32,
        _ parts: WindowParts
    ) -> [HistogramRollup] {
        if let level = chunk.level { budget.noteRead(level, bucketCount: chunk.count) }
        return read(segment, []) { reader throws(StorageError) in
            try segment.histogramRollups(chunk, of: ordinal, parts, &reader)
        }
    }

    /// Notes that samples before `time` are gone, and that rollups of `level` stand in their place.
    func noteExpired(before time: Timestamp, _ level: RollupLevel) {
        remarks.noteExpired(before: time, level)
    }

    /// What `body` reads of `segment`; `otherwise` if it cannot be read.
    private func read<Value>(
        _ segment: Segment,
        _ otherwise: Value,
        _ body: (inout Segment.Reader) throws(StorageError) -> Value
    ) -> Value {
        let place = place(of: segment.identity)
        next = place + 1
        do throws(StorageError) {
            return try body(&readers[place].reader)
        } catch {
            if remarks.note(Store.warning(about: segment)) { segment.note(error) }
            return otherwise
        }
    }

    /// Where the reader of the segment of this identity stands.
    private func place(of identity: UInt64) -> Int {
        // A series after the other is read, of the same segments; or chunk after chunk of one.
        if next < readers.count, readers[next].identity == identity { return next }
        if next > 0, readers[next - 1].identity == identity { return next - 1 }
        if let place = readers.firstIndex(where: { $0.identity == identity }) { return place }
        readers.append(OpenReader(identity: identity, reader: Segment.Reader(isOfQuery: true)))
        return readers.count - 1
    }

    private struct OpenReader {
        /// The segment's identity.
        let identity: UInt64
        var reader: Segment.Reader
    }
}
