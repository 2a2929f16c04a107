import Model

/// What heads and segments tell of the labels of their series.
protocol SeriesIndex {
    /// Whether names and values come in byte order.
    var isInOrder: Bool { get }

    /// The label names: all, or those that one of these series has; each once.
    func labelNames(of series: [UInt32]?) throws(StorageError) -> [String]

    /// The values of the label `name`: all, or those that one of these series has; each once.
    func labelValues(of name: String, in series: [UInt32]?) throws(StorageError) -> [String]
}

extension SegmentIndex: SeriesIndex {
    var isInOrder: Bool { true }
}

extension HeadIndex: SeriesIndex {
    var isInOrder: Bool { false }
}
