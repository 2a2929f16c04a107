import Model

/// Steps through all series of several segments in label order: a series that several have comes once.
struct SegmentMerge {
    /// A series as one of the segments has it.
    struct Part {
        /// The segment, by its place in the list that is merged.
        var source: Int
        /// The series in that segment.
        var ordinal: UInt32
    }

    private struct Source {
        var segment: Segment
        var reader = Segment.Reader()
        var ordinal: UInt32 = 0
        /// The labels of the series at `ordinal`; nil behind the last.
        var labels: Labels?
    }

    private var sources: [Source]
    /// By segment the deletes that may concern something in it.
    private let tombstones: [Tombstones]
    /// The labels of the series that it stands at.
    private(set) var labels = Labels.empty
    /// The series that it stands at, in the order of the segments.
    private(set) var parts: [Part] = []

    /// Stands before the first series of `segments`; what `tombstones` delete is not copied.
    init(_ segments: [Segment], without tombstones: Tombstones = Tombstones()) throws(StorageError) {
        sources = segments.map { Source(segment: $0) }
        self.tombstones = segments.map { tombstones.concerning($0.record.sequence, $0.record.range) }
        for source in sources.indices { try load(source) }
    }

    /// Goes to the next series; false behind the last.
    mutating func next() throws(StorageError) -> Bool {
        for part in parts {
            sources[part.source].ordinal += 1
            try load(part.source)
        }
        parts.removeAll(keepingCapacity: true)
        var least: Labels?
        for (number, source) in sources.enumerated() {
            guard let own = source.labels else { continue }
            if let least, least < own { continue }
            if least != own { parts.removeAll(keepingCapacity: true) }
            least = own
            parts.append(Part(source: number, ordinal: source.ordinal))
        }
        guard let least else { return false }
        labels = least
        return true
    }

    /// The chunks of a part, times rising.
    mutating func chunks(of part: Part) throws(StorageError) -> ArraySlice<Segment.Chunk> {
        try sources[part.source].segment.chunks(of: part.ordinal, &sources[part.source].reader)
    }

    /// The samples of a chunk of a part.
    mutating func read(_ chunk: Segment.Chunk, of part: Part) throws(StorageError) -> SampleColumn {
        try sources[part.source].segment.read(chunk, of: part.ordinal, &sources[part.source].reader)
    }

    /// The buckets of a rollup chunk of a part.
    mutating func rollup(
        _ chunk: Segment.Chunk,
        of part: Part
    ) throws(StorageError) -> SeriesRollup {
        try sources[part.source].segment.rollup(chunk, of: part.ordinal, &sources[part.source].reader)
    }

    /// A chunk of a part as it is in its file.
    mutating func encoded(_ chunk: Segment.Chunk, of part: Part) throws(StorageError) -> EncodedChunk {
        try sources[part.source].segment.encoded(chunk, of: part.ordinal, &sources[part.source].reader)
    }

    /// The times that are deleted of the series that it stands at in the segment of a part.
    func deletedRanges(of part: Part) -> [TimeRange] { tombstones[part.source].ranges(of: labels) }

    /// The level of the segment that a part is of.
    func level(of part: Part) -> Int { sources[part.source].segment.record.level }

    private mutating func load(_ number: Int) throws(StorageError) {
        let segment = sources[number].segment
        let ordinal = sources[number].ordinal
        guard ordinal < segment.seriesCount else {
            sources[number].labels = nil
            return
        }
        let labels = try segment.labels(of: ordinal, &sources[number].reader)
        if let previous = sources[number].labels, !(previous < labels) {
            throw .damaged(path: segment.path, reason: "series \(ordinal) is out of order")
        }
        sources[number].labels = labels
    }
}
