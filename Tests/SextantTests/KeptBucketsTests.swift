import Foundation
import Logging
import Model
import PromQL
import Synchronization
import Telemetry
import Testing

@testable import KPI
@testable import Storage

@Suite("Kept values of promql metrics") struct KeptBucketsTests {
    private static let hour: Int64 = 3_600_000
    private static let minute: Int64 = 60_000
    private static let definitions = """
        kpi_version: 1
        metrics:
          - {name: rise, from: {promql: 'sum by (l, m) (increase(c[5m]))'}, by: [l, computed]}
          - {name: peak, from: {promql: 'max_over_time(c[1h])'}, agg: max, by: [l]}
          - {name: former, from: {promql: 'sum(c offset 30m)'}}
          - {name: ahead, from: {promql: 'sum(last_over_time(c[5m] offset -1h))'}}
          - {name: smooth, from: {promql: 'avg_over_time(sum(c)[30m:1m]) > 40'}}
        kpis:
          - {name: rise, type: simple, metric: rise}
          - {name: peak, type: simple, metric: peak}
          - {name: former, type: simple, metric: former}
          - {name: ahead, type: simple, metric: ahead}
          - {name: smooth, type: simple, metric: smooth}
        """

    /// Runs something at each call of a sink or selection of a source.
    private final class Probe: SampleSink, SeriesSource {
        let store: Store
        let onStage = Mutex<(@Sendable (SampleBatch) -> Void)?>(nil)
        let onSelect = Mutex<(@Sendable ([Matcher]) -> Void)?>(nil)

        init(_ store: Store) { self.store = store }

        func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
            let staged = try store.stage(batch)
            onStage.withLock({ $0 })?(batch)
            return staged
        }

