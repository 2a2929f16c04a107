import Model
import PromQL
import Testing

@testable import KPI

@Suite("Sets of buckets, and what expressions read") struct BucketRangesTests {
    private static let grain: Int64 = 300_000

    @Test("sets of buckets agree with sets of numbers", arguments: [1, 2, 3] as [UInt64])
    func sets(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var ranges = BucketRanges()
        var model: Set<Int> = []
        func range(_ first: Int, _ count: Int) -> Range<Int64> {
            Int64(first) * BucketRangesTests.grain..<Int64(first + count) * BucketRangesTests.grain
        }
        for _ in 0..<600 {
            let (first, count) = (random.below(60) - 30, random.below(8))
            switch random.below(4) {
            case 0, 1:
                ranges.insert(range(first, count))
                model.formUnion(first..<(first + count))
            case 2:
                ranges.remove(range(first, count))
                model.subtract(first..<(first + count))
            default:
                let part = ranges.inside(range(first, count))
                #expect(part.count == model.count { (first..<(first + count)).contains($0) })
                #expect(part.without(ranges).isEmpty && part.inside(ranges) == part)
            }
            #expect(ranges.count == model.count)
            #expect((-31..<40).allSatisfy { ranges.contains(range($0, 1).lowerBound) == model.contains($0) })
            #expect(
                zip(ranges.ranges, ranges.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }
            )
            var starts: [Int] = []
            ranges.forEachBucket { starts.append(Int($0 / BucketRangesTests.grain)) }
            #expect(starts == model.sorted())
        }
    }

    @Test(
        "an expression tells which buckets a sample counts in",
        arguments: [
            ("increase(c[5m])", -1, 3), ("c", -1, 3), ("max_over_time(c[1h])", -1, 14),
            ("c offset 1h", -1, 15), ("c offset -1h", -13, 3), ("avg_over_time(c[30m:1m])", -1, 9),
            ("sum(c) / sum(last_over_time(c[10m] offset -10m))", -3, 4),
        ] as [(String, Int64, Int64)]
    )
    func spans(text: String, first: Int64, last: Int64) throws {
        let expression = try BucketRangesTests.expression(text)
        let span = try #require(ExpressionSpan(expression.expr, EngineOptions()))
        let grain = BucketRangesTests.grain
        let buckets = span.buckets(of: 1000 * grain)
        #expect(
            buckets.lowerBound >= (1000 + first) * grain && buckets.lowerBound <= 1000 * grain,
            "\(buckets)"
        )
        #expect(buckets.upperBound <= (1000 + last + 1) * grain && buckets.upperBound > 1000 * grain)
        for time in [Int64.min, .max] {
            #expect(!span.buckets(of: time).isEmpty)
        }
    }

    @Test(
        "an expression about fixed or computed times, or with info(), has no such buckets",
        arguments: [
            "c @ 100", "c @ end()", "rate(c[5m + step()])", "info(c)", "c offset (1m * 2)",
        ]
    )
    func none(text: String) throws {
        let expression = try BucketRangesTests.expression(text)
        #expect(ExpressionSpan(expression.expr, EngineOptions()) == nil)
    }

    private static func expression(_ text: String) throws -> MetricExpression {
        let file = "kpi_version: 1\nmetrics:\n  - {name: m, from: {promql: \(LabelText.quoted(text))}}\n"
        let source = try DefinitionTests.load(file).metrics.first?.source
        guard case .promql(let expression) = source else { throw CancellationError() }
        return expression
    }

    @Test("what is known of a bucket is read back from its sample")
    func marks() {
        for bits in 0..<8 {
            let mark = KeptMark(
                isDoubted: bits & 1 != 0,
                hasHistograms: bits & 2 != 0,
                isBeyond: bits & 4 != 0
            )
            #expect(KeptMark(mark.value) == mark)
        }
        for value in [0, 5, -5, 1.5, .nan, .infinity, StaleMarker.value] { #expect(KeptMark(value) == nil) }
    }

    @Test("labels of results do not get in the way of those of kept values")
    func labels() {
        let names = ["l", "metric", "exported_metric", "computed", "__name__", "definition", "exported_l"]
        #expect(Set(names.map(KeptSeries.storedName)).count == names.count)
        #expect(KeptSeries.storedName("l") == "l")
    }
}
