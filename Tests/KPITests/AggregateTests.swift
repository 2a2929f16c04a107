import Model
import PromQL
import Testing

@testable import KPI

@Suite("Aggregates over raw samples") struct AggregateTests {
    private let source = MemorySource()

    private func metric(_ fields: String) throws -> MetricDefinition {
        let definitions = try DefinitionTests.load("kpi_version: 1\nmetrics: [{name: m, \(fields)}]")
        return try #require(definitions.metrics.first)
    }

    /// The values of `m` over the ranges, given in seconds; null by the rules.
    private func values(
        _ fields: String,
        _ ranges: [(Int64, Int64)],
        by label: String? = nil,
        now: Int64 = 100_000
    )
        throws -> [[Double?]]
    {
        let metric = try metric(fields)
        let aggregates = RawAggregates(source: source)
        let budget = QueryBudget.unlimited()
        guard
            let extent = try aggregates.extent(
                of: metric.source.selectors,
                now: now * 1000,
                budget: budget
            )
        else { return [] }
        let cuts = Set(ranges.flatMap { [$0.0 * 1000, $0.1 * 1000] }).sorted()
        let request = AggregateRequest(
            metric: metric,
            extent: extent,
            label: label,
            cuts: cuts,
            ranges: ranges.map { range in
                (cuts.firstIndex(of: range.0 * 1000) ?? 0)..<(cuts.firstIndex(of: range.1 * 1000) ?? 0)
            }
        )
        return try aggregates.tables([request], budget: budget)[0].values
    }

    @Test("a sample on a boundary belongs to the bucket that begins there")
    func halfOpen() throws {
        source.set("x", [:], [(299.999, 1), (300, 2), (599.999, 4), (600, 8)])
        let fields = "from: {samples: x}"
        #expect(try values(fields, [(0, 300), (300, 600), (600, 900), (0, 900)]) == [[1, 6, 8, 15]])
    }

