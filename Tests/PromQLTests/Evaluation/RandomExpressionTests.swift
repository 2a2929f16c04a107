import Foundation
import Model
import Testing

@testable import PromQL

/// Random expressions of every kind, evaluated.
///
/// `SEXTANT_SOAK=1` runs 100 times as many.
@Suite("PromQL random expressions")
struct RandomExpressionTests {
    private static let rounds = ProcessInfo.processInfo.environment["SEXTANT_SOAK"] == "1" ? 12_500 : 125
    private static let start: Int64 = 60_000
    private static let step: Int64 = 15_000
    private static let stepCount = 6

    /// Series of every metric with resets, gaps, staleness markers and strange values.
    private static func source(_ random: inout SplitMix) -> MemorySource {
        var series: [Labels: SampleColumn] = [:]
        for name in ExpressionGenerator.metrics {
            for (index, key) in ["x", "y", "0"].enumerated() {
                var builder = LabelsBuilder()
                builder.set(Labels.metricName, name)
                builder.set("k", key)
                builder.set("job", index == 2 ? "y" : "x")
                if index != 1 { builder.set("instance", key) }
                if name == "target_info" { builder.set("n", "\(index)") }
                if name == "h_bucket" {
                    builder.set("k", "x")
                    builder.set("instance", "x")
                    builder.set("le", ["1", "2", "+Inf"][index])
                }
                series[builder.build()] = column(&random, isInfo: name == "target_info")
            }
        }
        return MemorySource(series)
    }

    private static func column(_ random: inout SplitMix, isInfo: Bool) -> SampleColumn {
        var column = SampleColumn()
        var time: Int64 = 0
        while time < 250_000 {
            time += Int64.random(in: 1...20, using: &random) * 1000
            let value: Double =
                switch Int.random(in: 0..<25, using: &random) {
                case 0: .nan
                case 1: .infinity
                case 2: StaleMarker.value
                case 3: -2
                default: isInfo ? 1 : Double(Int.random(in: 0...30, using: &random))
                }
            column.append(millis: time, value: value)
        }
        return column
    }

    private static func budget() -> QueryBudget {
        QueryBudget(sampleLimit: 200_000, memoryLimitBytes: 16 << 20, timeLimitMillis: 20_000)
    }

    @Test("random expressions do not trap, and give back what they held", arguments: 0..<8 as Range<UInt64>)
    func noTrap(_ seed: UInt64) {
        var generator = ExpressionGenerator(seed: seed, isStepwise: false)
        var random = SplitMix(state: seed ^ 0xdead)
        let source = RandomExpressionTests.source(&random)
        for _ in 0..<RandomExpressionTests.rounds {
            let text = generator.next(depth: Int.random(in: 1...5, using: &random))
            guard let expr = try? Parser.parse(text) else { continue }
            let budget = RandomExpressionTests.budget()
            let time = Timestamp(millis: Int64.random(in: -50_000...400_000, using: &random))
            let step = Int64.random(in: 1...60_000, using: &random)
            let count = Int64.random(in: 0...70, using: &random)
            _ = try? Engine().instant(expr, text: text, at: time, source: source, budget: budget)
            _ = try? Engine().range(
                expr,
                text: text,
                start: time,
                end: time.advanced(byMillis: step * count),
                stepMillis: step,
                source: source,
                budget: budget
            )
            #expect(budget.heldByteCount == 0, "seed \(seed): \(text)")
        }
    }

    @Test("a step of a range query is the instant query at its time", arguments: 0..<8 as Range<UInt64>)
    func stepsAreInstants(_ seed: UInt64) throws {
        var generator = ExpressionGenerator(seed: seed, isStepwise: true)
        var random = SplitMix(state: seed ^ 0xbeef)
        let source = RandomExpressionTests.source(&random)
        var comparedCount = 0
        for _ in 0..<RandomExpressionTests.rounds {
            let text = generator.next(depth: Int.random(in: 1...3, using: &random))
            guard let expr = try? Parser.parse(text) else { continue }
            // An error at any step is one of the whole range query.
            let end =
                RandomExpressionTests.start + Int64(RandomExpressionTests.stepCount - 1)
                * RandomExpressionTests.step
            guard
                let range = try? Engine().range(
                    expr,
                    start: Timestamp(millis: RandomExpressionTests.start),
                    end: Timestamp(millis: end),
                    stepMillis: RandomExpressionTests.step,
                    source: source,
                    budget: RandomExpressionTests.budget()
                ), case .matrix(let matrix) = range.value
            else { continue }
            for step in 0..<RandomExpressionTests.stepCount {
                let time = RandomExpressionTests.start + Int64(step) * RandomExpressionTests.step
                let answer = try Engine().instant(
                    expr,
                    at: Timestamp(millis: time),
                    source: source,
                    budget: RandomExpressionTests.budget()
                )
                // Whether a series of `or` has a name is decided once in a range query.
                let ignoresNames = text.contains(" or ")
                let expected = RandomExpressionTests.values(of: answer.value, ignoresNames)
                var found: [Labels: Double] = [:]
                for series in matrix {
                    guard let index = series.column.timestamps.firstIndex(of: time) else { continue }
                    let labels = ignoresNames ? series.labels.dropping([Labels.metricName]) : series.labels
                    found[labels] = series.column.values[index]
                }
                let isSame =
                    expected.keys == found.keys
                    && expected.allSatisfy { RandomExpressionTests.areSame($1, found[$0]) }
                #expect(isSame, "seed \(seed), step \(step): \(text): \(found), not \(expected)")
                if !isSame { break }
                if !found.isEmpty { comparedCount += 1 }
            }
        }
        // About half of all expressions have a result.
        #expect(comparedCount > RandomExpressionTests.rounds, "seed \(seed): too little was compared")
    }

    private static func values(of value: QueryValue, _ ignoresNames: Bool) -> [Labels: Double] {
        switch value {
        case .scalar(_, let number): [.empty: number]
        case .vector(let samples):
            Dictionary(
                samples.map { sample in
                    (ignoresNames ? sample.labels.dropping([Labels.metricName]) : sample.labels, sample.value)
                },
                uniquingKeysWith: { first, _ in first }
            )
        default: [:]
        }
    }

    /// Whether two numbers are equal but for the order in which they were added up.
    private static func areSame(_ left: Double, _ right: Double?) -> Bool {
        guard let right else { return false }
        if left == right || left.isNaN && right.isNaN { return true }
        return (left - right).magnitude <= 1e-9 * max(left.magnitude, right.magnitude)
    }
}
