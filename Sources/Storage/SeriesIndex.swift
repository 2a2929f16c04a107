import Model

/// What heads and segments tell of the labels of their series.
protocol SeriesIndex {
    /// The label names: all, or those that one of these series has; in no particular order.
    func labelNames(of series: [UInt32]?) throws(StorageError) -> [ByteText]

    /// The values of the label `name`: all, or those that one of these series has; in no particular order.
    func labelValues(of name: String, in series: [UInt32]?) throws(StorageError) -> [ByteText]
}

extension SegmentIndex: SeriesIndex {}
extension HeadIndex: SeriesIndex {}

/// Set operations on lists of series that rise strictly.
enum SortedSeries {
    /// The series that are in any of the lists.
    static func union(_ lists: [[UInt32]]) -> [UInt32] {
        guard lists.count > 1 else { return lists.first ?? [] }
        var merged = Array(lists.joined())
        merged.sort()
        var kept = 0
        for index in merged.indices where index == 0 || merged[index] != merged[kept - 1] {
            merged[kept] = merged[index]
            kept += 1
        }
        merged.removeLast(merged.count - kept)
        return merged
    }
}
