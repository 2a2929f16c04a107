import Dispatch
import Model
import Testing

@testable import PromQL

/// Range functions over native histograms that are answered from states of their ranges instead of samples.
@Suite("PromQL from states of native histograms")
struct HistogramStateTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let lengthMillis: Int64 = 4 * 3_600_000
    private static let kinds = ["counter", "finer", "zero", "custom", "both", "gauge", "hints", "mixed"]

    private static func empty(_ kind: String, _ random: inout SplitMix) -> NativeHistogram {
        var histogram = NativeHistogram(schema: 3, zeroThreshold: 1e-3)
        if kind == "finer" { histogram.schema = Int32.random(in: -1...8, using: &random) }
        if kind == "zero" { histogram.zeroThreshold = [1e-3, 0.5, 1].randomElement(using: &random) ?? 1 }
        if kind == "gauge" { histogram.counterReset = .gauge }
        let isCustom = kind == "custom" || kind == "both" && Bool.random(using: &random)
        if isCustom {
            histogram.schema = NativeHistogram.customSchema
            histogram.zeroThreshold = 0
            histogram.customBounds = [0.1, 0.5, 1, 5].filter { _ in Int.random(in: 0..<9, using: &random) > 0
            }
        }
        var index: Int32 = isCustom ? 0 : -10
        for _ in 0..<(isCustom ? histogram.customBounds.count + 1 : 6) {
            histogram.positive.append(index: index, count: 0)
            if !isCustom { histogram.negative.append(index: index, count: 0) }
            index += isCustom ? 1 : Int32.random(in: 1...3, using: &random)
        }
        return histogram
    }

    /// Counters with resets and gaps; such whose resolution, zero bucket or bounds change; gauges; what
    /// clients say of resets; numbers in between; staleness markers.
    private static func column(_ kind: String, _ random: inout SplitMix) -> SampleColumn {
        var column = SampleColumn()
        var time = start - Int64.random(in: 0...600_000, using: &random)
        var current = empty(kind, &random)
        while time < start + lengthMillis {
            let isGap = Int.random(in: 0..<60, using: &random) == 0
            time += isGap ? 1_800_000 : Int64.random(in: 20_000...160_000, using: &random)
            if Int.random(in: 0..<30, using: &random) == 0 { current = empty(kind, &random) }
            for place in current.positive.counts.indices {
                let more = Double(Int.random(in: kind == "gauge" ? -2...3 : 0...3, using: &random))
                current.positive.counts[place] += more
                current.count += more
                current.sum += more / 64
            }
            var stored = current
            if kind == "hints" {
                stored.counterReset =
                    [.unknown, .unknown, .notReset, .reset].randomElement(using: &random) ?? .unknown
            }
            let chance = Int.random(in: 0..<30, using: &random)
            if chance == 0 {
                column.append(millis: time, value: StaleMarker.value)
            } else if kind == "mixed", chance < 3 {
                column.append(millis: time, value: 5)
            } else {
                column.append(millis: time, histogram: stored)
            }
        }
        return column
    }

    private static func expression(_ random: inout SplitMix) -> String {
        let function = RangeFunction.allCases.filter { StateFunction($0) != nil }.randomElement(
            using: &random
        )
        let range = ["5m", "10m", "1h", "3h", "\(Int.random(in: 600_000...9_000_000, using: &random))ms"]
            .randomElement(using: &random)
        let offset = ["", "", " offset 7m", " @ 1700009000"].randomElement(using: &random)
        let call = "\(function?.rawValue ?? "rate")(h[\(range ?? "1h")]\(offset ?? ""))"
        return switch Int.random(in: 0..<8, using: &random) {
        case 0: "histogram_quantile(0.9, \(call))"
        case 1: "sum(\(call))"
        case 2: "histogram_count(\(call)) / histogram_sum(\(call))"
        case 3: "max_over_time(histogram_count(\(call))[30m:7m])"
        default: call
        }
    }

    private static func evaluate(
        _ text: String,
        _ source: MemorySource,
        _ times: (start: Int64, count: Int64, step: Int64),
        _ budget: QueryBudget = .unlimited()
    ) throws -> (series: [RangeSeries], remarks: Set<String>) {
        let answer = try Engine().range(
            try Parser.parse(text),
            start: Timestamp(millis: times.start),
            end: Timestamp(millis: times.start + times.count * times.step),
            stepMillis: times.step,
            source: source,
            budget: budget
        )
        guard case .matrix(let series) = answer.value else { return ([], []) }
        return (series, Set(answer.warnings + answer.infos))
    }

    private static func areNear(_ one: NativeHistogram, _ two: NativeHistogram) -> Bool {
        let (one, two) = (one.compacted, two.compacted)
        func isNear(_ left: Double, _ right: Double) -> Bool {
            left == right || left.isNaN && right.isNaN
                || (left - right).magnitude <= 1e-12 * max(left.magnitude, right.magnitude)
        }
        return isNear(one.count, two.count) && isNear(one.sum, two.sum)
            && isNear(one.zeroCount, two.zeroCount)
            && one.schema == two.schema && one.zeroThreshold == two.zeroThreshold
            && one.customBounds == two.customBounds && one.counterReset == two.counterReset
            && one.positive.indices == two.positive.indices && one.negative.indices == two.negative.indices
            && zip(one.positive.counts, two.positive.counts).allSatisfy(isNear)
            && zip(one.negative.counts, two.negative.counts).allSatisfy(isNear)
    }

    @Test("random expressions have the values that samples give", arguments: 0..<6 as Range<UInt64>)
    func sameAsSamples(_ seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var stateCount = 0
        var series: [Labels: SampleColumn] = [:]
        for round in 0..<60 {
            if round % 20 == 0 {
                for kind in Self.kinds {
                    series[Labels([Labels.metricName: "h", "kind": kind])] = Self.column(kind, &random)
                }
            }
            let withStates = MemorySource(series, stateSeed: random.next())
            let text = Self.expression(&random)
            let unit: Int64 = Bool.random(using: &random) ? 300_000 : 1
            let first = Self.start + Int64.random(in: 0...Self.lengthMillis, using: &random)
            let times = (
                start: first / unit * unit,
                count: Int64.random(in: 0...12, using: &random),
                step: unit > 1 ? 300_000 : Int64.random(in: 1...900_000, using: &random)
            )
            let expected = try Self.evaluate(text, MemorySource(series), times)
            let budget = QueryBudget.unlimited()
            let found = try Self.evaluate(text, withStates, times, budget)
            stateCount += withStates.stateCount
            let place = "seed \(seed), round \(round): \(text)"
            #expect(found.remarks == expected.remarks, "\(place)")
            try #require(found.series.map(\.labels) == expected.series.map(\.labels), "\(place)")
            for (found, expected) in zip(found.series, expected.series) {
                #expect(found.column.timestamps == expected.column.timestamps, "\(place)")
                #expect(found.column.histograms.positions == expected.column.histograms.positions, "\(place)")
                for (one, two) in zip(found.column.histograms.values, expected.column.histograms.values) {
                    #expect(Self.areNear(one, two), "\(place): \(one), not \(two)")
                }
                for (value, other) in zip(found.column.values, expected.column.values) {
                    let isNear = (value - other).magnitude <= 1e-9 * max(value.magnitude, other.magnitude)
                    #expect(value == other || value.isNaN && other.isNaN || isNear, "\(place)")
                }
            }
            #expect(budget.heldByteCount == 0)
        }
        // Most expressions have to have been answered in the way that is tested.
        #expect(stateCount > 200)
    }

    /// Threads of the system, any number at a time.
    private struct AllHelp: SpareThreads {
        func tryRun(_ work: @escaping @Sendable () -> Void) -> Bool {
            DispatchQueue.global().async(execute: work)
            return true
        }
    }

    @Test("helpers change neither values nor remarks", arguments: ["rate", "delta", "sum_over_time"])
    func helpers(_ function: String) throws {
        var random = SplitMix(state: 3)
        var series: [Labels: SampleColumn] = [:]
        // Samples of the first ones have to be read: only then others are asked for help.
        for index in 0..<6 {
            var column = SampleColumn()
            var histogram = NativeHistogram(schema: 0)
            for place in 0..<Int32(300) { histogram.positive.append(index: place, count: 1) }
            for step in 0..<Int64(200) {
                let millis = Self.start + step * 70_000
                if step == 50 {
                    column.append(millis: millis, value: 1)
                } else {
                    histogram.count += 1
                    column.append(millis: millis, histogram: histogram)
                }
            }
            series[Labels([Labels.metricName: "h", "i": "a\(index)"])] = column
        }
        for index in 0..<40 {
            let kind = index % 2 == 0 ? "gauge" : "counter"
            series[Labels([Labels.metricName: "h", "i": "b\(index)"])] = Self.column(kind, &random)
        }
        let source = MemorySource(series, stateSeed: 7)
        let times = (start: Self.start + 7_200_000, count: 5 as Int64, step: 600_000 as Int64)
        let text = "\(function)(h[1h])"
        let alone = try Self.evaluate(text, source, times)
        let (reads, states) = (source.readCount, source.stateCount)
        let helped = try Self.evaluate(text, source, times, QueryBudget(helpers: AllHelp()))
        #expect(source.stateCount == 2 * states && states > 30)
        // Series that helpers leave to the first thread are read twice.
        #expect(source.readCount - reads > reads)
        #expect(helped.remarks == alone.remarks)
        #expect(helped.remarks.isEmpty == (function == "sum_over_time"))
        #expect(helped.series.map(\.labels) == alone.series.map(\.labels))
        for (one, two) in zip(helped.series, alone.series) {
            #expect(one.column.timestamps == two.column.timestamps)
            #expect(one.column.histograms.values == two.column.histograms.values)
        }
    }

    @Test("what states of histograms answer reads no samples")
    func readsNoSamples() throws {
        var random = SplitMix(state: 1)
        var series: [Labels: SampleColumn] = [:]
        for index in 0..<20 {
            series[Labels([Labels.metricName: "h", "i": "\(index)"])] = Self.column("counter", &random)
        }
        let source = MemorySource(series, stateSeed: 7)
        let times = (start: Self.start + 7_200_000, count: 5 as Int64, step: 600_000 as Int64)
        let found = try Self.evaluate("sum by (i) (increase(h[1h]))", source, times)
        #expect(found.series.count == 20)
        #expect(source.stateCount > 10 && source.readCount == 20 - source.stateCount)
    }

    @Test("a sum that cannot be made has no value and says why")
    func mismatch() {
        var state = HistogramState()
        state.add(millis: 1000, NativeHistogram(count: 1))
        var custom = NativeHistogram(schema: NativeHistogram.customSchema, count: 2, customBounds: [1])
        custom.positive.append(index: 0, count: 2)
        state.add(millis: 2000, custom)
        for name in [RangeFunction.sumOverTime, .avgOverTime] {
            var function = HistogramStateFunction(name)
            guard case .nothing = function.value(of: state, after: 0, through: 10_000) else {
                Issue.record("a sum of exponential and custom buckets")
                continue
            }
            #expect(function.remarks == [.mismatch(.schemas)])
        }
        // What came before the reset does not matter to a counter.
        state.add(millis: 3000, custom)
        var function = HistogramStateFunction(.increase)
        guard case .histogram(let increase) = function.value(of: state, after: 500, through: 3000) else {
            Issue.record("no increase")
            return
        }
        #expect(increase.count == 2.5)
        #expect(function.remarks.isEmpty)
        function = HistogramStateFunction(.delta)
        guard case .nothing = function.value(of: state, after: 0, through: 3000) else {
            Issue.record("a difference of exponential and custom buckets")
            return
        }
        #expect(function.remarks == [.notGauge, .mismatch(.schemas)])
    }
}
