import Model
import PromQL
import Synchronization
import Telemetry
import Testing

@testable import KPI

@Suite("Backfills of metrics") struct BackfillsTests {
    private static let hour: Int64 = 3_600_000
    private static let text = """
        kpi_version: 1
        metrics:
          - {name: hits, from: {promql: 'sum(count_over_time(c[5m]))'}}
          - {name: others, from: {promql: 'sum(sum_over_time(c[5m]))'}}
          - {name: plain, from: {samples: c}}
          - {name: fixed, from: {promql: 'c @ 100'}}
        kpis:
          - {name: k, type: ratio, numerator: hits, denominator: others}
          - {name: p, type: simple, metric: plain}
        """

    /// A backfill's service over samples of 100 hours, one a minute.
    private func backfills(
        _ known: [Backfill] = [],
        keep: @escaping @Sendable ([Backfill]) -> Void = { _ in }
    )
        throws -> (backfills: Backfills, service: KPIService, kept: KeptBuckets)
    {
        let store = MinuteStore(end: 100 * Self.hour)
        let now: @Sendable () -> Timestamp = { Timestamp(millis: 100 * BackfillsTests.hour) }
        let kept = KeptBuckets(
            store: store,
            sink: store,
            engine: { Engine() },
            registry: Registry(),
            now: now
        )
        try kept.load()
        let service = KPIService(
            definitions: try KPIDefinitions.load([(path: "a", text: BackfillsTests.text)]),
            source: RawAggregates(source: VisibleSource(store, showsNamed: false), kept: kept),
            kept: kept,
            now: now
        )
        return (Backfills(service, known: known, keep: keep), service, kept)
    }

    @Test("compute each metric of the KPIs once, and say how far they are")
    func progress() throws {
        let count = Mutex(0)
        let (backfills, _, kept) = try backfills { _ in count.withLock { $0 += 1 } }
        let item = try backfills.add(kpis: ["k", "p"], metrics: ["hits", "fixed"], start: 0, end: nil)
        #expect(item.parts.map(\.metric) == ["hits", "others", "plain", "fixed"] && item.state == .waiting)
        #expect(backfills.step(.unlimited()))
        #expect(try backfills.find(item.id).state == .running)
        var last = 0.0
        while backfills.step(.unlimited()) {
            let progress = try backfills.find(item.id).progress
            #expect(progress >= last)
            last = progress
        }
        let done = try backfills.find(item.id)
        #expect(done.state == .done && done.progress == 1 && done.finishedMillis != nil)
        // Up to half an hour ago.
        for count in [\Backfill.Part.bucketCount, \.doneCount, \.computedCount] {
            #expect(done.parts.map { $0[keyPath: count] } == [1194, 1194, 0, 0])
        }
        #expect(kept.computedCount.value == 2 * 1194)
        let again = try backfills.add(kpis: [], metrics: ["hits"], start: nil, end: 50 * Self.hour)
        while backfills.step(.unlimited()) {}
        #expect(try backfills.find(again.id).parts.map(\.computedCount) == [0])
        #expect(try backfills.find(again.id).parts.map(\.doneCount) == [600])
        #expect(backfills.all.map(\.id) == [again.id, item.id])
        #expect(count.withLock { $0 } == 6)
    }

    @Test("end when they are cancelled, and go on after a restart")
    func cancellation() throws {
        let saved = Mutex<[Backfill]>([])
        let (backfills, _, _) = try backfills { items in saved.withLock { $0 = items } }
        let first = try backfills.add(kpis: ["k"], metrics: [], start: nil, end: nil)
        let second = try backfills.add(kpis: ["k"], metrics: [], start: nil, end: nil)
        #expect(backfills.step(.unlimited()))
        #expect(try backfills.cancel(first.id).state == .cancelled)
        #expect(backfills.step(.unlimited()))
        #expect(try backfills.find(second.id).state == .running)
        #expect(try backfills.cancel(first.id).state == .cancelled)
        let (again, _, _) = try self.backfills(saved.withLock { $0 })
        #expect(try again.find(second.id).state == .waiting)
        while again.step(.unlimited()) {}
        #expect(try again.find(second.id).state == .done)
        #expect(try again.find(first.id).state == .cancelled)
    }

