/// The samples of one series as two columns of the same length.
///
/// As an answer of a `SeriesSource` the times rise strictly. Samples that are native histograms lie in a
/// column of their own beside `values`.
public struct SampleColumn: Sendable {
    /// Milliseconds since the epoch.
    public var timestamps: [Int64]
    /// The values; staleness markers are among them.
    public var values: [Double]
    /// The samples that are native histograms; in `values` a placeholder stands for them.
    public var histograms = HistogramColumn()

    /// A column without samples.
    @inlinable
    public init() {
        timestamps = []
        values = []
    }

    /// A column of the given samples; both arrays have the same length.
    @inlinable
    public init(timestamps: [Int64], values: [Double]) {
        precondition(timestamps.count == values.count, "BUG: columns of different length")
        self.timestamps = timestamps
        self.values = values
    }

    /// The number of samples.
    @inlinable
    public var count: Int { timestamps.count }
    /// Whether there is no sample.
    @inlinable
    public var isEmpty: Bool { timestamps.isEmpty }

    /// Adds a sample at the end.
    @inlinable
    public mutating func append(millis: Int64, value: Double) {
        timestamps.append(millis)
        values.append(value)
    }

    /// Adds a native histogram at the end.
    public mutating func append(millis: Int64, histogram: NativeHistogram) {
        histograms.append(histogram, at: timestamps.count)
        append(millis: millis, value: NativeHistogram.placeholder)
    }

    /// Removes all samples and keeps the memory for the next use.
    @inlinable
    public mutating func removeAll() {
        timestamps.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
        if !histograms.isEmpty { histograms.removeAll() }
    }
}
