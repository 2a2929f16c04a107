import Foundation
import Model
import Testing

@testable import PromQL

/// What an engine asks of its source, what it answers, and what stops it.
@Suite("PromQL engine")
struct EngineTests {
    /// `count` series `m{i="0"}`, `m{i="1"}` and so on, with a sample every 10 s.
    private static func source(seriesCount: Int, sampleCount: Int) -> MemorySource {
        var series: [Labels: SampleColumn] = [:]
        for index in 0..<seriesCount {
            let times = (0..<sampleCount).map { Int64($0) * 10_000 }
            let column = SampleColumn(timestamps: times, values: times.map { Double($0 + Int64(index)) })
            series[Labels(["__name__": "m", "i": "\(index)"])] = column
        }
        return MemorySource(series)
    }

    private static func range(
        _ text: String,
        _ source: MemorySource,
        _ start: Int64,
        _ end: Int64,
        _ step: Int64,
        _ budget: QueryBudget = .unlimited()
    ) throws -> QueryAnswer {
        try Engine().range(
            try Parser.parse(text),
            text: text,
            start: Timestamp(millis: start),
            end: Timestamp(millis: end),
            stepMillis: step,
            source: source,
            budget: budget
        )
    }

    private static func instant(
        _ text: String,
        _ source: MemorySource,
        _ time: Int64,
        _ budget: QueryBudget = .unlimited()
    ) throws -> QueryAnswer {
        try Engine().instant(
            try Parser.parse(text),
            text: text,
            at: Timestamp(millis: time),
            source: source,
            budget: budget
        )
    }

    // MARK: - The source

