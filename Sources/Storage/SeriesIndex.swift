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
