import Model
import Testing

@testable import KPI

/// Metrics whose values a source has as states of intervals.
@Suite("Metrics from states") struct StateTests {
    private static let day: Int64 = 86_400_000
    private static let fields = [
        "from: {counter: 'c{k=\"a\"}'}, first_sample: zero", "from: {counter: c}, first_sample: ignore",
        "from: {counter: c}", "from: {samples: c}", "from: {samples: 'c{k=~\"[ab]\"}'}, agg: count",
        "from: {samples: c}, agg: min", "from: {samples: c}, agg: max", "from: {gauge: c}",
        "from: {gauge: c}, agg: first", "from: {gauge: c}, agg: min", "from: {gauge: c}, agg: max",
        "from: {gauge: 'c{k!=\"b\"}'}, agg: time_avg",
    ]

    /// All metrics of `fields`, with `by: [k]`.
    private static func metrics() throws -> [MetricDefinition] {
        let lines = fields.enumerated().map { "  - {name: m\($0), \($1), by: [k]}" }
        let text = "kpi_version: 1\nmetrics:\n" + lines.joined(separator: "\n")
        return try DefinitionTests.load(text).metrics
    }

    /// Series with resets, gaps, NaN and staleness markers, some of which begin later.
    private static func fill(_ source: MemorySource, _ chance: inout SplitMix) {
        for key in ["a", "b", "c", "d"] {
            var samples: [(Double, Double)] = []
            var time = Double(chance.below(key == "d" ? 400_000 : 2000))
            var value = chance.below(2) == 0 ? 0 : 98_765.4
            for _ in 0..<150 {
                time += chance.below(30) == 0 ? 90_000 : Double(chance.below(4000)) + 0.001
                value = chance.below(20) == 0 ? 0 : value + Double(chance.below(1000)) / 7
                let shown =
                    switch chance.below(25) {
                    case 0: Double.nan
                    case 1: StaleMarker.value
                    default: value
                    }
                samples.append((time, shown))
            }
            source.set("c", ["k": key], samples)
        }
    }

    private static func requests(_ metrics: [MetricDefinition], _ chance: inout SplitMix)
        -> [AggregateRequest]
    {
        let extent = Extent(oldest: 0, newest: 900_000_000)
        var requests: [AggregateRequest] = []
        for _ in 0...chance.below(3) {
            let length = [3_600_000, day, 12 * day][chance.below(3)]
            let isMidnight = chance.below(2) == 0
            let start =
                Int64(chance.below(8)) * day + (isMidnight ? 0 : Int64(chance.below(86_400_000)))
            var cuts: Set<Int64> = [start, start + length]
            for _ in 0..<chance.below(12) { cuts.insert(start + Int64(chance.below(Int(length)))) }
            let sorted = cuts.sorted()
            let ranges = (0..<5).map { _ in
                let first = chance.below(sorted.count - 1)
                return first..<(first + 1 + chance.below(sorted.count - first - 1))
            }
            // Two metrics that have their intervals in common.
            for _ in 0...chance.below(2) {
                requests.append(
                    AggregateRequest(
                        metric: metrics[chance.below(metrics.count)],
                        extent: extent,
                        label: chance.below(3) == 0 ? "k" : nil,
                        cuts: sorted,
                        ranges: ranges
                    )
                )
            }
        }
        return requests
    }

    @Test("1,000 random requests have the values that samples give", arguments: 0..<10 as Range<UInt64>)
    func sameAsSamples(_ seed: UInt64) throws {
        var chance = SplitMix(seed: seed)
        let metrics = try StateTests.metrics()
        var stateCount = 0
        var valueCount = 0
        for round in 0..<100 {
            let source = MemorySource()
            StateTests.fill(source, &chance)
            let requests = StateTests.requests(metrics, &chance)
            let horizon: Int64? = chance.below(3) == 0 ? 300_000_000 : nil
            let aggregates = RawAggregates(source: source, horizon: { _ in horizon })
            let expected = try aggregates.tables(requests, budget: .unlimited())
            source.answerStates(seed: chance.next(), statelessShare: chance.below(2) * 5)
            let budget = QueryBudget.unlimited()
            let found = try aggregates.tables(requests, budget: budget)
            stateCount += source.stateCount
            #expect(budget.heldByteCount == 0)
            for ((found, expected), request) in zip(zip(found, expected), requests) {
                let metric = request.metric
                let place = "seed \(seed), round \(round): \(metric.source), \(metric.aggregation)"
                #expect(found.groups == expected.groups, "\(place)")
                for (values, others) in zip(found.values, expected.values) {
                    for (value, other) in zip(values, others) {
                        valueCount += value == nil ? 0 : 1
                        let isSame =
                            if let value, let other {
                                value == other || abs(value - other) <= 1e-12 * max(abs(value), abs(other))
                            } else {
                                value == nil && other == nil
                            }
                        #expect(isSame, "\(place): \(value as Any), not \(other as Any)")
                    }
                }
            }
        }
        #expect(stateCount > 300 && valueCount > 500)
    }