    @Test(
        "selectors ask for exactly the samples they can see",
        arguments: [
            ("m", -199_999, 100_000),
            ("rate(m[1m])", 40_001, 100_000),
            ("m offset 30s", -229_999, 70_000),
            ("m offset -30s", -169_999, 130_000),
            ("m @ 50", -249_999, 50_000),
            ("m @ end()", -199_999, 100_000),
            ("rate(m[1m] @ 50 offset 10s)", -19_999, 40_000),
            ("max_over_time(m[1m:20s])", -239_999, 100_000),
            ("max_over_time(rate(m[30s])[1m:20s] offset 20s)", 10_001, 80_000),
            ("m[30s]", 70_001, 100_000),
            ("increase(m[30s] anchored)", -229_999, 100_000),
            ("increase(m[30s] smoothed offset 10s)", -239_999, 390_000),
            ("m smoothed", -199_999, 400_000),
            ("info(m{job=\"j\"} offset 10s)", -209_999, 90_000),
        ]
    )
    func requestedRange(_ text: String, _ start: Int64, _ end: Int64) throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 20)
        _ = try EngineTests.instant(text, source, 100_000)
        let range = try #require(source.requests.first).range
        #expect(range.start.millis == start)
        #expect(range.end.millis == end)
    }

    @Test("a lookback of the query replaces the engine's")
    func lookback() throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        func count(_ lookbackMillis: Int64?) throws -> Int {
            let answer = try Engine().instant(
                try Parser.parse("m"),
                at: Timestamp(millis: 60_000),
                lookbackMillis: lookbackMillis,
                source: source,
                budget: .unlimited()
            )
            guard case .vector(let vector) = answer.value else { return -1 }
            return vector.count
        }
        #expect(try count(nil) == 1)
        #expect(try count(60_001) == 1)
        #expect(try count(60_000) == 0)
    }

    @Test("the source learns what the samples are for")
    func hints() throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 20)
        _ = try EngineTests.range("sum by (i) (m) + ceil(rate(n[1m]))", source, 0, 100_000, 20_000)
        _ = try EngineTests.range("max_over_time(m[1m:5s])", source, 0, 100_000, 20_000)
        let hints = source.requests.map(\.hints)
        try #require(hints.count == 3)
        let sum = try #require(hints.first { $0.function == "sum" })
        #expect(sum.grouping == ["i"] && sum.isGroupedBy && sum.rangeMillis == 0 && sum.stepMillis == 20_000)
        let rate = try #require(hints.first { $0.function == "rate" })
        #expect(rate.grouping == nil && rate.rangeMillis == 60_000 && rate.stepMillis == 20_000)
        let subquery = try #require(hints.first { $0.function == "max_over_time" })
        #expect(subquery.rangeMillis == 0 && subquery.stepMillis == 5000)
    }

    @Test(
        "each selector reads each of its series once, however many steps there are",
        arguments: [
            "m", "sum(m)", "rate(m[5m])", "sum by (i) (rate(m[5m]))", "topk(2, m)", "m @ 50",
            "sum(m @ end())",
            "max_over_time(m[5m:10s])", "absent_over_time(m[1m])", "timestamp(m)", "quantile(0.5, m)",
        ]
    )
    func readsOnce(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 4, sampleCount: 100)
        _ = try EngineTests.range(text, source, 0, 900_000, 10_000)
        #expect(source.readCount == 4)
        #expect(source.requests.count == 1)
    }

    @Test(
        "selectors that have series in common read these once",
        arguments: [
            ("m + m", 4, 1), ("rate(m[5m]) / rate(m[1h])", 4, 1), ("sum(m) / count(m) + max(m)", 4, 1),
            ("sum(m{i=\"1\"}) / sum(m)", 4, 2), ("sum(m) / sum(m{i=~\"[12]\"})", 4, 2),
            ("timestamp(m) - m", 4, 1), ("sum(m{i=\"1\"}) / sum(m{i=\"2\"})", 2, 2),
            ("m - m offset 1d", 4, 2), ("m{i=\"1\"} or m @ 0", 5, 2),
            ("max_over_time(m[5m:10s]) - min_over_time(m[5m:10s])", 4, 1),
        ]
    )
    func sharesReads(_ text: String, _ readCount: Int, _ requestCount: Int) throws {
        let source = EngineTests.source(seriesCount: 4, sampleCount: 100)
        let budget = QueryBudget(sampleLimit: 4000)
        _ = try EngineTests.range(text, source, 0, 900_000, 10_000, budget)
        #expect(source.readCount == readCount)
        #expect(source.requests.count == requestCount)
        #expect(budget.heldByteCount == 0)
    }

    @Test("where there is no room to keep samples, they are read again")
    func readsAgain() throws {
        let source = EngineTests.source(seriesCount: 4, sampleCount: 100)
        // A quarter of 1000 samples is room for two series.
        let budget = QueryBudget(sampleLimit: 1000)
        _ = try EngineTests.range("sum(m) / count(m)", source, 0, 900_000, 10_000, budget)
        #expect(source.readCount == 6)
        #expect(budget.heldByteCount == 0)
    }

    // MARK: - The answer

    @Test("the warnings and infos name their place in the text, each once, ten at most")
    func annotations() throws {
        let source = EngineTests.source(seriesCount: 3, sampleCount: 20)
        let answer = try EngineTests.range("rate(m[1m])\n  + rate(m[2m])", source, 0, 100_000, 10_000)
        let text =
            "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: \"m\""
        #expect(answer.infos == ["\(text) (1:6)", "\(text) (2:10)"])
        #expect(answer.warnings.isEmpty)

        let many = (0..<13).map { "quantile(1\($0), m)" }.joined(separator: " or ")
        let warnings = try EngineTests.instant(many, source, 50_000).warnings
        #expect(warnings.count == 11)
        #expect(warnings.first == "PromQL warning: quantile value should be between 0 and 1, got 10 (1:10)")
        #expect(warnings.last == "3 more warning annotations omitted")
    }

    @Test("repaired histograms are summed up in one remark")
    func monotonicity() throws {
        func bucket(_ bound: String, _ value: Double) -> (Labels, SampleColumn) {
            let times: [Int64] = [0, 10_000]
            let labels = Labels(["__name__": "h_bucket", "le": bound])
            return (labels, SampleColumn(timestamps: times, values: [value, value + 1]))
        }
        let buckets = [bucket("1", 10), bucket("2.5", 4.5), bucket("5", 8), bucket("+Inf", 20)]
        let source = MemorySource(Dictionary(uniqueKeysWithValues: buckets))
        let answer = try EngineTests.range("histogram_quantile(0.5, h_bucket)", source, 0, 10_000, 10_000)
        #expect(
            answer.infos == [
                "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
                    + "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile) for metric "
                    + "name \"h_bucket\", from buckets 2.5 to 5, with a max diff of 5.5, over 2 samples from "
                    + "1970-01-01T00:00:00Z to 1970-01-01T00:00:10Z (1:25)"
            ]
        )
    }

    @Test("what a source warns of is in the answer")
    func sourceWarnings() throws {
        let answer = try Engine().instant(
            try Parser.parse("a + b"),
            at: Timestamp(millis: 0),
            source: DamagedSource(),
            budget: .unlimited()
        )
        #expect(answer.warnings == ["a segment is damaged"])
    }

    // MARK: - Errors

    @Test(
        "requests that make no sense are refused with Prometheus's words",
        arguments: [
            (
                0, 10, 0,
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
            ),
            (10, 0, 1, "end timestamp must not be before start time"),
            (
                0, 11_001_000, 1000,
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution "
                    + "(?step=XX); the limit is points_per_series"
            ),
        ]
    )
    func badRequests(_ start: Int64, _ end: Int64, _ step: Int64, _ message: String) throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        #expect(throws: PromQLError.badData(message)) { try EngineTests.range("m", source, start, end, step) }
    }

    @Test("11,000 steps are not too many")
    func manySteps() throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        guard case .matrix(let matrix) = try EngineTests.range("vector(1)", source, 0, 11_000_000, 1000).value
        else {
            Issue.record("no matrix")
            return
        }
        #expect(matrix.first?.column.count == 11_001)
    }

    @Test("every function of the language is evaluated", arguments: FunctionSignature.all.map(\.name))
    func everyFunction(_ name: String) throws {
        let signature = try #require(FunctionSignature.named(name))
        let source = EngineTests.source(seriesCount: 2, sampleCount: 20)
        let arguments = signature.arguments.enumerated().map { index, type in
            switch type {
            case .scalar: "0.5"
            case .string: "\"label\""
            case .matrix: "m[1m]"
            default: name == "info" && index == 1 ? "{i=\"0\"}" : "m"
            }
        }
        let text = "\(name)(\(arguments.joined(separator: ", ")))"
        _ = try EngineTests.instant(text, source, 100_000)
        _ = try EngineTests.range(text, source, 0, 100_000, 10_000)
    }

    @Test(
        "times at the ends of what can be told are refused or empty, not a trap",
        arguments: [
            "m", "rate(m[5m])", "m offset 100y", "m offset -100y", "max_over_time(m[100y:1y])", "time()",
            "year()",
            "m @ 9e15", "absent(m)", "predict_linear(m[5m], 1)",
        ]
    )
    func extremeTimes(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        for time in [Int64.min, .min + 1, -1, 0, .max - 1, .max] {
            _ = try? EngineTests.instant(text, source, time)
            _ = try? EngineTests.range(text, source, time, time, 1)
        }
        _ = try? EngineTests.range(text, source, .min, .max, 1)
        _ = try? EngineTests.range(text, source, .min, .max, .max)
        _ = try? EngineTests.range(text, source, .max - 10, .max, .max)
    }

    // MARK: - Limits

    @Test(
        "a query that holds too many samples is stopped",
        arguments: [
            "m", "rate(m[5m])", "m + m", "sum by (i) (m)", "vector(1) or m", "count_values(\"v\", m)",
        ]
    )
    func tooManySamples(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 20, sampleCount: 100)
        let budget = QueryBudget(sampleLimit: 1000)
        #expect(throws: PromQLError.source(.tooManySamples(limit: 1000))) {
            try EngineTests.range(text, source, 0, 990_000, 10_000, budget)
        }
    }

    @Test(
        "an aggregation holds its groups, not its series",
        arguments: ["sum(m)", "avg(rate(m[5m]))", "max(m)", "count(max_over_time(m[1m]))", "stddev(m)"]
    )
    func streamedAggregation(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 200, sampleCount: 100)
        _ = try EngineTests.range(text, source, 0, 990_000, 10_000, QueryBudget(sampleLimit: 2000))
    }

    @Test("what was held is given back, also after an error")
    func givesBack() throws {
        let source = EngineTests.source(seriesCount: 5, sampleCount: 100)
        let budget = QueryBudget(sampleLimit: 4000)
        for _ in 0..<5 {
            _ = try EngineTests.range(
                "sum(m) / count(m) + topk(1, m * 2)",
                source,
                0,
                990_000,
                10_000,
                budget
            )
            #expect(throws: PromQLError.self) {
                try EngineTests.range("m + on () group_left m", source, 0, 990_000, 10_000, budget)
            }
        }
        #expect(budget.peakSampleCount > 500)
        #expect(budget.scannedSampleCount == 5 * 2 * 500)
    }

    @Test(
        "labels and groups are counted as memory, not only samples",
        arguments: [
            "m", "abs(m)", "m and m", "m + m", "sum by (i) (m)", "label_join(m, \"j\", \"-\", \"i\", \"i\")",
            "count_values(\"v\", m)", "topk(5, m)", "sort_by_label(m, \"i\")",
        ]
    )
    func labelMemory(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 2000, sampleCount: 1)
        // 16 bytes for each sample, but not for labels too.
        let budget = QueryBudget(memoryLimitBytes: 100_000)
        #expect(
            throws: PromQLError.source(
                .tooMuchMemory(limitName: "query_memory_bytes", limitBytes: 100_000)
            )
        ) { try EngineTests.instant(text, source, 0, budget) }
        #expect(budget.heldByteCount == 0)
    }

    @Test("labels that a query makes longer are counted")
    func madeLabelMemory() throws {
        let source = EngineTests.source(seriesCount: 100, sampleCount: 1)
        let doublings = 12
        let text =
            String(repeating: "label_join(", count: doublings)
            + "label_replace(m, \"l\", \"abcd\", \"\", \"\")"
            + String(repeating: ", \"l\", \"\", \"l\", \"l\")", count: doublings)
        let budget = QueryBudget(memoryLimitBytes: 1_000_000)
        #expect(
            throws: PromQLError.source(
                .tooMuchMemory(limitName: "query_memory_bytes", limitBytes: 1_000_000)
            )
        ) { try EngineTests.instant(text, source, 0, budget) }
        _ = try EngineTests.instant(text, source, 0, QueryBudget(memoryLimitBytes: 4_000_000))
    }

    @Test("an answer is counted as long as it is kept", arguments: ["m", "m[1m]", "time()", "\"text\""])
    func answerMemory(_ text: String) throws {
        let source = EngineTests.source(seriesCount: 10, sampleCount: 100)
        let budget = QueryBudget()
        var answer: QueryAnswer? = try EngineTests.instant(text, source, 100_000, budget)
        #expect(answer != nil && budget.heldByteCount > 0)
        answer = nil
        #expect(budget.heldByteCount == 0)
    }

    @Test("a cancelled query and one whose time is over stop")
    func stops() throws {
        let source = EngineTests.source(seriesCount: 2, sampleCount: 10)
        let cancelled = QueryBudget()
        cancelled.cancel()
        #expect(throws: PromQLError.source(.cancelled)) { try EngineTests.instant("m", source, 0, cancelled) }
        let late = QueryBudget(timeLimitMillis: -1)
        #expect(throws: PromQLError.source(.timedOut(afterMillis: -1))) {
            try EngineTests.instant("1 + 1", source, 0, late)
        }
    }

    @Test("a query is stopped while it works on steps without samples")
    func stopsInside() throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        let text = "stddev_over_time(vector(1)[90000s:1s])"
        let late = QueryBudget(timeLimitMillis: 100)
        #expect(throws: PromQLError.source(.timedOut(afterMillis: 100))) {
            try EngineTests.range(text, source, 90_000_000, 99_000_000, 1000, late)
        }
    }

    @Test(
        "a query that is cancelled while it reads goes no further",
        arguments: [
            "sort(m)", "sort_by_label(m, \"i\")", "m and m", "m * on (i) m", "-m", "m > 1", "abs(m)",
            "scalar(m)",
            "label_replace(m, \"j\", \"$1\", \"i\", \"(.*)\")", "count_values(\"v\", m)", "quantile(0.5, m)",
            "topk(3, m)", "limitk(3, m)", "sum(m)", "absent(m)", "histogram_quantile(0.5, m)", "info(m)",
        ]
    )
    func cancelledInside(_ text: String) throws {
        let budget = QueryBudget()
        let source = EngineTests.source(seriesCount: 400, sampleCount: 100)
        source.onRead = { if $0 == 10 { budget.cancel() } }
        #expect(throws: PromQLError.source(.cancelled)) {
            try EngineTests.range(text, source, 0, 900_000, 10_000, budget)
        }
        #expect(source.readCount < 200)
        #expect(budget.heldByteCount == 0)
    }

    @Test("a label that a query makes longer and longer is stopped")
    func madeLabels() throws {
        let source = EngineTests.source(seriesCount: 1, sampleCount: 1)
        let doublings = 20
        let text =
            String(repeating: "label_join(", count: doublings)
            + "label_replace(m, \"l\", \"abcd\", \"\", \"\")"
            + String(repeating: ", \"l\", \"\", \"l\", \"l\")", count: doublings)
        do {
            _ = try EngineTests.instant(text, source, 0)
            Issue.record("a label of 4 MiB was made")
        } catch PromQLError.execution(let message) {
            #expect(message.contains("made_string_bytes"))
        }
    }

    @Test(
        "deep and long expressions need no deep stack",
        arguments: [
            String(repeating: "(", count: 120) + "m" + String(repeating: ")", count: 120),
            String(repeating: "-", count: 120) + "m",
            String(repeating: "abs(", count: 120) + "m" + String(repeating: ")", count: 120),
            String(repeating: "sum(", count: 120) + "m" + String(repeating: ")", count: 120),
            [String](repeating: "m", count: 500).joined(separator: " + "),
            [String](repeating: "2", count: 120).joined(separator: " ^ "),
            String(repeating: "max_over_time(", count: 60) + "m" + String(repeating: "[1m:30s])", count: 60),
        ]
    )
    func shallowStack(_ text: String) throws {
        let expr = try Parser.parse(text)
        let source = EngineTests.source(seriesCount: 1, sampleCount: 10)
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            _ = try? Engine().range(
                expr,
                start: Timestamp(millis: 0),
                end: Timestamp(millis: 100_000),
                stepMillis: 10_000,
                source: source,
                budget: .unlimited()
            )
            done.signal()
        }
        thread.stackSize = 512 << 10
        thread.start()
        done.wait()
    }
}

/// A source without series whose data is damaged.
private struct DamagedSource: SeriesSource {
    private struct NoSeries: SeriesSet {
        var count: Int { 0 }
        var warnings: [String] { ["a segment is damaged"] }
        func labels(at index: Int) -> Labels { .empty }
        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {}
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        NoSeries()
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: [])
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