        func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
            let set = try store.select(request, budget: budget)
            var column = SampleColumn()
            // What was selected before stays what it was.
            for index in 0..<set.count { try set.read(index, into: &column) }
            onSelect.withLock({ $0 })?(request.matchers)
            return set
        }

        func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
            try store.series(request, budget: budget)
        }

        func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
            -> LabelAnswer<String>
        {
            try store.labelNames(request, budget: budget)
        }

        func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
            -> LabelAnswer<String>
        {
            try store.labelValues(name, request, budget: budget)
        }

        func metadata(of metric: String?) -> [MetricMetadata] { store.metadata(of: metric) }
    }

    /// A daemon's store and KPIs, as far as they matter here.
    private final class World: Sendable {
        let store: Store
        let probe: Probe
        let kept: KeptBuckets
        let service: KPIService
        let sink: KPISink
        let clock: Clock

        init(
            _ path: String,
            _ clock: Clock,
            _ text: String = KeptBucketsTests.definitions,
            retention: RetentionPolicy = .keepForever
        ) throws {
            var options = StoreOptions(now: { clock.now })
            options.durability = .os
            options.mergesInBackground = false
            options.diskReserveBytes = 0
            options.retention = retention
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            let store = try Store(directory: path, options: options, registry: Registry(), logger: logger)
            let probe = Probe(store)
            self.store = store
            self.probe = probe
            self.clock = clock
            kept = KeptBuckets(
                store: probe,
                sink: probe,
                engine: { Engine() },
                horizon: { store.earliestKeptSampleMillis(of: $0) },
                mayExpire: { store.mayExpire },
                registry: Registry(),
                now: { clock.now }
            )
            try kept.load()
            let aggregates = RawAggregates(
                source: VisibleSource(store, showsNamed: false),
                kept: kept,
                horizon: { store.earliestKeptMillis(of: $0) }
            )
            service = KPIService(
                definitions: try KPIDefinitions.load([(path: "a.kpi.yaml", text: text)]),
                source: CachedAggregates(aggregates, now: { clock.now }),
                kept: kept,
                now: { clock.now }
            )
            sink = KPISink(probe, service, registry: Registry())
        }

        deinit { store.close() }

        var computedCount: Int { kept.computedCount.value }

        func write(_ name: String, _ labels: [Label] = [], _ samples: [(Int64, Double)]) async throws {
            var batch = SampleBatch()
            batch.beginSeries(packed: Labels([Label(Labels.metricName, name)] + labels).packed)
            for (time, value) in samples { batch.append(millis: time, value: value) }
            _ = try await sink.append(batch)
        }

        /// A counter that rises by one each minute.
        func count(_ times: StrideTo<Int64>, _ label: String = "a") async throws {
            let samples = times.map { ($0, Double($0 / KeptBucketsTests.minute)) }
            try await write("c", [Label("l", label)], samples)
        }

        func delete(_ range: TimeRange, _ name: String = "c") async throws {
            let request = DeleteRequest(
                selections: [[Matcher(Labels.metricName, .equal, name)]],
                range: range
            )
            try await service.deleting(in: range) { try await self.store.delete(request) }
        }

        /// By the kept values.
        func values(_ kpi: String, _ hours: Range<Int64>, by label: String? = nil, period: String = "hour")
            throws -> [String: [Double?]]
        {
            try World.values(service, kpi, hours, label, period)
        }

        /// By nothing but the samples.
        func fresh(_ kpi: String, _ hours: Range<Int64>, by label: String? = nil, period: String = "hour")
            throws -> [String: [Double?]]
        {
            let clock = clock
            let plain = KPIService(
                definitions: service.versions.current,
                source: RawAggregates(source: VisibleSource(store, showsNamed: false))
            ) { clock.now }
            return try World.values(plain, kpi, hours, label, period)
        }

        private static func values(
            _ service: KPIService,
            _ kpi: String,
            _ hours: Range<Int64>,
            _ label: String?,
            _ period: String
        ) throws -> [String: [Double?]] {
            var request = ReportRequest()
            request.names = [kpi]
            request.start = hours.lowerBound * KeptBucketsTests.hour
            request.end = hours.upperBound * KeptBucketsTests.hour
            request.period = period
            request.label = label
            let report = try service.report(request, budget: .unlimited())
            var found: [String: [Double?]] = [:]
            for entry in report.entries { found[entry.row.group ?? ""] = entry.row.values }
            return found
        }

        /// The stored samples with the reserved name.
        func stored() throws -> [Labels: SampleColumn] {
            let matcher = Matcher(Labels.metricName, .equal, KeptSeries.name)
            let set = try store.select(
                SelectRequest(matchers: [matcher], range: .all),
                budget: .unlimited()
            )
            var found: [Labels: SampleColumn] = [:]
            for index in 0..<set.count {
                var column = SampleColumn()
                try set.read(index, into: &column)
                found[set.labels(at: index)] = column
            }
            return found
        }
    }

    private final class Clock: Sendable {
        private let millis: Mutex<Int64>
        init(_ millis: Int64) { self.millis = Mutex(millis) }
        var now: Timestamp { Timestamp(millis: millis.withLock { $0 }) }
        func set(_ time: Int64) { millis.withLock { $0 = time } }
        func advance(_ step: Int64) { millis.withLock { $0 += step } }
    }

    private static func agree(_ left: [String: [Double?]], _ right: [String: [Double?]]) -> Bool {
        for group in Set(left.keys).union(right.keys) {
            let one = left[group] ?? []
            let other = right[group] ?? []
            // A group that has no values anywhere may be left out.
            guard one.count == other.count || one.isEmpty || other.isEmpty else { return false }
            for index in 0..<max(one.count, other.count) {
                let value = one.isEmpty ? nil : one[index]
                let wanted = other.isEmpty ? nil : other[index]
                let missing = one.isEmpty || other.isEmpty
                switch (value, wanted) {
                case (nil, nil): continue
                case (let value?, let wanted?):
                    let limit = 1e-11 * max(1, max(value.magnitude, wanted.magnitude))
                    if (value - wanted).magnitude > limit { return false }
                case (let some?, nil), (nil, let some?):
                    if !missing || some != 0 { return false }
                }
            }
        }
        return true
    }

    @Test("are computed once, whatever the period, and outlast a restart")
    func restart() async throws {
        let folder = try TestFolder()
        let clock = Clock(48 * KeptBucketsTests.hour)
        var world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * KeptBucketsTests.hour, by: 60_000))
        let names = ["rise", "peak", "former", "ahead", "smooth"]
        for name in names {
            let fresh = try world.fresh(name, 2..<40)
            #expect(KeptBucketsTests.agree(try world.values(name, 2..<40), fresh), "\(name)")
        }
        let count = world.computedCount
        #expect(count >= 5 * 38 * 12)
        try await world.store.flush()
        world.store.close()
        world = try World(folder.path, clock)
        for name in names {
            for period in ["hour", "day"] {
                let kept = try world.values(name, 2..<40, period: period)
                let fresh = try world.fresh(name, 2..<40, period: period)
                #expect(KeptBucketsTests.agree(kept, fresh), "\(name) \(period) \(kept) \(fresh)")
            }
        }
        // Days need the hours before and behind, and nothing twice.
        #expect(world.computedCount <= 5 * 10 * 12)
        let before = world.computedCount
        _ = try world.values("rise", 0..<47, period: "day")
        #expect(world.computedCount == before)
        let newest = try world.stored().values.compactMap(\.timestamps.last).max() ?? 0
        #expect(newest < clock.now.millis - KeptBuckets.openMillis)
    }

    @Test("are computed again after late samples, before and after a restart")
    func lateSamples() async throws {
        let folder = try TestFolder()
        let clock = Clock(48 * KeptBucketsTests.hour)
        var world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * KeptBucketsTests.hour, by: 60_000))
        let before = try world.values("peak", 2..<40)
        let count = world.computedCount
        try await world.write("c", [Label("l", "b")], [(20 * KeptBucketsTests.hour, 1e6)])
        let after = try world.values("peak", 2..<40)
        #expect(before != after)
        #expect(KeptBucketsTests.agree(after, try world.fresh("peak", 2..<40)))
        #expect((12...60).contains(world.computedCount - count))
        try await world.write("c", [Label("l", "b")], [(30 * KeptBucketsTests.hour, 2e6)])
        world.store.close()
        world = try World(folder.path, clock)
        #expect(try world.values("peak", 2..<40)[""]?[28] == 2e6)
        #expect(KeptBucketsTests.agree(try world.values("peak", 2..<40), try world.fresh("peak", 2..<40)))
        let settled = world.computedCount
        // Series that the expression does not read change nothing.
        try await world.write("other", [], [(20 * KeptBucketsTests.hour, 1)])
        _ = try world.values("peak", 2..<40, period: "day")
        #expect(world.computedCount - settled <= 300)
        let due = try #require(world.kept.due(world.service.versions.current.metrics[1]))
        #expect(due.inside(0..<40 * KeptBucketsTests.hour).isEmpty)
    }

    @Test("remain when the samples have expired, and are what the metric's first data are known from")
    func expiry() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let retention = RetentionPolicy(
            defaultTimes: RetentionTimes(rawMillis: nil),
            rules: [
                RetentionPolicy.Rule(
                    matchers: [Matcher(Labels.metricName, .equal, "c")],
                    rawMillis: 50 * hour
                )
            ]
        )
        var world = try World(folder.path, clock, retention: retention)
        let last = 48 * hour
        try await world.count(stride(from: 0, to: last, by: 60_000))
        let before = try world.values("rise", 0..<47)
        let days = try world.values("rise", 0..<48, period: "day")
        clock.set(72 * hour)
        try await world.count(stride(from: last, to: 72 * hour, by: 60_000))
        _ = try world.values("rise", 0..<71)
        clock.set(200 * hour)
        #expect(try world.fresh("rise", 0..<47) != before)
        for again in 0..<2 {
            if again == 1 {
                try await world.store.flush()
                try await world.store.compact()
                world.store.close()
                world = try World(folder.path, clock, retention: retention)
            }
            let after = try world.values("rise", 0..<47)
            #expect(KeptBucketsTests.agree(after, before), "\(after) \(before)")
            #expect(KeptBucketsTests.agree(try world.values("rise", 0..<48, period: "day"), days))
            let extent = try world.service.evaluator(world.service.versions.current, at: clock.now)
                .extents(of: ["rise"], budget: .unlimited())[ByteText("rise")]
            #expect(extent?.oldest ?? .max < hour)
            // What the newest samples were is known as well, though all are gone.
            #expect(extent?.newest ?? 0 > 70 * hour && extent?.newest ?? 0 < 72 * hour)
            // Where nothing was computed there is nothing.
            #expect(try world.values("former", 0..<10)[""] == Array(repeating: nil, count: 10))
        }
        // Deleting what is left of the samples does not take what they once were.
        try await world.delete(.all)
        #expect(KeptBucketsTests.agree(try world.values("rise", 0..<47), before))
    }

    @Test("follow deletions of samples, and are gone when they are deleted themselves")
    func deletion() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        _ = try world.values("rise", 0..<40)
        _ = try world.values("peak", 0..<40)
        try await world.delete(TimeRange(Timestamp(millis: 10 * hour), Timestamp(millis: 20 * hour)))
        for name in ["rise", "peak"] {
            #expect(KeptBucketsTests.agree(try world.values(name, 0..<40), try world.fresh(name, 0..<40)))
        }
        #expect(try world.values("peak", 12..<19)[""] == Array(repeating: nil, count: 7))
        try await world.delete(TimeRange(.min, Timestamp(millis: 5 * hour)))
        for name in ["rise", "peak"] {
            #expect(KeptBucketsTests.agree(try world.values(name, 0..<40), try world.fresh(name, 0..<40)))
        }
        try await world.delete(.all, KeptSeries.name)
        #expect(try world.stored().isEmpty)
        let count = world.computedCount
        let (kept, fresh) = (try world.values("rise", 0..<40), try world.fresh("rise", 0..<40))
        #expect(KeptBucketsTests.agree(kept, fresh), "\(kept) \(fresh)")
        #expect(world.computedCount > count)
        try await world.delete(.all)
        #expect(try world.values("rise", 0..<40)[""] == Array(repeating: nil, count: 40))
        try world.service.keepUp { .unlimited() }
        let values = try world.stored().filter { $0.key["computed"] == nil && $0.key["metric"] == "rise" }
        #expect(values.values.allSatisfy { $0.values.allSatisfy(\.isNaN) })
    }

    @Test("are those of the definition, also of one that comes back after late samples")
    func definitions() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        func text(_ expression: String) -> String {
            "kpi_version: 1\nmetrics: [{name: m, from: {promql: '\(expression)'}}]\n"
                + "kpis: [{name: k, type: simple, metric: m}]\n"
        }
        let old = text("sum(increase(c[5m]))")
        let world = try World(folder.path, clock, old)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        let first = try world.values("k", 1..<40)
        let other = try KPIDefinitions.load([(path: "a", text: text("2 * sum(increase(c[5m]))"))])
        world.service.replace(by: other)
        #expect(try world.values("k", 1..<40)[""]?[3] == 2 * (first[""]?[3] ?? 0))
        try await world.write("c", [Label("l", "b")], [(10 * hour, 5), (10 * hour + 60_000, 70)])
        world.service.replace(by: try KPIDefinitions.load([(path: "a", text: old)]))
        #expect(KeptBucketsTests.agree(try world.values("k", 1..<40), try world.fresh("k", 1..<40)))
        #expect(try world.values("k", 1..<40) != first)
        // Nobody knows what the metric was while its file was away.
        world.store.close()
        let away = try World(folder.path, clock, "kpi_version: 1\n")
        try await away.write("c", [Label("l", "b")], [(20 * hour, 80), (20 * hour + 60_000, 100)])
        away.store.close()
        let back = try World(folder.path, clock, old)
        #expect(KeptBucketsTests.agree(try back.values("k", 1..<40), try back.fresh("k", 1..<40)))
    }

    @Test("do not keep what a write changed while it was computed")
    func race() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        let writes = Mutex(0)
        world.probe.onSelect.withLock { hook in
            hook = { [unowned world] matchers in
                guard matchers.contains(where: { $0.value == "c" }) else { return }
                let count = writes.withLock { count in
                    count += 1
                    return count
                }
                guard count <= 3 else { return }
                var batch = SampleBatch()
                let labels = Labels([Labels.metricName: "c", "l": "late"])
                batch.append(labels, Timestamp(millis: Int64(count) * 5 * hour), Double(count) * 1e6)
                _ = try? world.sink.stage(batch)
            }
        }
        _ = try world.values("peak", 2..<40)
        #expect(writes.withLock { $0 } >= 1)
        _ = try world.values("peak", 2..<40)
        _ = try world.values("peak", 2..<40)
        world.probe.onSelect.withLock { $0 = nil }
        #expect(KeptBucketsTests.agree(try world.values("peak", 2..<40), try world.fresh("peak", 2..<40)))
        world.store.close()
        let again = try World(folder.path, clock)
        #expect(KeptBucketsTests.agree(try again.values("peak", 2..<40), try again.fresh("peak", 2..<40)))
    }

    @Test("do not keep what was computed while a write was on its way")
    func writeOnItsWay() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        var batch = SampleBatch()
        let labels = Labels([Labels.metricName: "c", "l": "late"])
        batch.append(labels, Timestamp(millis: 10 * hour), 1e6)
        for isKnown in [false, true] {
            if isKnown { _ = try world.values("peak", 2..<40) }
            let change = try world.kept.begin(batch, oldest: 10 * hour)
            _ = try world.values("peak", 2..<40)
            _ = try world.store.stage(batch)
            world.kept.end(change)
            world.service.noteDelete(in: .all)
            #expect(KeptBucketsTests.agree(try world.values("peak", 2..<40), try world.fresh("peak", 2..<40)))
            batch = SampleBatch()
            batch.append(labels, Timestamp(millis: 20 * hour), 2e6)
        }
    }

    @Test("are right after a kill at any moment of a late write")
    func kill() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        _ = try world.values("peak", 2..<40)
        let kinds = Mutex<[Bool]>([])
        world.probe.onStage.withLock { hook in
            hook = { batch in
                let isMark = batch.labels(at: 0).metricName == KeptSeries.name
                kinds.withLock { $0.append(isMark) }
            }
        }
        try await world.write("c", [Label("l", "b")], [(20 * hour, 1e6)])
        world.probe.onStage.withLock { $0 = nil }
        #expect(kinds.withLock { $0 } == [true, false])
        let copy = try TestFolder()
        try FileManager.default.removeItem(atPath: copy.path)
        try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        let again = try World(copy.path, clock)
        #expect(try again.values("peak", 2..<40)[""]?[18] == 1e6)
        #expect(KeptBucketsTests.agree(try again.values("peak", 2..<40), try again.fresh("peak", 2..<40)))
    }

    @Test("cannot be forged from outside, and are seen only by their name")
    func name() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let world = try World(folder.path, clock)
        try await world.count(stride(from: 0, to: 48 * hour, by: 60_000))
        let before = try world.values("rise", 2..<40)
        let forged = try world.stored().keys.first { $0["computed"] == nil && $0["metric"] == "rise" }
        var batch = SampleBatch()
        let labels = try #require(forged)
        batch.append(labels, Timestamp(millis: 10 * hour - 1), 1e9)
        _ = try await world.sink.append(batch)
        #expect(KeptBucketsTests.agree(try world.values("rise", 2..<40), before))
        world.service.noteDelete(in: .all)
        #expect(KeptBucketsTests.agree(try world.values("rise", 2..<40), before))
        func count(_ source: any SeriesSource, _ matcher: Matcher) throws -> Int {
            try source.select(SelectRequest(matchers: [matcher], range: .all), budget: .unlimited()).count
        }
        let named = Matcher(Labels.metricName, .equal, KeptSeries.name)
        let any = Matcher(Labels.metricName, .regex, "kpi.*|c")
        let visible = VisibleSource(world.store, showsNamed: true)
        let hidden = VisibleSource(world.store, showsNamed: false)
        #expect(try count(visible, named) >= 2)
        #expect(try count(hidden, named) == 0)
        for source in [visible, hidden] {
            #expect(source.withoutWaiting {})
            #expect(try source.start(of: [any], budget: .unlimited()) != nil)
            #expect(try count(source, any) == 1)
            #expect(try count(source, Matcher("metric", .equal, "rise")) == 1)
        }
        #expect(
            try count(world.store, Matcher(Labels.metricName, .equal, "exported_" + KeptSeries.name)) == 1
        )
    }

    @Test("have the groups and the nulls that the expression has")
    func groupsAndHistograms() async throws {
        let folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(48 * hour)
        let text = """
            kpi_version: 1
            metrics:
              - {name: plain, from: {promql: 'c'}, by: [l, metric]}
              - {name: mixed, from: {promql: '{__name__=~"c|h"}'}}
            kpis:
              - {name: plain, type: simple, metric: plain}
              - {name: mixed, type: simple, metric: mixed}
            """
        var world = try World(folder.path, clock, text)
        for label in ["a", "é", ""] {
            let samples = stride(from: 0, to: 20 * hour, by: 60_000).map {
                ($0, Double(label.utf8.count + 1))
            }
            try await world.write("c", label.isEmpty ? [Label("metric", "x")] : [Label("l", label)], samples)
        }
        var buckets = HistogramBuckets()
        buckets.append(index: 0, count: 3)
        let histogram = NativeHistogram(
            schema: 0,
            zeroThreshold: 0,
            zeroCount: 0,
            count: 3,
            sum: 3,
            positive: buckets
        )
        var batch = SampleBatch()
        batch.beginSeries(packed: Labels([Labels.metricName: "h"]).packed)
        for time in stride(from: 20 * hour, to: 40 * hour, by: 60_000) {
            batch.append(millis: time, histogram: histogram)
        }
        _ = try await world.sink.append(batch)
        for again in 0..<2 {
            if again == 1 {
                world.store.close()
                world = try World(folder.path, clock, text)
            }
            for label in ["l", "metric"] {
                let kept = try world.values("plain", 1..<10, by: label)
                #expect(kept == (try world.fresh("plain", 1..<10, by: label)))
                #expect(kept.count == (label == "l" ? 3 : 2))
            }
            let mixed = try world.values("mixed", 0..<39)
            #expect(mixed == (try world.fresh("mixed", 0..<39)))
            #expect(mixed[""]?[30] == .some(nil) && mixed[""]?[10] != .some(nil))
        }
        #expect(world.computedCount == 0)
    }

    @Test("follow whatever is done, in any order", arguments: [1, 2, 3, 4] as [UInt64])
    func anyOrder(seed: UInt64) async throws {
        var random = Generator(state: seed)
        var folder = try TestFolder()
        let hour = KeptBucketsTests.hour
        let clock = Clock(30 * hour)
        var world = try World(folder.path, clock)
        var written: Int64 = 0
        let names = ["rise", "peak", "former", "ahead", "smooth"]
        for step in 0..<60 {
            switch random.below(10) {
            case 0...2:
                clock.advance(Int64(random.below(90)) * 60_000)
                let end = clock.now.millis
                let gap = random.below(4) == 0 ? hour : 0
                for label in ["a", "b"] where random.below(5) > 0 {
                    try await world.count(stride(from: written + gap, to: end, by: 60_000), label)
                }
                written = end
            case 3...4:
                let time = Int64(random.below(Int(clock.now.millis)))
                let label = ["a", "b", "x"][random.below(3)]
                try await world.write("c", [Label("l", label)], [(time, Double(random.below(500)))])
            case 5 where random.below(2) == 0:
                let start = Int64(random.below(Int(clock.now.millis)))
                let end = start + Int64(random.below(3 * Int(hour)))
                try await world.delete(TimeRange(Timestamp(millis: start), Timestamp(millis: end)))
            case 6 where random.below(2) == 0:
                if random.below(2) == 0 { try await world.store.flush() }
                if random.below(2) == 0 {
                    // What a kill leaves.
                    let copy = try TestFolder()
                    try FileManager.default.removeItem(atPath: copy.path)
                    try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
                    folder = copy
                }
                world.store.close()
                world = try World(folder.path, clock)
            case 7 where random.below(2) == 0: try world.service.keepUp { .unlimited() }
            default:
                let name = names[random.below(names.count)]
                let last = Int(clock.now.millis / hour)
                let first = random.below(last)
                let range = Int64(first)..<Int64(first + 1 + random.below(last - first))
                let label = ["rise", "peak"].contains(name) && random.below(2) == 0 ? "l" : nil
                let period = ["hour", "day"][random.below(2)]
                let kept = try world.values(name, range, by: label, period: period)
                let fresh = try world.fresh(name, range, by: label, period: period)
                #expect(
                    KeptBucketsTests.agree(kept, fresh),
                    "seed \(seed) step \(step) \(name) \(range) \(label ?? "") \(kept) \(fresh)"
                )
            }
        }
    }

    private struct Generator {
        var state: UInt64
        mutating func below(_ limit: Int) -> Int {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return Int((mixed ^ (mixed >> 31)) % UInt64(max(1, limit)))
        }
    }
}
