import Matching
import Model

/// Which series of the store the series of a segment are.
///
/// Segments know series by their labels only; the store's index and its series table know them by id.
struct SegmentIdentities: Sendable {
    /// The ids by ordinal; nil for a series whose labels cannot be read.
    private(set) var known: [SeriesID?] = []
    private var ordinals: [SeriesID: UInt32] = [:]

    /// The ids of the series.
    var ids: [SeriesID] { known.compactMap { $0 } }

    /// The place of a series in the segment; nil if it has none.
    func ordinal(of id: SeriesID) -> UInt32? { ordinals[id] }

    /// Notes which series the next one of the segment is.
    mutating func append(_ id: SeriesID?) {
        if let id { ordinals[id] = UInt32(known.count) }
        known.append(id)
    }
}

/// A series as a segment has it.
struct SegmentSeries: Sendable {
    /// The segment.
    var segment: Segment
    /// The series in it.
    var ordinal: UInt32
}

extension Store {
    /// Finds out which series segments that were just written have.
    func identify(_ segments: [Segment]) throws(StorageError) -> [SegmentIdentities] {
        var all: [SegmentIdentities] = []
        for segment in segments {
            var identities = SegmentIdentities()
            let table = try segment.blockTable()
            for block in 0..<table.count {
                let labels = try segment.labelsBlock(block, table)
                state.withLock { state in
                    for index in 0..<labels.count {
                        identities.append(state.id(of: labels.labels(at: index)))
                    }
                }
            }
            all.append(identities)
        }
        return all
    }
}

extension Store.State {
    /// Adds segments, each with what `identify` found out about it.
    mutating func add(_ added: [Segment], _ found: [SegmentIdentities]) {
        segments.append(contentsOf: added)
        segments.sort { ($0.record.sequence, $0.record.file) < ($1.record.sequence, $1.record.file) }
        for (segment, identities) in zip(added, found) { self.identities[segment.record.file] = identities }
    }

    /// Removes the segments in these files.
    mutating func remove(_ files: Set<String>) {
        segments.removeAll { files.contains($0.record.file) }
        for file in files {
            identities[file] = nil
            expiries[file] = nil
        }
    }

    /// The id of the series with these labels, which becomes known if it was not.
    mutating func id(of labels: Labels) -> SeriesID {
        if let index = table.find(labels, after: nil) { return table[index].id }
        counters.lastSeries += 1
        let id = SeriesID(counters.lastSeries)
        index.add(id, labels)
        _ = table.add(id, labels, retentionMillis: retention.rawMillis(of: labels))
        return id
    }

    /// Where a series is in segments that overlap `range`, in the order of their sequence.
    func places(of id: SeriesID, in range: TimeRange) -> [SegmentSeries] {
        segments.compactMap { segment in
            guard segment.record.range.overlaps(range) else { return nil }
            return identities[segment.record.file]?.ordinal(of: id).map {
                SegmentSeries(segment: segment, ordinal: $0)
            }
        }
    }
}
