import Matching
import Model
import PromQL
import Synchronization

/// The series of a unit test: what the test gives becomes visible as time goes on, what rules write at once.
final class UnitTestStore: SampleSink, SeriesSource {
    /// One sample.
    private struct Sample {
        var millis: Int64
        var value: Double
        var histogram: NativeHistogram?
    }

    /// A given series and how much of it is visible.
    private struct Given {
        var labels: Labels
        var values: [SeriesValues.Value]
        var visibleCount = 0
    }

    private struct State {
        var given: [Given]
        var series: [Labels: [Sample]] = [:]

        /// Adds a sample at its place; one of the same time is replaced.
        mutating func put(_ sample: Sample, _ labels: Labels) {
            var samples = series.removeValue(forKey: labels) ?? []
            var place = samples.count
            while place > 0, samples[place - 1].millis >= sample.millis { place -= 1 }
            if place < samples.count, samples[place].millis == sample.millis {
                samples[place] = sample
            } else {
                samples.insert(sample, at: place)
            }
            series[labels] = samples
        }
    }

    private let state: Mutex<State>
    private let start: Int64
    private let gapMillis: Int64

    /// A store that will have the series of `test`.
    init(_ test: UnitTest) {
        start = test.start.millis
        gapMillis = test.intervalMillis
        state = Mutex(State(given: test.series.map { Given(labels: $0.labels, values: $0.values) }))
    }

    /// Makes what is given up to `time` visible.
    func show(until time: Timestamp) {
        state.withLock { state in
            for index in state.given.indices {
                let given = state.given[index]
                var position = given.visibleCount
                while position < given.values.count {
                    let (offset, overflow) = Int64(position).multipliedReportingOverflow(by: gapMillis)
                    let millis = Timestamp(millis: start).advanced(byMillis: overflow ? .max : offset).millis
                    guard millis <= time.millis else { break }
                    switch given.values[position] {
                    case .missing: break
                    case .number(let value): state.put(Sample(millis: millis, value: value), given.labels)
                    case .histogram(let histogram):
                        let value = NativeHistogram.placeholder
                        state.put(Sample(millis: millis, value: value, histogram: histogram), given.labels)
                    }
                    position += 1
                }
                state.given[index].visibleCount = position
            }
        }
    }

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        state.withLock { state in
            for (index, run) in batch.series.enumerated() {
                let labels = batch.labels(at: index)
                for place in run.samples {
                    state.put(
                        Sample(
                            millis: batch.timestamps[place],
                            value: batch.values[place],
                            histogram: batch.histograms[place]
                        ),
                        labels
                    )
                }
            }
        }
        return StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        let matchers: [CompiledMatcher]
        do { matchers = try CompiledMatcher.compile(request.matchers) } catch {
            throw .badMatcher(error.description)
        }
        let found = state.withLock { state in
            state.series.filter { entry in matchers.allSatisfy { $0.matches(entry.key) } }
        }
        var series: [(Labels, SampleColumn)] = []
        for (labels, samples) in found {
            var column = SampleColumn()
            for sample in samples where request.range.contains(Timestamp(millis: sample.millis)) {
                if let histogram = sample.histogram {
                    column.append(millis: sample.millis, histogram: histogram)
                } else {
                    column.append(millis: sample.millis, value: sample.value)
                }
            }
            if !column.isEmpty { series.append((labels, column)) }
        }
        return UnitTestSeries(series: series.sorted { $0.0 < $1.0 })
    }

    // Rules and expressions ask for samples only.

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

/// Series of a unit test that were selected.
private struct UnitTestSeries: SeriesSet {
    var series: [(Labels, SampleColumn)]
    var warnings: [String] { [] }
    var count: Int { series.count }

    func labels(at index: Int) -> Labels { series[index].0 }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) { column = series[index].1 }
}
