import Matching
import Model

extension Segment {
    /// Whether a series has a sample in `range` that is not in any of `deleted`.
    func hasLive(
        _ ordinal: UInt32,
        in range: TimeRange,
        _ deleted: [TimeRange],
        _ reader: inout Reader
    ) throws(StorageError) -> Bool {
        for chunk in try chunks(of: ordinal, &reader) where chunk.range.overlaps(range) {
            if try hasLive(chunk, of: ordinal, in: range, deleted, &reader) { return true }
        }
        return false
    }

    /// Whether a chunk of a series, which overlaps `range`, has a sample there, or a whole bucket with one,
    /// that is not in any of `deleted`.
    func hasLive(
        _ chunk: Chunk,
        of ordinal: UInt32,
        in range: TimeRange,
        _ deleted: [TimeRange],
        _ reader: inout Reader
    ) throws(StorageError) -> Bool {
        let part = TimeRange(max(chunk.range.start, range.start), min(chunk.range.end, range.end))
        if part.end < part.start || DeletedTimes.cover(deleted, part) { return false }
        // What is at the border of a delete takes a look at the samples.
        guard let level = chunk.level else {
            let samples = try read(chunk, of: ordinal, &reader)
            return !samples.sliced(to: range).without(deleted).isEmpty
        }
        func isLive(_ bucket: some RollupUnit) -> Bool {
            guard let last = bucket.lastMillis, range.contains(Timestamp(millis: last)) else { return false }
            let start = Timestamp(millis: bucket.start)
            let all = TimeRange(start, start.advanced(byMillis: level.millis - 1))
            return !deleted.contains { $0.overlaps(all) }
        }
        if chunk.isOfHistograms {
            return try histogramRollups(chunk, of: ordinal, [], &reader).contains(where: isLive)
        }
        return try buckets(chunk, of: ordinal, [], &reader).contains(where: isLive)
    }
}

extension HeadSeries {
    /// Whether there is a sample in `range` that is not in any of `deleted`.
    func hasLive(in range: TimeRange, _ deleted: [TimeRange]) -> Bool {
        let start = max(Timestamp(millis: minMillis), range.start)
        let end = min(Timestamp(millis: maxMillis), range.end)
        guard start <= end else { return false }
        if DeletedTimes.cover(deleted, TimeRange(start, end)) { return false }
        return !column(in: range).without(deleted).isEmpty
    }
}

extension Tombstones {
    /// The series of `segment` that any of these concern, ordinals rising.
    func touched(in segment: Segment) throws(StorageError) -> [UInt32] {
        var found: [[UInt32]] = []
        for tombstone in all {
            for selection in tombstone.selections {
                found.append(try segment.index.series(matching: selection))
            }
        }
        return SortedNumbers.union(found)
    }

    /// The series of `segment` of which these leave no sample in `range`, ordinals rising.
    func dead(in segment: Segment, _ range: TimeRange) throws(StorageError) -> [UInt32] {
        var reader = Segment.Reader()
        var dead: [UInt32] = []
        for ordinal in try touched(in: segment) {
            let deleted = ranges(of: try segment.labels(of: ordinal, &reader))
            if try !segment.hasLive(ordinal, in: range, deleted, &reader) { dead.append(ordinal) }
        }
        return dead
    }
}
