import Matching
import Model
import Synchronization

/// A store in memory: what is written can be read at once.
final class MemoryStore: SampleSink, SeriesSource {
    private let series = Mutex<[Labels: [Int64: Double]]>([:])

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        for (index, run) in batch.series.enumerated() {
            for sample in run.samples {
                set(batch.labels(at: index), batch.timestamps[sample], batch.values[sample])
            }
        }
        return StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
    }

    func set(_ labels: Labels, _ millis: Int64, _ value: Double) {
        series.withLock { $0[labels, default: [:]][millis] = value }
    }

    /// The sample of a series at that time; nil if there is none.
    func value(_ labels: Labels, _ millis: Int64) -> Double? { series.withLock { $0[labels]?[millis] } }

    /// All samples of a metric as text, in order.
    func all(_ name: String) -> [String] {
        series.withLock { series in
            series.filter { $0.key.metricName == name }.flatMap { labels, samples in
                samples.map { "\(labels) \($0) \(StaleMarker.matches($1) ? "stale" : "\($1)")" }
            }.sorted()
        }
    }

    /// Removes all series of a metric.
    func remove(_ name: String) {
        series.withLock { series in series = series.filter { $0.key.metricName != name } }
    }

    /// The values at that time by series, staleness markers left out.
    func values(atMillis millis: Int64) -> [String: Double] {
        series.withLock { series in
            var values: [String: Double] = [:]
            for (labels, samples) in series {
                if let value = samples[millis], !StaleMarker.matches(value) { values["\(labels)"] = value }
            }
            return values
        }
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        let matchers: [CompiledMatcher]
        do {
            matchers = try CompiledMatcher.compile(request.matchers)
        } catch {
            throw .badMatcher("\(error)")
        }
        var found: [(Labels, SampleColumn)] = []
        for (labels, samples) in series.withLock({ $0 }) where matchers.allSatisfy({ $0.matches(labels) }) {
            let inside = samples.filter { request.range.contains(Timestamp(millis: $0.key)) }
                .sorted { $0.key < $1.key }
            guard !inside.isEmpty else { continue }
            found.append((labels, SampleColumn(timestamps: inside.map(\.key), values: inside.map(\.value))))
        }
        return MemorySeries(series: found.sorted { $0.0 < $1.0 })
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: [])
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        LabelAnswer(items: [])
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    { LabelAnswer(items: []) }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }
}

private struct MemorySeries: SeriesSet {
    var series: [(Labels, SampleColumn)]
    let warnings: [String] = []

    var count: Int { series.count }

    func labels(at index: Int) -> Labels { series[index].0 }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) { column = series[index].1 }
}
