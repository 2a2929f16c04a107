/// What a store holds and takes in, in a few numbers for people.
public struct StoreFigures: Hashable, Sendable {
    /// The series that were written lately: to the head or to the one before it.
    public var seriesCount = 0
    /// The samples in the head.
    public var headSampleCount = 0
    /// The samples in segments.
    public var segmentSampleCount = 0
    /// The segment files.
    public var segmentCount = 0
    /// The size of the segment files, in bytes.
    public var segmentBytes = 0
    /// The size of the write-ahead log's files, in bytes.
    public var logBytes = 0
    /// Samples taken in per second over the last minute; nil until there is something to compare.
    public var samplesPerSecond: Double?

    /// An empty store.
    public init() {}
}
