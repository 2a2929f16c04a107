import Model

/// The columns of a `SampleBatch` while a decoder fills them.
struct BatchColumns {
    /// The label sets of all series, packed or as `spelling` has it.
    var labelBytes: [UInt8] = []
    /// How label sets are written.
    var spelling: any LabelSpelling = PackedSpelling.shared
    /// The series; the last one is complete only after `take`.
    var series: [SampleBatch.Series] = []
    /// The times of all samples, milliseconds since the epoch.
    var timestamps: [Int64] = []
    /// The values of all samples.
    var values: [Double] = []
    /// The samples that are native histograms; in `values` a placeholder stands for them.
    var histograms = HistogramColumn()
    /// What the write says about metrics.
    var metadata: [MetricMetadata] = []

    /// Starts a series that the samples appended next belong to, up to `endSeries`.
    mutating func beginSeries(packed: [UInt8]) {
        endSeries()
        let start = labelBytes.count
        labelBytes.append(contentsOf: packed)
        series.append(
            SampleBatch.Series(labels: start..<labelBytes.count, samples: timestamps.count..<timestamps.count)
        )
    }

    /// Gives the series begun last the samples appended since.
    mutating func endSeries() {
        guard let last = series.last else { return }
        series[series.count - 1].samples = last.samples.lowerBound..<timestamps.count
    }

    /// Appends a sample to the series begun last.
    mutating func append(millis: Int64, value: Double) {
        timestamps.append(millis)
        values.append(value)
    }

    /// Removes the samples from `position` on.
    mutating func removeSamples(from position: Int) {
        timestamps.removeSubrange(position...)
        values.removeSubrange(position...)
        if !histograms.isEmpty { histograms = histograms.filter { $0 < position } }
    }

    /// The batch of all series, whose samples are complete; the columns are empty then.
    mutating func take() -> SampleBatch {
        defer { self = BatchColumns() }
        return SampleBatch(
            labelBytes: labelBytes,
            spelling: spelling,
            series: series,
            timestamps: timestamps,
            values: values,
            histograms: histograms,
            metadata: metadata
        )
    }
}
