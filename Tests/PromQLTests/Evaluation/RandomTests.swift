import Foundation
import Model
import Testing

@testable import PromQL

/// Random input against simple computations, and against traps.
@Suite("PromQL random")
struct RandomTests {
    private static func column(_ generator: inout SplitMix) -> SampleColumn {
        var column = SampleColumn()
        var time: Int64 = 0
        let wholeNumbers = Bool.random(using: &generator)
        for _ in 0..<Int.random(in: 0...60, using: &generator) {
            time += Int64.random(in: 1...30, using: &generator) * 1000
            let value: Double =
                switch Int.random(in: 0..<20, using: &generator) {
                case 0: wholeNumbers ? 0 : .nan
                case 1: wholeNumbers ? -7 : .infinity
                case 2: StaleMarker.value
                default:
                    wholeNumbers
                        ? Double(Int.random(in: -50...50, using: &generator))
                        : Double.random(in: -10...10, using: &generator)
                }
            column.append(millis: time, value: value)
        }
        return column
    }

    @Test(
        "a function sliding over a series gives what it gives for each window alone",
        arguments: 0..<40 as Range<UInt64>
    )
    func slidingEqualsAlone(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        var samples = RandomTests.column(&generator)
        samples.removeStaleMarkers()
        var grid = StepGrid(instant: Int64.random(in: -50_000...50_000, using: &generator))
        grid.stepMillis = Int64.random(in: 1...60, using: &generator) * 1000
        grid.count = 40
        let shape = WindowShape(
            rangeMillis: Int64.random(in: 1...300, using: &generator) * 1000,
            offsetMillis: Int64.random(in: -20...20, using: &generator) * 1000,
            fixedMillis: nil
        )
        let parameters: [ScalarColumn] = [.constant(0.3), .constant(0.6)]
        var meter = Meter(.unlimited())
        for function in RangeFunction.allCases {
            var row = StepRow(stepCount: grid.count)
            var kernel = function.kernel(shape, grid, parameters)
            try kernel.evaluate(samples, into: &row, &meter)
            for step in 0..<grid.count {
                // A kernel of its own, which sees nothing but the window.
                let end = shape.end(at: grid.time(step))
                var window = SampleColumn()
                for (time, value) in zip(samples.timestamps, samples.values)
                where time > end - shape.rangeMillis && time <= end {
                    window.append(millis: time, value: value)
                }
                var alone = StepRow(stepCount: 1)
                var single = function.kernel(shape, StepGrid(instant: grid.time(step)), parameters)
                try single.evaluate(window, into: &alone, &meter)
                let isPresent = StepSet(stepCount: grid.count, words: row.present).contains(step)
                let isSame =
                    isPresent == !alone.isEmpty
                    && (!isPresent || row.values[step] == alone.values[0]
                        || row.values[step].isNaN && alone.values[0].isNaN)
                #expect(
                    isSame,
                    "seed \(seed), \(function), step \(step): \(row.values[step]), not \(alone.values[0])"
                )
            }
        }
    }

    @Test(
        "changes of series that share times, or do not, are those of each series alone",
        arguments: 0..<40 as Range<UInt64>
    )
    func sharedTimes(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        var grid = StepGrid(instant: Int64.random(in: -50_000...50_000, using: &generator))
        grid.stepMillis = Int64.random(in: 1...60, using: &generator) * 1000
        grid.count = 40
        let shape = WindowShape(
            rangeMillis: Int64.random(in: 1...300, using: &generator) * 1000,
            offsetMillis: 0,
            fixedMillis: nil
        )
        // More columns of times than are kept.
        let columns = (0..<60).map { _ in RandomTests.column(&generator).timestamps }
        var meter = Meter(.unlimited())
        for function in [RangeFunction.rate, .increase, .delta] {
            var kernel = function.kernel(shape, grid, [])
            for number in 0..<200 {
                // First a few take turns, then all.
                let times = columns.prefix(number < 100 ? 5 : 60).randomElement(using: &generator) ?? []
                let samples = RandomTests.counter(at: times, &generator)
                var row = StepRow(stepCount: grid.count)
                try kernel.evaluate(samples, into: &row, &meter)
                for step in 0..<grid.count {
                    let found = row.contains(step) ? row.values[step] : nil
                    let expected = RandomTests.change(function, samples, shape, grid.time(step))
                    #expect(
                        found?.bitPattern == expected?.bitPattern,
                        "seed \(seed), \(function), series \(number), step \(step)"
                    )
                }
            }
        }
    }

    /// A counter near zero, of any size, with resets.
    private static func counter(at times: [Int64], _ generator: inout SplitMix) -> SampleColumn {
        let sizes: [Double] = [1e-300, 1e-3, 1, 1e12, 1e300]
        let size = sizes.randomElement(using: &generator) ?? 1
        let resets = Bool.random(using: &generator)
        var value = Double.random(in: 0...10, using: &generator) * size
        let values = times.map { _ in
            value += Double(Int.random(in: 0...4, using: &generator)) * size
            if resets, Int.random(in: 0..<5, using: &generator) == 0 { value = 0 }
            return value
        }
        return SampleColumn(timestamps: times, values: values)
    }

    /// Prometheus's `extrapolatedRate`, step by step.
    private static func change(
        _ function: RangeFunction,
        _ samples: SampleColumn,
        _ shape: WindowShape,
        _ time: Int64
    ) -> Double? {
        let start = time - shape.rangeMillis
        let inside = samples.timestamps.indices.filter {
            samples.timestamps[$0] > start && samples.timestamps[$0] <= time
        }
        guard let first = inside.first, let last = inside.last, first < last else { return nil }
        let values = samples.values
        var change = values[last] - values[first]
        if function != .delta {
            for index in first + 1...last where values[index] < values[index - 1] {
                change += values[index - 1]
            }
        }
        let sampled = Double(samples.timestamps[last] - samples.timestamps[first]) / 1000
        let mean = sampled / Double(last - first)
        var toStart = Double(samples.timestamps[first] - start) / 1000
        var toEnd = Double(time - samples.timestamps[last]) / 1000
        if toStart >= mean * 1.1 { toStart = mean / 2 }
        if function != .delta, change > 0, values[first] >= 0 {
            toStart = Swift.min(sampled * (values[first] / change), toStart)
        }
        if toEnd >= mean * 1.1 { toEnd = mean / 2 }
        var factor = (sampled + toStart + toEnd) / sampled
        if function == .rate { factor /= Double(shape.rangeMillis / 1000) }
        return change * factor
    }

    @Test(
        "a function over extended ranges gives what it gives for each range alone",
        arguments: 0..<40 as Range<UInt64>
    )
    func extendedEqualsAlone(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        var samples = RandomTests.column(&generator)
        samples.removeStaleMarkers()
        var grid = StepGrid(instant: Int64.random(in: -50_000...50_000, using: &generator))
        grid.stepMillis = Int64.random(in: 1...60, using: &generator) * 1000
        grid.count = 40
        var shape = WindowShape(
            rangeMillis: Int64.random(in: 1...300, using: &generator) * 1000,
            offsetMillis: Int64.random(in: -20...20, using: &generator) * 1000,
            fixedMillis: nil
        )
        let lookback = Int64.random(in: 1...120, using: &generator) * 1000
        var meter = Meter(.unlimited())
        for rangeExtension in [RangeExtension.anchored, .smoothed] {
            shape.margin = WindowMargin(
                beforeMillis: lookback,
                afterMillis: rangeExtension == .smoothed ? lookback : 0
            )
            for function in [RangeFunction.rate, .increase, .delta, .changes, .resets]
            where function.takes(rangeExtension) {
                var row = StepRow(stepCount: grid.count)
                var kernel = function.kernel(shape, grid, [], rangeExtension)
                try kernel.evaluate(samples, into: &row, &meter)
                for step in 0..<grid.count {
                    let end = shape.end(at: grid.time(step))
                    let start = end - shape.rangeMillis
                    var range = SampleColumn()
                    for (time, value) in zip(samples.timestamps, samples.values)
                    where time > start - lookback && time <= end + shape.margin.afterMillis {
                        range.append(millis: time, value: value)
                    }
                    range.extend(rangeExtension, from: start, to: end)
                    let isPresent = StepSet(stepCount: grid.count, words: row.present).contains(step)
                    #expect(isPresent == !range.isEmpty, "seed \(seed), \(function), step \(step)")
                    guard isPresent, function == .delta, let last = range.values.last else { continue }
                    let change = last - range.values[0]
                    #expect(
                        change == row.values[step] || change.isNaN && row.values[step].isNaN,
                        "seed \(seed), step \(step): \(row.values[step]), not \(change)"
                    )
                }
            }
        }
    }

    @Test(
        "sums of whole numbers are the same to the last bit, running or not",
        arguments: 0..<20 as Range<UInt64>
    )
    func exactSums(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let values = (0..<200).map { _ in Double(Int64.random(in: -1 << 40...1 << 40, using: &generator)) }
        let samples = SampleColumn(timestamps: (0..<200).map { Int64($0) }, values: values)
        var function = WindowSum(isMean: Bool.random(using: &generator), isRunning: true)
        function.begin(samples)
        // One more, no whole number, makes the same function scan.
        var scanned = function
        scanned.begin(SampleColumn(timestamps: [0], values: [0.5]))
        for low in stride(from: 0, to: 200, by: 7) {
            for high in stride(from: low + 1, through: 200, by: 11) {
                var window = Window()
                (window.low, window.high) = (low, high)
                let (running, scan) = (function.value(window, samples), scanned.value(window, samples))
                #expect(running?.bitPattern == scan?.bitPattern, "seed \(seed): \(low)..<\(high)")
            }
        }
    }

    @Test("the k best of a heap are the k best of a sorted list", arguments: 0..<50 as Range<UInt64>)
    func boundedHeap(_ seed: UInt64) {
        var generator = SplitMix(state: seed)
        let count = Int.random(in: 0...40, using: &generator)
        let values = (0..<count).map { _ in
            Int.random(in: 0..<10, using: &generator) == 0
                ? Double.nan : Double(Int.random(in: 0...20, using: &generator))
        }
        let limit = Int.random(in: 1...15, using: &generator)
        for isLargest in [true, false] {
            var heap = BoundedHeap(isLargest: isLargest)
            for (row, value) in values.enumerated() { heap.offer(value, row, limit) }
            let kept = heap.takeSorted().map(\.value)
            let numbers = values.filter { !$0.isNaN }.sorted { isLargest ? $0 > $1 : $0 < $1 }
            let expected = (numbers + values.filter(\.isNaN)).prefix(limit)
            #expect(kept.map { "\($0)" } == expected.map { "\($0)" }, "seed \(seed)")
        }
    }

    /// Queries of the scripts, mutated: none may trap, whatever else becomes of it.
    ///
    /// `SEXTANT_SOAK=1` runs ten times as many.
    @Test("random and mutated expressions do not trap", arguments: 0..<8 as Range<UInt64>)
    func mutated(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let folder = Bundle.module.bundleURL.appendingPathComponent("Scripts")
        var queries: [String] = []
        for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
            for case .eval(let eval) in try TestScript(String(contentsOf: file, encoding: .utf8)).commands {
                queries.append(eval.query)
            }
        }
        queries.sort()
        var series: [Labels: SampleColumn] = [:]
        for (index, name) in ["a", "b", "t", "x", "m", "h_bucket", "c_total", "errors", "requests"]
            .enumerated()
        {
            for key in ["x", "y"] {
                let labels = Labels(["__name__": name, "k": key, "le": "\(index)", "job": "api", "path": key])
                series[labels] = RandomTests.column(&generator)
            }
        }
        for (index, name) in ["h", "n", "cumulative"].enumerated() {
            for key in ["x", "y"] {
                var column = SampleColumn()
                for step in 0..<30 as Range<Int64> {
                    var histogram = HistogramTests.random(&generator)
                    if index == 1 { histogram.counterReset = .gauge }
                    if Int.random(in: 0..<20, using: &generator) == 0 {
                        column.append(millis: step * 10_000, value: index == 2 ? StaleMarker.value : 1)
                    } else {
                        column.append(millis: step * 10_000, histogram: histogram)
                    }
                }
                series[Labels(["__name__": name, "k": key, "job": "api"])] = column
            }
        }
        let source = MemorySource(series)
        let pieces = [
            "(", ")", "[5m]", "[1m:10s]", "@ 30", "offset 10s", "+", "-", "*", "/", "^", "==", "and", "or",
            "unless",
            "by (k)", "without (k)", "on (k)", "group_left", "bool", "NaN", "Inf", "0", "-1", "1e300", "sum",
            "a", "b",
            "time()", "scalar(", "vector(", "rate(", "topk(", "quantile(", "{}", "\"k\"", ",",
            "h", "n", "histogram_quantile(0.5,", "anchored", "smoothed", "</", "fill(0)",
        ]
        let isSoak = ProcessInfo.processInfo.environment["SEXTANT_SOAK"] == "1"
        for _ in 0..<(isSoak ? 2500 : 250) {
            var words = (queries.randomElement(using: &generator) ?? "a").split(separator: " ").map(
                String.init
            )
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let position = Int.random(in: 0...words.count, using: &generator)
                let piece = pieces.randomElement(using: &generator) ?? ""
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: words.insert(piece, at: position)
                case 1 where position < words.count: words[position] = piece
                case 2 where position < words.count: words.remove(at: position)
                default:
                    let other = queries.randomElement(using: &generator) ?? "b"
                    words = ["("] + words + [")", piece, "(", other, ")"]
                }
            }
            let text = words.joined(separator: " ")
            guard let expr = try? Parser.parse(text) else { continue }
            let budget = QueryBudget(sampleLimit: 200_000, timeLimitMillis: 1000)
            let time = Timestamp(millis: Int64.random(in: -100_000...1_000_000, using: &generator))
            _ = try? Engine().instant(expr, text: text, at: time, source: source, budget: budget)
            _ = try? Engine().range(
                expr,
                text: text,
                start: time,
                end: time.advanced(byMillis: 200_000),
                stepMillis: Int64.random(in: 1...70, using: &generator) * 1000,
                source: source,
                budget: budget
            )
        }
    }
}
