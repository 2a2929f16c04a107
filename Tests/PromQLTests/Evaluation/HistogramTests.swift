import Model
import Testing

@testable import PromQL

/// Arithmetic on native histograms.
@Suite("Native histograms")
struct HistogramTests {
    /// A histogram with exponential buckets, of whole observations.
    static func random(_ generator: inout SplitMix) -> NativeHistogram {
        var histogram = NativeHistogram(schema: Int32.random(in: -3...8, using: &generator))
        histogram.zeroThreshold = [0, 0.001, 0.25, 1].randomElement(using: &generator) ?? 0
        histogram.zeroCount = Double(Int.random(in: 0...5, using: &generator))
        for isPositive in [true, false] {
            var index = Int32.random(in: -20...5, using: &generator)
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                let count = Double(Int.random(in: 0...9, using: &generator))
                if isPositive {
                    histogram.positive.append(index: index, count: count)
                } else {
                    histogram.negative.append(index: index, count: count)
                }
                index += Int32.random(in: 1...9, using: &generator)
            }
        }
        histogram.count = HistogramTests.inBuckets(histogram)
        histogram.sum = Double(Int.random(in: -50...50, using: &generator))
        return histogram
    }

    private static func inBuckets(_ histogram: NativeHistogram) -> Double {
        histogram.zeroCount + histogram.positive.counts.reduce(0, +) + histogram.negative.counts.reduce(0, +)
    }

    @Test(
        "sums do not lose observations, whatever the layouts, and come out the same either way",
        arguments: [1, 2, 3]
    )
    func sumsKeepCounts(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        for _ in 0..<500 {
            let (a, b) = (HistogramTests.random(&generator), HistogramTests.random(&generator))
            let sum = try a.combined(b, isDifference: false).histogram
            #expect(sum.count == a.count + b.count, "\(a) + \(b)")
            #expect(HistogramTests.inBuckets(sum) == sum.count, "\(a) + \(b)")
            #expect(sum.schema == min(a.schema, b.schema))
            #expect(try b.combined(a, isDifference: false).histogram.compacted == sum.compacted)
            let back = try sum.combined(b, isDifference: true).histogram
            #expect(HistogramTests.inBuckets(back) == a.count, "\(a) + \(b) - \(b)")
            var compensated = HistogramSum(a)
            try compensated.add(b)
            #expect(compensated.value.compacted == sum.compacted, "\(a) + \(b)")
        }
    }

    @Test("buckets of the lowest and the highest index there are come to a lower resolution")
    func outermostBuckets() {
        var histogram = NativeHistogram(schema: 8, count: 6)
        for index in [Int32.min, -1, Int32.max] { histogram.positive.append(index: index, count: 2) }
        let reduced = histogram.reduced(to: -4)
        #expect(reduced.positive.counts == [2, 2, 2])
        #expect(reduced.positive.indices[1] == 0)
    }

    @Test("a histogram that only grew is no reset, one that shrank is", arguments: [1, 2, 3])
    func findsResets(_ seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        for _ in 0..<500 {
            let (a, b) = (HistogramTests.random(&generator), HistogramTests.random(&generator))
            let sum = try a.combined(b, isDifference: false).histogram
            #expect(!sum.isReset(since: a), "\(a) + \(b)")
            if b.count > 0 { #expect(a.isReset(since: sum), "\(a) + \(b)") }
        }
    }

    @Test("sums keep what rounding loses")
    func compensates() throws {
        var sum = HistogramSum(NativeHistogram(count: 1, sum: 1e100))
        for value in [1, -1e100, 1.0] { try sum.add(NativeHistogram(count: 0.1, sum: value)) }
        #expect(sum.value.sum == 2)
    }

    @Test("a mean does not overflow where the sum would")
    func meansDoNotOverflow() throws {
        var mean = HistogramMean(NativeHistogram(count: 2, sum: 1e308))
        for _ in 0..<9 { try mean.add(NativeHistogram(count: 2, sum: 1e308)) }
        #expect(abs(mean.value.sum / 1e308 - 1) < 1e-12)
        #expect(mean.value.count == 2)
    }

    @Test("exponential buckets and custom ones, or custom ones without a bound in common, do not mix")
    func mismatches() {
        let custom = NativeHistogram(schema: NativeHistogram.customSchema, customBounds: [1, 2])
        let other = NativeHistogram(schema: NativeHistogram.customSchema, customBounds: [3])
        #expect(throws: HistogramMismatch.schemas) {
            _ = try custom.combined(NativeHistogram(), isDifference: false)
        }
        #expect(throws: HistogramMismatch.bounds) { _ = try custom.combined(other, isDifference: true) }
    }

    @Test("quantiles rise with φ, and the fraction below a quantile is φ", arguments: [1, 2, 3])
    func quantilesAndFractions(_ seed: UInt64) {
        var generator = SplitMix(state: seed)
        for _ in 0..<300 {
            var histogram = HistogramTests.random(&generator)
            // The fraction within a zero bucket of no width says nothing.
            histogram.zeroThreshold = 0x1p-1000
            guard histogram.count > 0 else { continue }
            var last = -Double.infinity
            for phi in stride(from: 0.05, to: 1, by: 0.05) {
                let (value, remark) = histogram.quantile(phi)
                #expect(remark == nil && value >= last * (last < 0 ? 1 + 1e-9 : 1 - 1e-9), "\(histogram)")
                last = value
                let fraction = histogram.fraction(-.infinity, value).0
                #expect(fraction >= phi - 1e-9 || value == 0, "\(phi) of \(histogram)")
            }
        }
    }

    @Test("bounds of buckets rise and end at the largest number")
    func bounds() {
        for schema in NativeHistogram.exponentialSchemas {
            let first = ExponentialBounds.upper(0, schema)
            #expect(first == 1)
            var last = first
            for index in 1...2000 {
                let bound = ExponentialBounds.upper(Int64(index), schema)
                #expect(bound > last || bound.isInfinite || bound == .greatestFiniteMagnitude)
                last = bound
            }
            let perOctave = schema >= 0 ? Int64(1) << Int64(schema) : 1
            let octaves = schema >= 0 ? Int64(1) : Int64(1) << Int64(-schema)
            #expect(
                ExponentialBounds.upper(perOctave, schema)
                    == Double(sign: .plus, exponent: Int(octaves), significand: 1)
            )
            #expect(ExponentialBounds.upper(1024 / octaves * perOctave, schema) == .greatestFiniteMagnitude)
            #expect(ExponentialBounds.upper(Int64(Int32.max), schema) == .infinity)
            #expect(ExponentialBounds.upper(Int64(Int32.min), schema) == 0)
        }
    }
}
