import Matching
import Model
import Synchronization

/// A source and sink over a dictionary, as simple as can be.
final class MemoryStore: SeriesSource, SampleSink {
    /// What a test wants of the store beside keeping samples.
    struct Behaviour: Sendable {
        /// What every append throws.
        var appendError: SinkError?
        /// Refuses series with this metric name.
        var refusedMetric: String?
        /// Refuses series with this metric name because of a limit on their number.
        var limitedMetric: String?
        /// What every read throws.
        var readError: SourceError?
        /// Whether reads need no disk.
        var isInMemory = true
        /// What is known about metrics.
        var metadata: [MetricMetadata] = []
        /// Called at the start of a select of the metric `slow`, which then goes on until its budget ends.
        var onSlowSelect: @Sendable () -> Void = {}
        /// Called when such a select ended.
        var onSlowSelectEnd: @Sendable (SourceError) -> Void = { _ in }
    }

    private let series = Mutex<[Labels: [Int64: Double]]>([:])
    private let batchCounts = Mutex<[Int]>([])
    private let quickReads = Mutex(0)
    private let behaviour: Behaviour

    init(_ behaviour: Behaviour = Behaviour()) {
        self.behaviour = behaviour
    }

    /// The numbers of samples of the batches that were appended.
    var batchSampleCounts: [Int] { batchCounts.withLock { $0 } }

    /// How often somebody read without waiting, and was told that this worked.
    var quickReadCount: Int { quickReads.withLock { $0 } }

    func withoutWaiting(_ body: () -> Void) -> Bool {
        body()
        if behaviour.isInMemory { quickReads.withLock { $0 += 1 } }
        return behaviour.isInMemory
    }

    func put(_ labels: Labels, _ samples: [(millis: Int64, value: Double)]) {
        series.withLock { series in
            for sample in samples { series[labels, default: [:]][sample.millis] = sample.value }
        }
    }

    func column(_ labels: Labels) -> SampleColumn {
        let samples = series.withLock { $0[labels] ?? [:] }.sorted { $0.key < $1.key }
        return SampleColumn(timestamps: samples.map(\.key), values: samples.map(\.value))
    }

    // MARK: - SampleSink

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        if let error = behaviour.appendError { throw error }
        var outcome = AppendOutcome()
        let (batch, refused) = batch.packed()
        outcome.rejections.add(refused)
        for (index, one) in batch.series.enumerated() {
            let labels = batch.labels(at: index)
            if let refused = behaviour.refusedMetric, labels.metricName == refused {
                outcome.rejections.add(sampleCount: one.samples.count, "\(labels): refused by the test")
                continue
            }
            if let limited = behaviour.limitedMetric, labels.metricName == limited {
                outcome.rejections.add(limitedSampleCount: one.samples.count, "\(labels): too many series")
                continue
            }
            put(labels, one.samples.map { (batch.timestamps[$0], batch.values[$0]) })
            outcome.storedSampleCount += one.samples.count
        }
        batchCounts.withLock { $0.append(batch.sampleCount) }
        return StagedWrite(outcome)
    }

    // MARK: - SeriesSource

    private struct Selected: SeriesSet {
        var items: [(labels: Labels, column: SampleColumn)]

        var count: Int { items.count }
        var warnings: [String] { [] }

        func labels(at index: Int) -> Labels { items[index].labels }

        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
            column = items[index].column
        }
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        if let error = behaviour.readError { throw error }
        if request.matchers.contains(Matcher(Labels.metricName, .equal, "slow")) {
            behaviour.onSlowSelect()
            do throws(SourceError) {
                while true { try budget.checkpoint() }
            } catch {
                behaviour.onSlowSelectEnd(error)
                throw error
            }
        }
        return Selected(items: try matching([request.matchers], request.range))
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        limited(try matching(request).map(\.labels), request)
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        let names = try matching(request).flatMap { $0.labels.map { ByteText($0.name) } }
        return limited(Set(names).sorted().map(\.string), request)
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        let values = try matching(request).compactMap { $0.labels[name].map(ByteText.init) }
        return limited(Set(values).sorted().map(\.string), request)
    }

    func metadata(of metric: String?) -> [MetricMetadata] {
        behaviour.metadata.filter { metric == nil || $0.name == metric }
    }

    private func matching(_ request: LabelRequest) throws(SourceError) -> [(
        labels: Labels, column: SampleColumn
    )] {
        try matching(request.selections.isEmpty ? [[]] : request.selections, request.range)
    }

    private func matching(
        _ selections: [[Matcher]],
        _ range: TimeRange
    ) throws(SourceError) -> [(labels: Labels, column: SampleColumn)] {
        if let error = behaviour.readError { throw error }
        var compiled: [[CompiledMatcher]] = []
        for selection in selections {
            do throws(RegexError) {
                compiled.append(try CompiledMatcher.compile(selection))
            } catch {
                throw .badMatcher("\(error)")
            }
        }
        var found: [(labels: Labels, column: SampleColumn)] = []
        for (labels, samples) in series.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            guard compiled.contains(where: { $0.allSatisfy { $0.matches(labels) } }) else { continue }
            let inside = samples.filter { range.contains(Timestamp(millis: $0.key)) }.sorted {
                $0.key < $1.key
            }
            guard !inside.isEmpty else { continue }
            found.append((labels, SampleColumn(timestamps: inside.map(\.key), values: inside.map(\.value))))
        }
        return found
    }

    private func limited<Item>(_ items: [Item], _ request: LabelRequest) -> LabelAnswer<Item> {
        guard let limit = request.limit, items.count > limit else { return LabelAnswer(items: items) }
        return LabelAnswer(items: Array(items.prefix(limit)), isTruncated: true)
    }
}
