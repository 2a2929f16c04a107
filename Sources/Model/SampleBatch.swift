/// What one write brings: series in the order they came, each with a run of samples.
///
/// It is flat, so that decoding a request allocates a handful of arrays whatever the number of series: label
/// sets lie one after the other in `labelBytes`, samples in `timestamps` and `values`. A series may appear
/// more than once and its samples may be in any order; later ones win over earlier ones of the same time.
///
/// Label sets are packed (`Labels.packed`), or as a client wrote them: what these say is known only once the
/// `spelling` was asked.
public struct SampleBatch: Sendable {
    /// One series of the batch.
    public struct Series: Sendable {
        /// Where the label set lies in `labelBytes`.
        public var labels: Range<Int>
        /// Which of the samples belong to it.
        public var samples: Range<Int>

        /// A series whose labels and samples lie at these places of the batch.
        @inlinable
        public init(labels: Range<Int>, samples: Range<Int>) {
            self.labels = labels
            self.samples = samples
        }
    }

    /// The label sets of all series.
    public private(set) var labelBytes: [UInt8] = []
    /// How label sets are written.
    public private(set) var spelling: any LabelSpelling = PackedSpelling.shared
    /// The series.
    public private(set) var series: [Series] = []
    /// The times of all samples, milliseconds since the epoch.
    public private(set) var timestamps: [Int64] = []
    /// The values of all samples, as many as `timestamps`.
    public private(set) var values: [Double] = []
    /// The samples that are native histograms, by their place among all samples; in `values` a placeholder
    /// stands for them.
    public private(set) var histograms = HistogramColumn()
    /// What the write says about metrics.
    public var metadata: [MetricMetadata] = []

    /// A batch without samples.
    public init() {}

    /// A batch of columns that a decoder filled; the ranges of every series lie inside them.
    public init(
        labelBytes: [UInt8],
        spelling: any LabelSpelling = PackedSpelling.shared,
        series: [Series],
        timestamps: [Int64],
        values: [Double],
        histograms: HistogramColumn = HistogramColumn(),
        metadata: [MetricMetadata] = []
    ) {
        precondition(timestamps.count == values.count, "BUG: columns of different length")
        self.labelBytes = labelBytes
        self.spelling = spelling
        self.series = series
        self.timestamps = timestamps
        self.values = values
        self.histograms = histograms
        self.metadata = metadata
    }

    /// Whether label sets are packed.
    public var isPacked: Bool { spelling === PackedSpelling.shared }
    /// The number of samples.
    public var sampleCount: Int { timestamps.count }

    /// The label set of the series at `index`, of a batch whose labels are packed.
    public func labels(at index: Int) -> Labels {
        precondition(isPacked, "BUG: labels that are not packed need `checkedLabels`")
        return Labels(trusted: Array(labelBytes[series[index].labels]))
    }

    /// The label set of the series at `index`.
    ///
    /// - Throws: `LabelRefusal` if it is not packed and breaks a rule.
    public func checkedLabels(at index: Int) throws(LabelRefusal) -> Labels {
        try unsafe labelBytes.withUnsafeBytes { bytes in
            Result { () throws(LabelRefusal) in
                try unsafe spelling.labels(UnsafeRawBufferPointer(rebasing: bytes[series[index].labels]))
            }
        }.get()
    }

    /// This batch with packed labels, and what was refused; for sinks that need all label sets anyway.
    public func packed() -> (batch: SampleBatch, rejections: Rejections) {
        var rejections = Rejections()
        if isPacked { return (self, rejections) }
        var batch = SampleBatch()
        batch.metadata = metadata
        for (index, one) in series.enumerated() {
            do throws(LabelRefusal) {
                batch.beginSeries(packed: try checkedLabels(at: index).packed)
            } catch {
                rejections.add(sampleCount: one.samples.count, error.text)
                continue
            }
            for sample in one.samples {
                if let histogram = histograms[sample] {
                    batch.append(millis: timestamps[sample], histogram: histogram)
                } else {
                    batch.append(millis: timestamps[sample], value: values[sample])
                }
            }
        }
        return (batch, rejections)
    }

    /// Starts a series in a batch whose labels are packed; the samples appended next belong to it.
    ///
    /// `packed` has the form of `Labels.packed`.
    public mutating func beginSeries(packed: some Collection<UInt8>) {
        precondition(isPacked, "BUG: packed labels in a batch with another spelling")
        let start = labelBytes.count
        labelBytes.append(contentsOf: packed)
        series.append(Series(labels: start..<labelBytes.count, samples: timestamps.count..<timestamps.count))
    }

    /// Appends a sample to the series begun last.
    public mutating func append(millis: Int64, value: Double) {
        precondition(!series.isEmpty, "BUG: a sample before any series")
        timestamps.append(millis)
        values.append(value)
        let last = series.count - 1
        series[last].samples = series[last].samples.lowerBound..<timestamps.count
    }

    /// Appends a native histogram to the series begun last.
    public mutating func append(millis: Int64, histogram: NativeHistogram) {
        histograms.append(histogram, at: timestamps.count)
        append(millis: millis, value: NativeHistogram.placeholder)
    }

    /// Appends a series with one sample.
    public mutating func append(_ labels: Labels, _ time: Timestamp, _ value: Double) {
        beginSeries(packed: labels.packed)
        append(millis: time.millis, value: value)
    }

    /// Appends a series with one native histogram.
    public mutating func append(_ labels: Labels, _ time: Timestamp, _ histogram: NativeHistogram) {
        beginSeries(packed: labels.packed)
        append(millis: time.millis, histogram: histogram)
    }

    /// Appends a series with a column of samples.
    public mutating func append(_ labels: Labels, _ column: SampleColumn) {
        beginSeries(packed: labels.packed)
        histograms.append(column.histograms, in: 0..<column.count, movedBy: timestamps.count)
        timestamps.append(contentsOf: column.timestamps)
        values.append(contentsOf: column.values)
        series[series.count - 1].samples = series[series.count - 1].samples.lowerBound..<timestamps.count
    }
}
