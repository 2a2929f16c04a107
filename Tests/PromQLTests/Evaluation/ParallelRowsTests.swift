import Dispatch
import Model
import Testing

@testable import PromQL

@Suite("Parallel rows", .serialized)
struct ParallelRowsTests {
    /// Threads of the system, any number at a time.
    private struct AllHelp: SpareThreads {
        func tryRun(_ work: @escaping @Sendable () -> Void) -> Bool {
            DispatchQueue.global().async(execute: work)
            return true
        }
    }

    /// Every other request for help is refused.
    private struct LateHelp: SpareThreads {
        func tryRun(_ work: @escaping @Sendable () -> Void) -> Bool {
            guard Bool.random() else { return false }
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(300), execute: work)
            return true
        }
    }

    private static let source: MemorySource = {
        var random = SplitMix(state: 7)
        var series: [Labels: SampleColumn] = [:]
        for number in 0..<300 {
            var column = SampleColumn()
            for sample in 0..<700 where Int.random(in: 0..<20, using: &random) > 0 {
                let value =
                    number % 2 == 0 ? Double(sample * number) : Double.random(in: -1...1, using: &random)
                column.append(
                    millis: Int64(sample) * 15_000,
                    value: sample == 350 ? StaleMarker.value : value
                )
            }
            if number % 50 == 3 {
                var histogram = NativeHistogram()
                histogram.count = 3
                histogram.sum = Double(number)
                column.append(millis: 700 * 15_000, histogram: histogram)
            }
            series[Labels(["__name__": "x", "group": "\(number % 7)", "number": "\(number)"])] = column
        }
        return MemorySource(series)
    }()

    private func answer(_ text: String, _ helpers: (any SpareThreads)?) throws -> QueryAnswer {
        try Engine().range(
            try Parser.parse(text),
            text: text,
            start: Timestamp(millis: 0),
            end: Timestamp(millis: 10_500_000),
            stepMillis: 60_000,
            source: ParallelRowsTests.source,
            budget: QueryBudget(helpers: helpers)
        )
    }

    private func bits(_ answer: QueryAnswer) -> [[String]] {
        guard case .matrix(let series) = answer.value else { return [] }
        return series.map { item in
            ["\(item.labels)"] + item.column.timestamps.map { "\($0)" }
                + item.column.values.map { String($0.bitPattern) }
                + item.column.histograms.values.map { "\($0)" }
        }
    }

    @Test(
        "results and remarks have the same bits on any number of threads",
        arguments: [
            "x", "sum(x)", "sum by (group) (rate(x[5m]))", "avg(x)", "max_over_time(x[7m])",
            "stddev by (group) (x)",
            "quantile_over_time(0.3, x[10m])", "topk(3, x)", "sum(sum_over_time(x[1h]))", "timestamp(x)",
            "last_over_time(x[5m])", "predict_linear(x[10m], 60)",
        ]
    )
    func equality(text: String) throws {
        let alone = try answer(text, nil)
        for helpers in [AllHelp(), LateHelp()] as [any SpareThreads] {
            let helped = try answer(text, helpers)
            #expect(bits(helped) == bits(alone))
            #expect(helped.infos == alone.infos)
            #expect(helped.warnings == alone.warnings)
        }
    }

    @Test("a query that is cancelled while others help ends")
    func cancellation() throws {
        let budget = QueryBudget(helpers: AllHelp())
        let reads = ParallelRowsTests.source.readCount
        ParallelRowsTests.source.onRead = { if $0 > reads + 150 { budget.cancel() } }
        defer { ParallelRowsTests.source.onRead = nil }
        #expect(throws: PromQLError.source(.cancelled)) {
            _ = try Engine().range(
                try Parser.parse("sum(sum_over_time(x[1h]))"),
                start: Timestamp(millis: 0),
                end: Timestamp(millis: 10_500_000),
                stepMillis: 15_000,
                source: ParallelRowsTests.source,
                budget: budget
            )
        }
        #expect(budget.heldByteCount == 0)
    }
}
