/// What a store's series are made of: the names, labels and pairs that have the most.
public struct CardinalityFigures: Hashable, Sendable {
    /// One line of a list.
    public struct Entry: Hashable, Sendable {
        /// What is counted: a metric name, a label name, or `name=value`.
        public var name: String
        /// How many, or how many bytes.
        public var value: Int

        /// The line `name: value`.
        public init(_ name: String, _ value: Int) {
            self.name = name
            self.value = value
        }
    }

    /// The series.
    public var seriesCount = 0
    /// The distinct pairs of label name and value.
    public var labelPairCount = 0
    /// The chunks, encoded runs of the head counted.
    public var chunkCount = 0
    /// The time of the oldest sample in milliseconds; nil without samples.
    public var minMillis: Int64?
    /// The time of the newest sample in milliseconds; nil without samples.
    public var maxMillis: Int64?
    /// The metric names with the most series.
    public var seriesByMetricName: [Entry] = []
    /// The label names with the most values.
    public var valuesByLabelName: [Entry] = []
    /// The label names whose values take the most bytes.
    public var bytesByLabelName: [Entry] = []
    /// The pairs of label name and value with the most series.
    public var seriesByLabelPair: [Entry] = []

    /// An empty store.
    public init() {}
}