    @Test("where there are states of all series no samples are read, and metrics share the question")
    func readsNoSamples() throws {
        let source = MemorySource()
        var chance = SplitMix(seed: 3)
        StateTests.fill(source, &chance)
        let metrics = try StateTests.metrics()
        source.answerStates(seed: 1)
        let extent = Extent(oldest: 0, newest: 900_000_000)
        for start in [0, StateTests.day] {
            source.resetReads()
            let cuts = [start, start + StateTests.day, start + 2 * StateTests.day]
            let requests = metrics.map {
                AggregateRequest(metric: $0, extent: extent, cuts: cuts, ranges: [0..<1, 1..<2, 0..<2])
            }
            _ = try RawAggregates(source: source).tables(requests, budget: .unlimited())
            #expect(source.reads.series == 0)
            // A series that began later may be looked for further back.
            #expect(source.stateCount >= 3 && source.stateCount <= 12)
        }
    }

    @Test(
        "what a source warns of while it is read is in reports and series, remembered or not",
        arguments: [true, false]
    )
    func warnings(hasStates: Bool) throws {
        let source = MemorySource()
        source.set("c", [:], (0..<2000).map { (Double($0) * 600, Double($0)) })
        if hasStates { source.answerStates(seed: 1) }
        source.lateWarning = "a chunk is damaged"
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics:
              - {name: m, from: {counter: c}}
              - {name: e, from: {promql: 'sum(increase(c[5m]))'}}
            kpis:
              - {name: k, type: simple, metric: m}
              - {name: ke, type: simple, metric: e}
            """
        )
        let now = Timestamp(millis: 1_200_000_000)
        let cached = CachedAggregates(RawAggregates(source: source)) { now }
        let service = KPIService(definitions: definitions, source: cached) { now }
        for name in ["k", "ke", "k"] {
            var request = ReportRequest()
            request.names = [name]
            request.period = "day"
            let report = try service.report(request, budget: .unlimited())
            #expect(report.warnings == ["a chunk is damaged"], "\(name)")
        }
        let matchers = [Matcher(Labels.metricName, .equal, "kpi"), Matcher("kpi", .equal, "k")]
        let set = try KPISource(source, service).select(
            SelectRequest(matchers: matchers, range: TimeRange(now, now)),
            budget: .unlimited()
        )
        #expect(set.warnings == ["a chunk is damaged"])
    }

    @Test("the memory of states counts")
    func memory() throws {
        let source = MemorySource()
        source.set("c", [:], [(0, 1), (10, 2)])
        let metric = try #require(try StateTests.metrics().first { $0.source.kindName == "samples" })
        let request = AggregateRequest(
            metric: metric,
            extent: Extent(oldest: 0, newest: 10_000),
            cuts: (0...10_000).map { Int64($0) * 1000 },
            ranges: [0..<10_000]
        )
        let aggregates = RawAggregates(source: source)
        #expect(throws: SourceError.self) {
            try aggregates.tables([request], budget: QueryBudget(memoryLimitBytes: 1_000_000))
        }
        _ = try aggregates.tables([request], budget: QueryBudget(memoryLimitBytes: 2_000_000))
    }

    @Test("a day whose samples have expired still tells the oldest value")
    func oldest() throws {
        // What is left of the first days are states and their last samples.
        let stored = MemorySource()
        stored.set("x", ["a": "1"], [(100, 1), (86_000, 2), (90_000, 3), (400_000, 4), (900_000, 5)])
        stored.set("x", ["a": "2"], [(200, 1), (80_000, 2), (890_000, 5)])
        stored.answerStates(seed: 1)
        let left = MemorySource()
        left.set("x", ["a": "1"], [(86_000, 2), (90_000, 3), (400_000, 4), (900_000, 5)])
        left.set("x", ["a": "2"], [(80_000, 2), (890_000, 5)])
        let finder = ExtentFinder(source: ExpiredSource(states: stored, samples: left))
        let selector = MetricSelector([Matcher(Labels.metricName, .equal, "x")])
        for _ in 0..<2 {
            let extent = try finder.extent(of: selector, now: 1_000_000_000, budget: .unlimited())
            #expect(extent == Extent(oldest: 100_000, newest: 900_000_000))
        }
        let selects = stored.selectCount
        _ = try finder.extent(of: selector, now: 1_000_000_000, budget: .unlimited())
        #expect(stored.selectCount - selects <= 6)
        // An older one is noticed.
        stored.set("x", ["a": "3"], [(-500_000, 1)])
        left.set("x", ["a": "3"], [(-500_000, 1)])
        let extent = try finder.extent(of: selector, now: 1_000_000_000, budget: .unlimited())
        #expect(extent?.oldest == -500_000_000)
    }
}

extension StateTests {
    @Test("a day of native histograms whose samples have expired tells the oldest one, if these count")
    func oldestHistogram() throws {
        let stored = MemorySource()
        stored.set("x", [:], [(100, 1), (86_000, 2), (900_000, 5)])
        stored.makeHistograms("x")
        let left = MemorySource()
        left.set("x", [:], [(86_000, 2), (900_000, 5)])
        left.makeHistograms("x")
        let finder = ExtentFinder(source: ExpiredSource(states: stored, samples: left))
        let selector = MetricSelector([Matcher(Labels.metricName, .equal, "x")], takesHistograms: true)
        for _ in 0..<2 {
            let extent = try finder.extent(of: selector, now: 1_000_000_000, budget: .unlimited())
            #expect(extent == Extent(oldest: 100_000, newest: 900_000_000))
        }
        let numbers = MetricSelector([Matcher(Labels.metricName, .equal, "x")])
        #expect(try finder.extent(of: numbers, now: 1_000_000_000, budget: .unlimited()) == nil)
    }
}

/// A source that has states of all samples, whole days only, and fewer samples.
private struct ExpiredSource: SeriesSource {
    let states: MemorySource
    let samples: MemorySource

    private struct Selected: SeriesSet {
        let states: any SeriesSet
        let samples: any SeriesSet

        var count: Int { states.count }
        var warnings: [String] { [] }
        func labels(at index: Int) -> Labels { states.labels(at: index) }

        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
            column.removeAll()
            let wanted = labels(at: index)
            guard let place = (0..<samples.count).first(where: { samples.labels(at: $0) == wanted }) else {
                return
            }
            try samples.read(place, into: &column)
        }

        private static func areDays(_ windows: [TimeRange]) -> Bool {
            let day = RollupLevel.day.millis
            return windows.allSatisfy { window in
                window.start.millis.floored(by: day) * day == window.start.millis
                    && (window.end.millis + 1).floored(by: day) * day == window.end.millis + 1
            }
        }

        func histogramStates(
            of index: Int,
            in windows: [TimeRange],
            _ parts: WindowParts,
            _ body: (_ window: Int, _ state: HistogramState) -> Void
        ) throws(SourceError) -> Bool {
            guard Selected.areDays(windows) else { return false }
            var column = SampleColumn()
            try states.read(index, into: &column)
            for (place, window) in windows.enumerated() {
                var state = HistogramState()
                for (position, histogram) in zip(column.histograms.positions, column.histograms.values)
                where window.contains(Timestamp(millis: column.timestamps[position])) {
                    state.add(millis: column.timestamps[position], histogram)
                }
                body(place, state)
            }
            return true
        }

        func states(
            of index: Int,
            in windows: [TimeRange],
            _ parts: WindowParts,
            into states: inout [WindowState]
        ) throws(SourceError) -> Bool {
            guard Selected.areDays(windows) else { return false }
            return try self.states.states(of: index, in: windows, parts, into: &states)
        }
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        Selected(
            states: try states.select(request, budget: budget),
            samples: try samples.select(request, budget: budget)
        )
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        try states.series(request, budget: budget)
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        try states.labelNames(request, budget: budget)
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        try states.labelValues(name, request, budget: budget)
    }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }
}
