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
            let part = TimeRange(max(chunk.range.start, range.start), min(chunk.range.end, range.end))
            if DeletedTimes.cover(deleted, part) { continue }
            // What is at the border of a delete takes a look at the samples.
            let samples = try read(chunk, of: ordinal, &reader)
            if !samples.sliced(to: range).without(deleted).isEmpty { return true }
        }
        return false
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
