import Model
import Synchronization
import Testing

@testable import PromQL

@Suite("Range cache")
struct RangeCacheTests {
    private static let step: Int64 = 60_000
    private static let expressions = [
        "x", "sum by (a) (rate(x[5m]))", "topk(1, x)", "max_over_time(x[10m:2m])", "x offset 3m > 2",
        "x / on (a) group_left sum by (a) (x)", "count_values(\"v\", x)", "absent(x{a=\"9\"})",
    ]

    /// A source whose samples change, and which says since when.
    private final class Changing: SeriesSource {
        private struct State {
            var samples: [Labels: [Int64: Double]] = [:]
            var changes: [Int64] = []
        }

        private let state = Mutex(State())
        /// The first times of the selections.
        let selected = Mutex<[Int64]>([])

        func put(_ labels: Labels, _ millis: Int64, _ value: Double) {
            state.withLock { state in
                state.samples[labels, default: [:]][millis] = value
                state.changes.append(millis)
            }
        }

        private var memory: MemorySource {
            MemorySource(
                state.withLock { $0.samples }.mapValues { samples in
                    let times = samples.keys.sorted()
                    return SampleColumn(timestamps: times, values: times.map { samples[$0] ?? 0 })
                }
            )
        }

        func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
            selected.withLock { $0.append(request.range.start.millis) }
            return try memory.select(request, budget: budget)
        }

        func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
            LabelAnswer(items: [])
        }

        func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
            -> LabelAnswer<String>
        { LabelAnswer(items: []) }

        func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
            -> LabelAnswer<String>
        { LabelAnswer(items: []) }

        func metadata(of metric: String?) -> [MetricMetadata] { [] }

        func changeMark() -> UInt64? { state.withLock { UInt64($0.changes.count) } }

        func unchanged(since mark: UInt64) -> TimeRange? {
            state.withLock { state in
                let first = state.changes.dropFirst(Int(mark)).min()
                return TimeRange(.min, first.map { Timestamp(millis: $0 - 1) } ?? .max)
            }
        }
    }

    private func filled() -> Changing {
        let source = Changing()
        for series in 0..<4 {
            let labels = Labels(["__name__": "x", "a": "\(series % 2)", "b": "\(series)"])
            for minute in 0..<200 where (minute + series) % 7 != 0 {
                source.put(labels, Int64(minute) * RangeCacheTests.step, Double(minute * (series + 1) % 50))
            }
        }
        return source
    }

    private func question(_ text: String, _ start: Int64, _ end: Int64) throws -> RangeCache.Question {
        RangeCache.Question(
            try Parser.parse(text),
            text: text,
            from: Timestamp(millis: start * RangeCacheTests.step),
            through: Timestamp(millis: end * RangeCacheTests.step),
            stepMillis: RangeCacheTests.step,
            lookbackMillis: nil
        )
    }

    private func series(_ answer: QueryAnswer) -> [Labels: [Int64: UInt64]] {
        guard case .matrix(let series) = answer.value else { return [:] }
        var result: [Labels: [Int64: UInt64]] = [:]
        for item in series {
            for (time, value) in zip(item.column.timestamps, item.column.values) {
                result[item.labels, default: [:]][time] = value.bitPattern
            }
        }
        return result
    }

    private func check(_ text: String, _ start: Int64, _ end: Int64, _ cache: RangeCache, _ source: Changing)
        throws
    {
        let question = try question(text, start, end)
        let engine = Engine()
        let cached = try cache.range(question, engine, source: source, budget: .unlimited())
        let plain = try engine.range(
            question.expr,
            start: question.start,
            end: question.end,
            stepMillis: question.stepMillis,
            source: source,
            budget: .unlimited()
        )
        #expect(series(cached) == series(plain), "\(text) from \(start) to \(end)")
        guard case .matrix(let items) = cached.value else { return }
        #expect(zip(items, items.dropFirst()).allSatisfy { $0.labels < $1.labels })
    }

    @Test("answers are those of the engine, whatever was asked and changed before")
    func random() throws {
        var random = SplitMix(state: 20_261_130)
        let source = filled()
        let cache = RangeCache(leastDuration: .zero) { 1 << 20 }
        for _ in 0..<400 {
            let text = RangeCacheTests.expressions.randomElement(using: &random) ?? "x"
            let start = Int64.random(in: 0..<80, using: &random)
            try check(text, start, start + Int64.random(in: 1..<100, using: &random), cache, source)
            guard Int.random(in: 0..<3, using: &random) == 0 else { continue }
            let labels = Labels(["__name__": "x", "a": "1", "b": "\(Int.random(in: 0..<6, using: &random))"])
            let time = Int64.random(in: 0..<200, using: &random) * RangeCacheTests.step
            source.put(labels, time, Double(Int.random(in: 0..<9, using: &random)))
        }
        #expect(cache.figures.hitCount > 50)
    }

    @Test("a query asked again reads nothing, moved on it reads what is new, after late data what they touch")
    func reads() throws {
        let source = filled()
        let cache = RangeCache(leastDuration: .zero) { 1 << 20 }
        func starts(_ start: Int64, _ end: Int64) throws -> [Int64] {
            source.selected.withLock { $0 = [] }
            let question = try question("sum(sum_over_time(x[5m]))", start, end)
            _ = try cache.range(question, Engine(), source: source, budget: .unlimited())
            return source.selected.withLock { $0 }
        }
        let window = 5 * RangeCacheTests.step - 1
        #expect(try starts(10, 70) == [10 * RangeCacheTests.step - window])
        #expect(try starts(10, 70) == [])
        #expect(try starts(12, 72) == [71 * RangeCacheTests.step - window])
        source.put(Labels(["__name__": "x"]), 50 * RangeCacheTests.step, 1)
        #expect(try starts(12, 72) == [50 * RangeCacheTests.step - window])
        #expect(try starts(12, 72) == [])
    }

    @Test(
        "what does not depend on steps alone is never remembered",
        arguments: [
            "x @ end()", "x @ 60", "x offset -1m", "limitk(1, x)", "x[5m:1m] offset -1m", "rate(x[range()])",
            "x + end()", "rate(x[5m] anchored)",
        ]
    )
    func refused(text: String) throws {
        let text = text.contains("[5m:") ? "max_over_time(\(text))" : text
        let reach = StepReach.millis(
            try Parser.parse(text),
            lookbackMillis: 300_000,
            defaultSubqueryStepMillis: 60_000,
            filled()
        )
        #expect(reach == nil)
    }

    @Test("it keeps to its capacity")
    func capacity() throws {
        let source = filled()
        let cache = RangeCache(leastDuration: .zero) { 64_000 }
        for start in 0..<40 {
            let question = try question("sum(x) + \(start)", 1, 60)
            _ = try cache.range(question, Engine(), source: source, budget: .unlimited())
            #expect(cache.figures.byteCount <= 64_000)
        }
        #expect(cache.figures.count > 0)
    }
}