    @Test("are done in smaller pieces if a week at once is too much, or fail and say why")
    func limits() throws {
        let (backfills, service, _) = try backfills()
        let item = try backfills.add(kpis: [], metrics: ["hits"], start: nil, end: nil)
        func budget(_ count: Int) -> QueryBudget {
            var limits = Limits.default
            limits.samplesPerQuery = count
            return QueryBudget(limits: limits)
        }
        #expect(backfills.step(.unlimited()))
        for _ in 0..<60 { _ = backfills.step(budget(3000)) }
        #expect(try backfills.find(item.id).state == .done)
        let failing = try backfills.add(kpis: [], metrics: ["others"], start: nil, end: nil)
        #expect(backfills.step(.unlimited()))
        for _ in 0..<60 { _ = backfills.step(budget(3)) }
        let failed = try backfills.find(failing.id)
        #expect(failed.state == .failed && failed.error?.contains("samples") == true)
        let gone = try backfills.add(kpis: [], metrics: ["hits"], start: nil, end: nil)
        #expect(backfills.step(.unlimited()))
        service.replace(by: .none)
        while backfills.step(.unlimited()) {}
        #expect(try backfills.find(gone.id).error?.contains("not defined any more") == true)
    }

    @Test("refuse what they cannot do")
    func refusals() throws {
        let (backfills, _, _) = try backfills()
        #expect(throws: ReportError.self) { try backfills.add(kpis: [], metrics: [], start: nil, end: nil) }
        #expect(throws: ReportError.self) {
            try backfills.add(kpis: ["x"], metrics: [], start: nil, end: nil)
        }
        #expect(throws: ReportError.self) {
            try backfills.add(kpis: [], metrics: ["x"], start: nil, end: nil)
        }
        #expect(throws: ReportError.self) { try backfills.add(kpis: ["k"], metrics: [], start: 9, end: 8) }
        #expect(throws: ReportError.self) { try backfills.find("1") }
        #expect(throws: ReportError.self) { try backfills.cancel("1") }
        for _ in 0..<100 { _ = try backfills.add(kpis: ["p"], metrics: [], start: nil, end: nil) }
        #expect(throws: ReportError.self) {
            try backfills.add(kpis: ["p"], metrics: [], start: nil, end: nil)
        }
        while backfills.step(.unlimited()) {}
        for _ in 0..<50 { _ = try backfills.add(kpis: ["p"], metrics: [], start: nil, end: nil) }
        #expect(backfills.all.count <= 151)
    }
}

/// A store in memory.
private final class MinuteStore: SeriesSource, SampleSink {
    private struct Set: SeriesSet {
        let items: [(Labels, SampleColumn)]
        var count: Int { items.count }
        var warnings: [String] { [] }
        func labels(at index: Int) -> Labels { items[index].0 }
        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
            column = items[index].1
        }
    }

    private let series: Mutex<[Labels: [Int64: Double]]>

    init(end: Int64) {
        var samples: [Int64: Double] = [:]
        for time in stride(from: 0, to: end, by: 60_000) { samples[time] = 2 }
        series = Mutex([Labels([Labels.metricName: "c"]): samples])
    }

    func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        for (index, one) in batch.series.enumerated() {
            for sample in one.samples {
                series.withLock {
                    $0[batch.labels(at: index), default: [:]][batch.timestamps[sample]] = batch.values[sample]
                }
            }
        }
        return StagedWrite(AppendOutcome(storedSampleCount: batch.sampleCount))
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        var items: [(Labels, SampleColumn)] = []
        for (labels, samples) in series.withLock({ $0 }) {
            let matches = request.matchers.allSatisfy { matcher in
                let value = labels[matcher.name] ?? ""
                return matcher.kind == .equal ? value == matcher.value : value != matcher.value
            }
            let inside = samples.filter { request.range.contains(Timestamp(millis: $0.key)) }
                .sorted { $0.key < $1.key }
            guard matches, !inside.isEmpty else { continue }
            items.append((labels, SampleColumn(timestamps: inside.map(\.key), values: inside.map(\.value))))
        }
        return Set(items: items.sorted { $0.0 < $1.0 })
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: series.withLock { $0.keys.sorted() })
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
