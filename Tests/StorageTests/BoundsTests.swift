import ChunkCodec
import Model
import Testing

@testable import Storage

private let day: Int64 = 86_400_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// What a store says of when its samples are, without reading them.
@Suite struct BoundsTests {
    @Test("Samples lie inside of the bounds of their series, and none before the start", arguments: 0..<4)
    func bounds(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let clock = TestClock(start + 40 * day)
        let folder = try TemporaryFolder()
        var store = try Store.open(folder, clock)
        for round in 0..<5 {
            var batch = SampleBatch()
            for series in 0..<6 where Bool.random(using: &random) {
                batch.beginSeries(packed: Labels(["__name__": "m", "series": "\(series)"]).packed)
                var millis = start + Int64.random(in: 0...39 * day, using: &random)
                for _ in 0..<Int.random(in: 1...50, using: &random) where millis < start + 40 * day {
                    batch.append(millis: millis, value: Double(round))
                    millis += Int64.random(in: 1...day / 4, using: &random)
                }
            }
            _ = try await store.append(batch)
            if round % 2 == 0 { try await store.flush() }
            if round == 2 { try await store.compact() }
            if round == 3 {
                store.close()
                store = try Store.open(folder, clock)
            }
            try check(store, .all)
            let from = start + Int64.random(in: 0...20 * day, using: &random)
            try check(store, TimeRange(Timestamp(millis: from), Timestamp(millis: from + 15 * day)))
        }
        store.close()
    }

    private func check(_ store: Store, _ range: TimeRange) throws {
        let matcher = Matcher("__name__", .equal, "m")
        let request = SelectRequest(matchers: [matcher], range: range)
        let set = try store.select(request, budget: .unlimited())
        var first = Int64.max
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            let bounds = try #require(try set.bounds(of: index))
            #expect(column.timestamps.allSatisfy { bounds.contains(Timestamp(millis: $0)) })
            #expect(bounds.start >= range.start && bounds.end <= range.end)
            first = min(first, column.timestamps.first ?? .max)
        }
        let start = try store.start(of: [matcher], budget: .unlimited())
        if set.count > 0 { #expect(try #require(start).millis <= first) }
        if set.count > 0, range == .all { #expect(start?.millis == first) }
        let none = try store.start(of: [Matcher("__name__", .equal, "none")], budget: .unlimited())
        #expect(none == nil)
    }

    @Test("A directory with rollups before samples is refused")
    func order() throws {
        // A frame, a column, a series with two chunks; behind their kinds one sample each at the epoch.
        let head: [UInt8] = [1, 0, 10, 1, 0, 0, 1, 2]
        let rest: [UInt8] = [2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]
        for kinds in [[0, 4], [0, 1], [2, 4]] as [[UInt8]] {
            let block = try DirectoryBlock(head + kinds + rest, seriesCount: 1, fileByteCount: 100)
            #expect(block.chunks(at: 0).map(\.kind) == kinds)
        }
        for kinds in [[4, 0], [4, 3], [2, 1]] as [[UInt8]] {
            #expect(throws: CodecError.badException) {
                try DirectoryBlock(head + kinds + rest, seriesCount: 1, fileByteCount: 100)
            }
        }
    }
}
