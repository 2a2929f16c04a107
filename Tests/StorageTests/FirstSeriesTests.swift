import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// Questions for a few series of many.
@Suite struct FirstSeriesTests {
    @Test("A limit gives the first series in label order, from wherever they are", arguments: 0..<6)
    func limits(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let clock = TestClock(start + 12 * hour)
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = RetentionPolicy(defaultRawMillis: 11 * hour)
        }
        defer { store.close() }
        for round in 0..<4 {
            var batch = SampleBatch()
            // Not in label order, and some of them long ago.
            for number in (0..<700).shuffled(using: &random).prefix(400) {
                let labels = Labels(["__name__": "m", "series": "\(number)", "group": "\(number % 3)"])
                batch.beginSeries(packed: labels.packed)
                let age = number % 5 == 0 ? 11 * hour - 60_000 : Int64.random(in: 0...hour, using: &random)
                batch.append(millis: start + 12 * hour - age, value: 1)
            }
            _ = try await store.append(batch)
            if round < 3 { try await store.flush() }
            if round == 1 { try await store.compact() }
            if round == 2 || Bool.random(using: &random) {
                // Of the first in label order nothing is left.
                try await store.delete(
                    DeleteRequest(
                        selections: [[Matcher("group", .equal, "0"), Matcher("series", .regex, "[12].*")]],
                        range: .all
                    )
                )
            }
        }
        clock.advance(byMillis: 120_000)
        let selections = [
            [], [Matcher("group", .equal, "1")], [Matcher("series", .regex, "[2-5].*")],
            [Matcher("group", .equal, "none")],
        ]
        let late = TimeRange(Timestamp(millis: start + 12 * hour - 600_000), .max)
        for range in [TimeRange.all, late] {
            for selection in selections {
                let whole = LabelRequest(selections: [selection], range: range)
                let all = try store.series(whole, budget: .unlimited()).items
                #expect(all == all.sorted())
                for limit in [1, 2, 63, 64, 65, 200, 500, 5000] {
                    let request = LabelRequest(selections: [selection], range: range, limit: limit)
                    let some = try store.series(request, budget: .unlimited())
                    #expect(some.items == Array(all.prefix(limit)))
                    #expect(some.isTruncated == (all.count > limit))
                }
            }
        }
    }
}
