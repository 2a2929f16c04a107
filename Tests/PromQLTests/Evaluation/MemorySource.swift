import Matching
import Model
import Synchronization

/// A source whose series are in memory, and which remembers what it was asked.
final class MemorySource: SeriesSource {
    /// The series, in label order.
    let series: [(labels: Labels, column: SampleColumn)]
    private let log = Mutex(Log())
    private let readHook = Mutex<(@Sendable (Int) -> Void)?>(nil)

    /// What was asked.
    struct Log {
        var requests: [SelectRequest] = []
        var readCount = 0
    }

    /// A source of the given series.
    init(_ series: [Labels: SampleColumn]) {
        self.series = series.map { ($0.key, $0.value) }.sorted { $0.labels < $1.labels }
    }

    /// The requests so far.
    var requests: [SelectRequest] { log.withLock { $0.requests } }
    /// How many series were read so far, counted each time.
    var readCount: Int { log.withLock { $0.readCount } }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        log.withLock { $0.requests.append(request) }
        let matchers: [CompiledMatcher]
        do { matchers = try CompiledMatcher.compile(request.matchers) } catch {
            throw .badMatcher(error.description)
        }
        let selected = series.indices.filter { index in
            matchers.allSatisfy { $0.matches(series[index].labels) }
                && series[index].column.timestamps.contains { request.range.contains(Timestamp(millis: $0)) }
        }
        return MemorySet(source: self, indices: selected, range: request.range)
    }

    /// Called before a series is read, with the number of those read before.
    var onRead: (@Sendable (Int) -> Void)? {
        get { readHook.withLock { $0 } }
        set { readHook.withLock { $0 = newValue } }
    }

    fileprivate func noteRead() {
        let number = log.withLock { log in
            log.readCount += 1
            return log.readCount - 1
        }
        onRead?(number)
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: series.map(\.labels))
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        LabelAnswer(items: [])
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        LabelAnswer(items: [])
    }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }
}

private struct MemorySet: SeriesSet {
    let source: MemorySource
    let indices: [Int]
    let range: TimeRange

    var count: Int { indices.count }
    var warnings: [String] { [] }

    func labels(at index: Int) -> Labels { source.series[indices[index]].labels }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        source.noteRead()
        column.removeAll()
        let samples = source.series[indices[index]].column
        for (position, time) in samples.timestamps.enumerated()
        where range.contains(Timestamp(millis: time)) {
            if let histogram = samples.histograms[position] {
                column.append(millis: time, histogram: histogram)
            } else {
                column.append(millis: time, value: samples.values[position])
            }
        }
    }
}
