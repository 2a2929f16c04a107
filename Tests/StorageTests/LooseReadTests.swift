import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// Reads that take samples around the range rather than have them copied.
@Suite struct LooseReadTests {
    @Test(
        "More may be read than a range has, never less, nothing deleted and nothing expired",
        arguments: 0..<6
    )
    func readsMore(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let clock = TestClock(start + 12 * hour)
        let store = try Store.open(try TemporaryFolder(), clock) { options in
            options.retention = RetentionPolicy(defaultRawMillis: 11 * hour)
        }
        defer { store.close() }
        for _ in 0..<3 {
            var batch = SampleBatch()
            for series in 0..<4 where Bool.random(using: &random) {
                batch.beginSeries(packed: Labels(["__name__": "m", "series": "\(series)"]).packed)
                // Of some the first samples expire.
                for step in series % 2 * 400..<1000 where Int.random(in: 0..<4, using: &random) > 0 {
                    let millis = start + 12 * hour - Int64(1000 - step) * 40_000
                    batch.append(millis: millis, value: Double.random(in: 0...1, using: &random))
                }
            }
            _ = try await store.append(batch)
            try await store.flush()
        }
        if Bool.random(using: &random) { try await store.compact() }
        clock.advance(byMillis: Int64.random(in: 0...hour, using: &random))
        let from = start + Int64.random(in: 3...6, using: &random) * hour
        _ = try await store.delete(
            DeleteRequest(
                selections: [[Matcher("series", .equal, "1")]],
                range: TimeRange(Timestamp(millis: from), Timestamp(millis: from + hour))
            )
        )
        let all = try store.read()
        var more = 0
        for _ in 0..<50 {
            let begin = start + Int64.random(in: 0...6 * hour, using: &random)
            let end = begin + Int64.random(in: 0...12 * hour, using: &random)
            let range = TimeRange(Timestamp(millis: begin), Timestamp(millis: end))
            var request = SelectRequest(matchers: [], range: range)
            request.mayReadMore = true
            let set = try store.select(request, budget: .unlimited())
            for index in 0..<set.count {
                var column = SampleColumn()
                try set.read(index, into: &column)
                let stored = all[set.labels(at: index)]?.bits ?? [:]
                let wanted = stored.filter { range.contains(Timestamp(millis: $0.key)) }
                let found = column.bits
                #expect(found.filter { range.contains(Timestamp(millis: $0.key)) } == wanted)
                #expect(found.allSatisfy { stored[$0.key] == $0.value })
                #expect(column.timestamps == column.timestamps.sorted())
                more += found.count - wanted.count
            }
        }
        #expect(more > 0)
    }
}
