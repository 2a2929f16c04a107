import Model

/// What heads and segments tell of the labels of their series.
protocol SeriesIndex {
    /// The label names: all, or those that one of these series has; each once, in byte
    /// order.
    func labelNames(of series: [UInt32]?) throws(StorageError) -> [String]

    /// The values of the label `name`: all, or those that one of these series has; each once, in byte
    /// order.
    func labelValues(of name: String, in series: [UInt32]?) throws(StorageError) -> [String]
}

extension SegmentIndex: SeriesIndex {}
extension HeadIndex: SeriesIndex {}
