import Foundation
import Model
import Testing

@testable import PromQL

/// Range functions that are answered from states of their ranges instead of samples.
@Suite("PromQL from states")
struct StateTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let lengthMillis: Int64 = 4 * 3_600_000
    private static let metrics = ["whole_total", "seconds_total", "gauge", "strange", "sparse"]

    /// Series of several kinds: counters of whole numbers and of parts, with resets; gauges; gaps; NaN,
    /// infinities and staleness markers.
    private static func series(_ random: inout SplitMix) -> [Labels: SampleColumn] {
        var series: [Labels: SampleColumn] = [:]
        for name in metrics {
            for key in ["a", "b", "c"] {
                series[Labels([Labels.metricName: name, "k": key])] = column(name, &random)
            }
        }
        return series
    }

    private static func column(_ name: String, _ random: inout SplitMix) -> SampleColumn {
        var column = SampleColumn()
        var time = start - Int64.random(in: 0...600_000, using: &random)
        var counter = name == "seconds_total" ? 1_234_567.1 : Double(Int.random(in: 0...9, using: &random))
        let distance: ClosedRange<Int64> = name == "sparse" ? 300_000...1_500_000 : 5_000...60_000
        while time < start + lengthMillis {
            let isGap = Int.random(in: 0..<200, using: &random) == 0
            time += isGap ? 1_800_000 : Int64.random(in: distance, using: &random)
            if Int.random(in: 0..<40, using: &random) == 0 { counter = 0 }
            switch name {
            case "whole_total": counter += Double(Int.random(in: 0...50, using: &random))
            case "seconds_total": counter += Double.random(in: 0...3, using: &random)
            default: counter = Double.random(in: -1000...1000, using: &random)
            }
            if name == "strange" {
                switch Int.random(in: 0..<60, using: &random) {
                case 0: counter = .nan
                case 1: counter = .infinity
                case 2: counter = -.infinity
                case 3: counter = -0.0
                default: break
                }
            }
            let isStale = name != "whole_total" && Int.random(in: 0..<50, using: &random) == 0
            column.append(millis: time, value: isStale ? StaleMarker.value : counter)
        }
        return column
    }

    private static let functions = RangeFunction.allCases.filter { StateFunction($0) != nil }

    private static func call(_ random: inout SplitMix, _ metric: String) -> String {
        let function = functions[Int.random(in: 0..<functions.count, using: &random)]
        let range: String =
            switch Int.random(in: 0..<6, using: &random) {
            case 0: "5m"
            case 1: "10m"
            case 2: "1h"
            case 3: "3h"
            case 4: "\(Int.random(in: 600_000...9_000_000, using: &random))ms"
            default: "\(Int.random(in: 10...300, using: &random))m"
            }
        let offset: String =
            switch Int.random(in: 0..<5, using: &random) {
            case 0: " offset \(Int.random(in: 1...90, using: &random))m"
            case 1: " offset -\(Int.random(in: 1...5000, using: &random))s"
            case 2: " @ \((start + Int64.random(in: 0...lengthMillis, using: &random)) / 1000)"
            default: ""
            }
        return "\(function.rawValue)(\(metric)[\(range)]\(offset))"
    }

    private static func expression(_ random: inout SplitMix) -> String {
        let metric = metrics[Int.random(in: 0..<metrics.count, using: &random)]
        let one = call(&random, metric)
        return switch Int.random(in: 0..<9, using: &random) {
        case 0: "max by (k) (\(one))"
        case 1: "count(\(one)) + on () group_right max without (k) (\(one)) "
        case 2: "\(one) / \(call(&random, metric))"
        case 3: "\(one) * \(metric)"
        case 4: "\(metric) * \(one)"
        case 5: "max_over_time(\(one)[30m:7m])"
        case 6: "\(call(&random, metric + "{k=\"a\"}")) / \(one)"
        default: one
        }
    }

    private static func evaluate(
        _ text: String,
        _ source: MemorySource,
        _ times: (start: Int64, count: Int64, step: Int64),
        _ budget: QueryBudget = .unlimited()
    ) throws -> [RangeSeries] {
        let answer = try Engine().range(
            try Parser.parse(text),
            start: Timestamp(millis: times.start),
            end: Timestamp(millis: times.start + times.count * times.step),
            stepMillis: times.step,
            source: source,
            budget: budget
        )
        guard case .matrix(let series) = answer.value else { return [] }
        return series
    }

    private static func agree(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN || right.isNaN { return left.isNaN && right.isNaN }
        return left == right || (left - right).magnitude <= 1e-12 * max(left.magnitude, right.magnitude)
    }

    @Test("2,000 random expressions have the values that samples give", arguments: 0..<10 as Range<UInt64>)
    func sameAsSamples(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var stateCount = 0
        var series: [Labels: SampleColumn] = [:]
        for round in 0..<200 {
            if round % 40 == 0 { series = StateTests.series(&random) }
            let withStates = MemorySource(series, stateSeed: random.next())
            let text = StateTests.expression(&random)
            let isOnBorders = Bool.random(using: &random)
            let unit: Int64 = isOnBorders ? 300_000 : 1
            let first = StateTests.start + Int64.random(in: 0...StateTests.lengthMillis, using: &random)
            let times = (
                start: first / unit * unit,
                count: Int64.random(in: 0...25, using: &random),
                step: isOnBorders ? 300_000 : Int64.random(in: 1...900_000, using: &random)
            )
            let expected = try StateTests.evaluate(text, MemorySource(series), times)
            let budget = QueryBudget.unlimited()
            let found = try StateTests.evaluate(text, withStates, times, budget)
            stateCount += withStates.stateCount
            let place = "seed \(seed), round \(round): \(text)"
            try #require(found.map(\.labels) == expected.map(\.labels), "\(place)")
            for (found, expected) in zip(found, expected) {
                #expect(found.column.timestamps == expected.column.timestamps, "\(place)")
                for (value, other) in zip(found.column.values, expected.column.values) {
                    #expect(StateTests.agree(value, other), "\(place): \(value), not \(other)")
                }
            }
            #expect(budget.heldByteCount == 0)
        }
        // Most expressions have to have been answered in the way that is tested.
        #expect(stateCount > 200)
    }

    private static func counter(_ sampleCount: Int) -> [Labels: SampleColumn] {
        var column = SampleColumn()
        for index in 0..<sampleCount {
            column.append(millis: start + Int64(index) * 60_000, value: Double(index % 100))
        }
        // Several series, as the source has no states of some.
        let labels = (0..<20).map { Labels([Labels.metricName: "m_total", "i": "\($0)"]) }
        return Dictionary(uniqueKeysWithValues: labels.map { ($0, column) })
    }

    @Test(
        "what can be answered from states reads no samples",
        arguments: [
            ("rate(m_total[1h])", 1), ("sum(increase(m_total[2h]))", 1),
            ("absent_over_time(m_total[10m])", 1),
            ("rate(m_total[9m])", 0), ("irate(m_total[1h])", 0), ("increase(m_total[1h] anchored)", 0),
            ("sum_over_time(m_total[1h:1m])", 0), ("m_total", 0),
            ("increase(m_total[1h]) / count_over_time(m_total[1h])", 2),
        ] as [(String, Int)]
    )
    func readsNoSamples(_ text: String, _ readers: Int) throws {
        let source = MemorySource(StateTests.counter(360), stateSeed: 7)
        _ = try StateTests.evaluate(text, source, (StateTests.start + 7_200_000, 5, 600_000))
        if readers == 0 {
            #expect(source.stateCount == 0 && source.readCount == 20)
        } else {
            // Of some series it has no states.
            #expect(source.stateCount > 10 * readers)
            #expect(source.readCount <= readers * 20 - source.stateCount)
        }
    }

    @Test(
        "a selector that states may answer does not make others read its long range",
        arguments: ["increase(m_total[2d]) / m_total", "m_total / increase(m_total[2d])"]
    )
    func doesNotShareLongRanges(_ text: String) throws {
        let source = MemorySource(StateTests.counter(2880), stateSeed: 7)
        let time = StateTests.start + 2 * 86_400_000
        _ = try StateTests.evaluate(text, source, (time, 0, 1))
        let lengths = source.requests.map { $0.range.end.millis - $0.range.start.millis }.sorted()
        #expect(lengths == [299_999, 2 * 86_400_000 - 1])
    }

    @Test("samples that were kept for a selector go when states answer it")
    func dropsKeptSamples() throws {
        let source = MemorySource(StateTests.counter(360), stateSeed: 7)
        let budget = QueryBudget(sampleLimit: 40_000)
        let text = "m_total + increase(m_total[1h])"
        let times = (start: StateTests.start + 7_200_000, count: 5 as Int64, step: 600_000 as Int64)
        let found = try StateTests.evaluate(text, source, times, budget)
        #expect(found.count == 20 && source.readCount == 20 && source.stateCount > 10)
        #expect(budget.heldByteCount == 0)
    }

    @Test("ranges are asked about in portions, and their memory counts")
    func portions() throws {
        let series = StateTests.counter(360)
        let source = MemorySource(series, stateSeed: 7)
        let times = (start: StateTests.start, count: 5000 as Int64, step: 4_000 as Int64)
        let found = try StateTests.evaluate("increase(m_total[20m])", source, times)
        let expected = try StateTests.evaluate("increase(m_total[20m])", MemorySource(series), times)
        #expect(found.map(\.column.values) == expected.map(\.column.values))
        #expect(throws: PromQLError.self) {
            let budget = QueryBudget(memoryLimitBytes: 200_000)
            _ = try StateTests.evaluate("sum(increase(m_total[20m]))", source, times, budget)
        }
    }

    @Test("a query that is cancelled stops between series")
    func cancels() throws {
        let source = MemorySource(StateTests.counter(60), stateSeed: 7)
        let budget = QueryBudget.unlimited()
        source.onStates = { number in if number == 3 { budget.cancel() } }
        #expect(throws: PromQLError.source(.cancelled)) {
            let times = (start: StateTests.start, count: 9000 as Int64, step: 1_000 as Int64)
            _ = try StateTests.evaluate("sum(increase(m_total[20m]))", source, times, budget)
        }
        #expect(source.stateCount < 10)
    }

    @Test(
        "what a source warns of while it is read is in the answer",
        arguments: [
            "m_total", "sum(rate(m_total[1h]))", "m_total[1h]", "m_total + m_total", "timestamp(m_total)",
        ]
    )
    func lateWarnings(_ text: String) throws {
        for seed in [nil, 7 as UInt64?] {
            let source = MemorySource(
                StateTests.counter(60),
                stateSeed: seed,
                lateWarning: "a chunk is damaged"
            )
            let answer = try Engine().instant(
                try Parser.parse(text),
                at: Timestamp(millis: StateTests.start + 3_600_000),
                source: source,
                budget: .unlimited()
            )
            #expect(answer.warnings == ["a chunk is damaged"])
        }
    }

    @Test("a NaN counts as each function says")
    func notNumbers() {
        var state = WindowState()
        state.add(millis: 1000, value: .nan)
        func answer(_ function: RangeFunction) -> StateFunction.Answer? {
            StateFunction(function)?.value(of: state, after: 0, through: 10_000)
        }
        #expect(answer(.countOverTime) == .value(1))
        #expect(answer(.presentOverTime) == .value(1))
        #expect(answer(.rate) == .nothing)
        #expect(answer(.lastOverTime) == .unknown)
        guard case .value(let least)? = answer(.minOverTime), least.isNaN else {
            Issue.record("a range of NaNs has no smallest number")
            return
        }
        state.add(millis: 2000, value: 5)
        #expect(answer(.countOverTime) == .value(2))
        #expect(answer(.minOverTime) == .value(5))
        #expect(answer(.maxOverTime) == .value(5))
        #expect(answer(.firstOverTime) == .unknown)
        #expect(answer(.increase) == .unknown)
        #expect(answer(.delta) == .unknown)
        #expect(answer(.tsOfLastOverTime) == .unknown)
        guard case .value(let sum)? = answer(.sumOverTime), case .value(let mean)? = answer(.avgOverTime)
        else {
            Issue.record("sums are known")
            return
        }
        #expect(sum.isNaN && mean.isNaN)
    }

    @Test("the mean of numbers whose sum is too large needs the samples")
    func largeMean() {
        var state = WindowState()
        state.add(millis: 1000, value: 1e308)
        state.add(millis: 2000, value: 1e308)
        #expect(StateFunction(.avgOverTime)?.value(of: state, after: 0, through: 10_000) == .unknown)
        #expect(StateFunction(.sumOverTime)?.value(of: state, after: 0, through: 10_000) == .value(.infinity))
    }
}
