import Model
import Synchronization
import Testing

@testable import KPI

@Suite("Remembered aggregates") struct CachedAggregatesTests {
    private static let text = """
        kpi_version: 1
        metrics:
          - {name: a, from: {counter: c}, by: [l], first_sample: zero}
          - {name: b, from: {samples: c}, agg: count, by: [l]}
          - {name: m, from: {samples: c}, agg: max, by: [l]}
          - {name: g, from: {gauge: c}, by: [l]}
          - {name: t, from: {gauge: c}, agg: time_avg, by: [l]}
          - {name: e, from: {promql: 'sum by (l) (increase(c[5m]))'}, by: [l]}
          - {name: ahead, from: {promql: 'sum(last_over_time(c[5m] offset -2h))'}}
          - {name: fixed, from: {promql: 'sum(last_over_time(c[5m] @ 40000))'}}
        """

    /// A clock that the test moves.
    private final class Clock: Sendable {
        let millis = Mutex<Int64>(0)
    }

    @Test("give what raw samples give, while time goes on and late samples come")
    func random() throws {
        var chance = SplitMix(seed: 33)
        let definitions = try DefinitionTests.load(CachedAggregatesTests.text)
        let source = MemorySource()
        let raw = RawAggregates(source: source)
        let clock = Clock()
        let cached = CachedAggregates(raw) { Timestamp(millis: clock.millis.withLock { $0 }) }
        let budget = QueryBudget.unlimited()
        var totals = [0.0, 0.0, 0.0]
        for step in 0..<150 {
            let now = Int64(step) * 601_000
            clock.millis.withLock { $0 = now }
            for series in 0..<3 where chance.below(4) > 0 {
                totals[series] += Double(chance.below(100)) / 7
                source.set("c", ["l": "\(series)"], [(Double(now) / 1000, totals[series])])
                cached.noteWrite(oldest: now)
            }
            if chance.below(8) == 0 {
                let late = Int64(chance.below(Int(now / 1000) + 1)) * 1000
                source.set(
                    "c",
                    ["l": "\(chance.below(3))"],
                    [(Double(late) / 1000, Double(chance.below(50)))]
                )
                cached.noteWrite(oldest: late)
            }
            guard let metric = definitions.metrics.dropFirst(chance.below(8)).first,
                let extent = try raw.extent(of: metric.source.selectors, now: now, budget: budget)
            else { continue }
            // From the beginning of an hour, of a day, and of all, up to now or to an end in between.
            let starts = [now / 3_600_000 * 3_600_000, now / 86_400_000 * 86_400_000, 0]
            var ranges = starts.map { Bucket(start: $0, end: now / 300_000 * 300_000 + 300_000) }
            ranges.append(
                Bucket(start: 0, end: Int64(chance.below(Int(now / 300_000) + 1)) * 300_000 + 300_000)
            )
            let cuts = Set(ranges.flatMap { [$0.start, $0.end] }).sorted()
            let request = AggregateRequest(
                metric: metric,
                extent: extent,
                label: chance.below(2) == 0 ? nil : "l",
                cuts: cuts,
                ranges: ranges.map {
                    (cuts.firstIndex(of: $0.start) ?? 0)..<(cuts.firstIndex(of: $0.end) ?? 0)
                }
            )
            let expected = try raw.tables([request], budget: budget)[0]
            for _ in 0..<2 {
                let found = try cached.tables([request], budget: budget)[0]
                for (group, values) in zip(expected.groups, expected.values) {
                    let row = try #require(found.groups.firstIndex(of: group))
                    for (left, right) in zip(values, found.values[row]) {
                        let isSame =
                            left == right
                            || left != nil && right != nil
                                && ((left ?? 0) - (right ?? 0)).magnitude <= 1e-12 * (left ?? 0).magnitude
                        #expect(
                            isSame,
                            "\(metric.name) at step \(step): \(String(describing: left)) \(String(describing: right))"
                        )
                    }
                }
            }
        }
    }

    @Test("an open period is read from where it is closed")
    func incremental() throws {
        let definitions = try DefinitionTests.load(CachedAggregatesTests.text)
        let source = MemorySource()
        source.set("c", ["l": "x"], (0..<2000).map { (Double($0) * 60, Double($0)) })
        let now: Int64 = 1999 * 60_000
        let cached = CachedAggregates(RawAggregates(source: source)) { Timestamp(millis: now) }
        let metric = try #require(definitions.metric("a"))
        let request = AggregateRequest(
            metric: metric,
            extent: Extent(oldest: 0, newest: now),
            cuts: [0, 172_800_000],
            ranges: [0..<1]
        )
        #expect(try cached.tables([request], budget: .unlimited())[0].values == [[1999]])
        source.resetReads()
        #expect(try cached.tables([request], budget: .unlimited())[0].values == [[1999]])
        #expect(source.reads.samples < 60)
        source.set("c", ["l": "x"], [(30, 0)])
        cached.noteWrite(oldest: 30_000)
        source.resetReads()
        _ = try cached.tables([request], budget: .unlimited())
        #expect(source.reads.samples > 1900)
    }
}
