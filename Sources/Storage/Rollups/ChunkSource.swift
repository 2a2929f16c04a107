import Model

/// Reads chunks for one set of series.
///
/// It keeps what each segment had decoded last, and notes what cannot be read. One thread at a time has it:
/// `StoredSeriesSet.idle` is the lock under which it changes hands, hence unchecked.
final class ChunkSource: @unchecked Sendable {
    /// By the segments' identities.
    var readers: [UInt64: Segment.Reader] = [:]
    /// What the reader should know.
    private(set) var warnings: [String] = []
    /// By level: samples before this time are gone, and rollups of that level were read in their place.
    private(set) var expired: [RollupLevel: Timestamp] = [:]
    private let budget: QueryBudget

    init(_ budget: QueryBudget) { self.budget = budget }

    /// The chunks of a series of a segment.
    func chunks(of segment: Segment, _ ordinal: UInt32) -> ArraySlice<Segment.Chunk> {
        read(segment, []) { reader throws(StorageError) in try segment.chunks(of: ordinal, &reader) }
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
        expired[level] = max(expired[level] ?? .min, time)
    }

    /// What the reader should know of what `sources` have read, each text once, behind `texts`.
    static func warnings(of sources: [ChunkSource], beside texts: [String]) -> [String] {
        var all = texts
        var expired: [RollupLevel: Timestamp] = [:]
        for source in sources {
            for text in source.warnings where !all.contains(text) { all.append(text) }
            expired.merge(source.expired) { max($0, $1) }
        }
        return all
            + expired.sorted { $0.key < $1.key }.map { level, time in
                "raw samples before \(time.text) have expired: answered from \(level.name) rollups"
            }
    }

    /// What `body` reads of `segment`; `otherwise` if it cannot be read.
    private func read<Value>(
        _ segment: Segment,
        _ otherwise: Value,
        _ body: (inout Segment.Reader) throws(StorageError) -> Value
    ) -> Value {
        var reader = readers.removeValue(forKey: segment.identity) ?? Segment.Reader(isOfQuery: true)
        defer { readers[segment.identity] = reader }
        do throws(StorageError) {
            return try body(&reader)
        } catch {
            let text = Store.warning(about: segment)
            if !warnings.contains(text) {
                warnings.append(text)
                segment.note(error)
            }
            return otherwise
        }
    }
}