    @Test("an increase belongs to the bucket of the later sample; a reset counts in full")
    func counter() throws {
        source.set("c", [:], [(0, 10), (250, 12), (310, 15), (320, 3), (1200, 7)])
        let fields = "from: {counter: c}, first_sample: ignore"
        // The gap from 320 to 1200 is not split.
        #expect(
            try values(fields, [(0, 300), (300, 600), (600, 900), (900, 1500), (0, 1500)])
                == [[2, 6, 0, 4, 12]]
        )
    }

    @Test("the sample before a range counts, however old it is")
    func predecessor() throws {
        source.set("c", ["a": "old"], [(0, 100), (900_000, 130)])
        source.set("c", ["a": "new"], [(10, 5), (899_990, 6), (900_000, 9)])
        let fields = "from: {counter: c}, first_sample: ignore, by: [a]"
        #expect(try values(fields, [(900_000, 900_300)], by: "a", now: 900_000) == [[3], [30]])
        #expect(try values(fields, [(900_000, 900_300)], now: 900_000) == [[33]])
    }

    @Test(
        "the first sample of a series counts as the metric says",
        arguments: [("auto", 7.0), ("zero", 107.0), ("ignore", 0.0)]
    )
    func firstSample(rule: String, expected: Double) throws {
        source.set("c", ["a": "since long"], [(0, 100)])
        source.set("c", ["a": "born later"], [(301, 7)])
        let all = try values("from: {counter: c}, first_sample: \(rule)", [(0, 600)])
        #expect(all == [[expected]])
    }

    @Test("a series that begins within five minutes of the oldest one is not born then")
    func nearBirth() throws {
        source.set("c", ["a": "1"], [(0, 100)])
        source.set("c", ["a": "2"], [(300, 7)])
        #expect(try values("from: {counter: c}", [(0, 600)]) == [[0]])
    }

    @Test(
        "a start time that came with a counter decides whether its first sample counts",
        arguments: [
            // Born while the metric was collected, though within five minutes of its oldest sample.
            ("auto", 60.0, 7.0), ("auto", 0.5, 7),
            // Older than the metric, though it came later.
            ("auto", 0.0, 0), ("auto", -5000, 0), ("ignore", 60, 0), ("zero", -5000, 107),
        ]
    )
    func created(rule: String, born: Double, expected: Double) throws {
        // The metric's oldest sample lies at 1e9 seconds.
        let moved = MemorySource()
        moved.set("c_total", ["a": "since long"], [(1e9, 100)])
        moved.set("c_total", ["a": "new"], [(1e9 + 120, 7)])
        moved.set("c_created", ["a": "new"], [(1e9 + 120, 1e9 + born), (1e9 + 180, 1e9 + 90)])
        moved.set("c_created", ["a": "other"], [(1e9 + 120, 1e9 + 90)])
        #expect(
            try total(moved, "from: {counter: c_total}, first_sample: \(rule)", 1_000_000_000, 1_000_000_600)
                == expected
        )
    }

    @Test(
        "a start time of a histogram is that of all its parts, one that comes later than the sample is none"
    )
    func createdParts() throws {
        let early: Int64 = 1_000_000_000
        source.set("h_bucket", ["le": "1", "a": "1"], [(1e9, 50)])
        source.set("h_bucket", ["le": "1", "a": "2"], [(1e9 + 900, 4)])
        source.set("h_bucket", ["le": "1", "a": "3"], [(1e9 + 900, 8)])
        source.set("h_created", ["a": "2"], [(1e9 + 900, 1e9 - 60)])
        source.set("h_created", ["a": "3"], [(1e9 + 1201, 1e9 - 60)])
        // Without a start, or with one of a later sample, the second and the third were born then.
        #expect(try total(source, "from: {counter: 'h_bucket'}", early, early + 3000) == 8)
    }

    /// The value of a metric over one range, given in seconds.
    private func total(_ source: MemorySource, _ fields: String, _ start: Int64, _ end: Int64) throws
        -> Double?
    {
        let metric = try metric(fields)
        let aggregates = RawAggregates(source: source)
        let budget = QueryBudget.unlimited()
        let extent = try #require(
            try aggregates.extent(of: metric.source.selectors, now: end * 1000, budget: budget)
        )
        let request = AggregateRequest(
            metric: metric,
            extent: extent,
            cuts: [start * 1000, end * 1000],
            ranges: [0..<1]
        )
        return try aggregates.tables([request], budget: budget)[0].values[0][0]
    }

    @Test("start times are read once for all series, and only if it matters")
    func createdReads() throws {
        for index in 0..<20 {
            // The first is the oldest, whose start decides nothing.
            let start = index == 0 ? 1e9 - 60 : 1e9
            source.set("c_total", ["a": "\(index)"], [(start, 1), (1e9 + 60, 2)])
            source.set("c_created", ["a": "\(index)"], [(start, start), (1e9 + 60, start)])
        }
        source.resetReads()
        #expect(try total(source, "from: {counter: c_total}", 999_999_940, 1_000_000_300) == 1 + 19 * 2)
        #expect(source.reads.series == 20 + 19 + 40)
        source.resetReads()
        // Behind the first samples nothing depends on them.
        #expect(try total(source, "from: {counter: c_total}", 1_000_000_060, 1_000_000_300) == 20)
        #expect(source.reads.series == 20 + 40)
    }

    @Test("what is left after expiry is not taken for the first sample")
    func expiry() throws {
        source.set("c", ["a": "1"], [(200_000, 100)])
        source.set("c", ["a": "2"], [(210_000, 70), (900_000, 80)])
        let metric = try metric("from: {counter: c}, first_sample: auto")
        let budget = QueryBudget.unlimited()
        for (horizon, expected) in [(nil, 80.0), (Int64(200_000_000), 10.0)] as [(Int64?, Double)] {
            let aggregates = RawAggregates(source: source, horizon: { _ in horizon })
            let extent = try #require(
                try aggregates.extent(of: metric.source.selectors, now: 1_000_000_000, budget: budget)
            )
            let request = AggregateRequest(
                metric: metric,
                extent: extent,
                cuts: [0, 1_000_000_000],
                ranges: [0..<1]
            )
            #expect(try aggregates.tables([request], budget: budget)[0].values == [[expected]])
        }
    }

    @Test("a late sample divides the increase anew")
    func lateSample() throws {
        source.set("c", [:], [(0, 10), (900, 40)])
        let fields = "from: {counter: c}, first_sample: ignore"
        #expect(try values(fields, [(0, 300), (300, 600), (600, 1200)]) == [[0, 0, 30]])
        source.set("c", [:], [(400, 15)])
        #expect(try values(fields, [(0, 300), (300, 600), (600, 1200)]) == [[0, 5, 25]])
    }

    @Test("NaN and staleness markers are no values and no evidence of data")
    func notValues() throws {
        source.set(
            "c",
            [:],
            [(-900, .nan), (0, 10), (100, .nan), (200, StaleMarker.value), (250, 14), (9000, .nan)]
        )
        let metric = try metric("from: {counter: c}")
        let aggregates = RawAggregates(source: source)
        let extent = try aggregates.extent(
            of: metric.source.selectors,
            now: 9_000_000,
            budget: .unlimited()
        )
        #expect(extent == Extent(oldest: 0, newest: 250_000))
        #expect(try values("from: {counter: c}, first_sample: ignore", [(0, 300)]) == [[4]])
        #expect(try values("from: {samples: c}", [(0, 300)]) == [[24]])
        #expect(try values("from: {samples: c}, agg: count", [(0, 300)]) == [[2]])
        #expect(try values("from: {gauge: c}", [(0, 300)]) == [[14]])
    }

    @Test("samples are added, counted, and compared")
    func samples() throws {
        source.set("x", ["a": "1"], [(0, 1), (310, -5), (320, 7)])
        source.set("x", ["a": "2"], [(5, 3)])
        let ranges: [(Int64, Int64)] = [(0, 300), (300, 600), (600, 900)]
        #expect(try values("from: {samples: x}", ranges) == [[4, 2, 0]])
        #expect(try values("from: {samples: x}, agg: count", ranges) == [[2, 2, 0]])
        #expect(try values("from: {samples: x}, agg: min", ranges) == [[1, -5, nil]])
        #expect(try values("from: {samples: x}, agg: max", ranges) == [[3, 7, nil]])
        #expect(try values("from: {samples: x}, by: [a]", ranges, by: "a") == [[1, 2, 0], [3, 0, 0]])
    }

    @Test("a gauge's first and last are added over series, its extremes run over all samples")
    func gauge() throws {
        source.set("g", ["a": "1"], [(0, 10), (100, 20), (400, 1)])
        source.set("g", ["a": "2"], [(50, 5), (60, 7)])
        let ranges: [(Int64, Int64)] = [(0, 300), (300, 600), (0, 600), (600, 900)]
        #expect(try values("from: {gauge: g}", ranges) == [[27, 1, 8, nil]])
        #expect(try values("from: {gauge: g}, agg: first", ranges) == [[15, 1, 15, nil]])
        #expect(try values("from: {gauge: g}, agg: min", ranges) == [[5, 1, 1, nil]])
        #expect(try values("from: {gauge: g}, agg: max", ranges) == [[20, 1, 20, nil]])
    }

    @Test(
        "the mean over time weighs each sample up to the next one, the last up to the range or the watermark"
    )
    func timeAverage() throws {
        source.set("g", [:], [(0, 10), (100, 20), (400, 1), (500, 3)])
        let fields = "from: {gauge: g}, agg: time_avg"
        // 10 for 100 s, 20 for 200 s; 1 for 100 s up to the watermark; a single sample at the watermark.
        let found = try values(fields, [(0, 300), (300, 600), (0, 600), (450, 900)])
        let expected: [Double?] = [5000.0 / 300, 1, 7100.0 / 500, 3]
        #expect(found == [expected])
    }

    @Test("an expression is evaluated at the end of each bucket and added up")
    func expression() throws {
        for step in 0..<40 { source.set("c", ["code": "500"], [(Double(step) * 30, Double(step))]) }
        source.set("c", ["code": "200"], [(0, 1), (1200, 2)])
        let fields = "from: {promql: 'sum by (code) (count_over_time(c[5m]))'}"
        #expect(try values(fields, [(0, 300), (300, 600), (0, 1500)]) == [[11, 10, 42]])
        #expect(
            try values(fields + ", by: [code]", [(0, 300), (0, 1500)], by: "code") == [
                [1, 2], [10, 40],
            ]
        )
        #expect(try values(fields + ", agg: max", [(0, 300), (3000, 3300)]) == [[10, nil]])
        #expect(try values("from: {promql: 'sum(c > 1000)'}", [(0, 300)]) == [[0]])
    }

    @Test("metrics that share series decode each of them once")
    func decodedOnce() throws {
        for index in 0..<20 {
            source.set("x", ["a": "\(index)", "b": "\(index % 2)"], [(0, 1), (300, 2)])
        }
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics:
              - {name: a, from: {samples: x}}
              - {name: b, from: {samples: 'x{b="1"}'}}
              - {name: c, from: {samples: 'x{b="0"}'}, agg: count}
              - {name: d, from: {gauge: x}, by: [a]}
            """
        )
        let aggregates = RawAggregates(source: source)
        let extent = Extent(oldest: 0, newest: 300_000)
        let requests = definitions.metrics.map {
            AggregateRequest(
                metric: $0,
                extent: extent,
                cuts: [0, 300_000, 600_000],
                ranges: [0..<1, 0..<2]
            )
        }
        source.resetReads()
        let tables = try aggregates.tables(requests, budget: .unlimited())
        #expect(source.reads.series == 20)
        #expect(tables.map(\.values) == [[[20, 60]], [[10, 30]], [[10, 20]], [[20, 40]]])
    }

    @Test("merging is associative: any cuts give the same whole, within 1e-12")
    func associative() throws {
        var chance = SplitMix(seed: 5)
        var value = 0.0
        var samples: [(Double, Double)] = []
        for step in 0..<3000 {
            value = chance.below(200) == 0 ? 0 : value + Double(chance.below(1_000_000)) / 977
            samples.append((Double(step) * 17.3, value))
        }
        source.set("c", [:], samples)
        for fields in [
            "from: {counter: c}", "from: {samples: c}", "from: {samples: c}, agg: count",
            "from: {gauge: c}, agg: min",
            "from: {gauge: c}, agg: time_avg", "from: {gauge: c}", "from: {gauge: c}, agg: first",
        ] {
            let whole = try #require(try values(fields, [(0, 51_900)])[0][0])
            for _ in 0..<20 {
                let cuts = [0] + (0..<chance.below(40)).map { _ in Int64(chance.below(51_900)) } + [51_900]
                let sorted = Set(cuts).sorted()
                let ranges: [(Int64, Int64)] = Array(zip(sorted, sorted.dropFirst()))
                let found: [Double?] = try values(fields, ranges + [(0, 51_900)])[0]
                let merged: Double = try #require(found[ranges.count])
                #expect(abs(merged - whole) <= 1e-12 * abs(whole))
                if fields.hasSuffix("{counter: c}") || fields.hasSuffix("{samples: c}") {
                    let sum: Double = found.dropLast().reduce(0.0) { $0 + ($1 ?? 0) }
                    #expect(abs(sum - whole) <= 1e-12 * abs(whole))
                }
            }
        }
    }

    @Test("finds the oldest and the newest value wherever they are, and notices older ones")
    func extents() throws {
        var chance = SplitMix(seed: 9)
        for _ in 0..<60 {
            let source = MemorySource()
            let finder = ExtentFinder(source: source)
            let selector = MetricSelector([Matcher(Labels.metricName, .equal, "x")])
            #expect(try finder.extent(of: selector, now: 0, budget: .unlimited()) == nil)
            var times: [Int64] = []
            for _ in 0..<3 {
                for _ in 0...chance.below(3) {
                    times.append(Int64(chance.below(2_000_000_000)) * Int64(1 + chance.below(1000)))
                }
                for time in times { source.set("x", ["a": "\(time % 3)"], [(Double(time) / 1000, 1)]) }
                let extent = try finder.extent(
                    of: selector,
                    now: Int64(chance.below(2_000_000_000)) * 1000,
                    budget: .unlimited()
                )
                #expect(extent == Extent(oldest: times.min() ?? 0, newest: times.max() ?? 0))
            }
        }
    }
}
