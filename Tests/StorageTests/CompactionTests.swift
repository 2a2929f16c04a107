import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
private let day: Int64 = 24 * 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// Merges of segments: what they make, what outlives them, what a failure costs.
@Suite struct CompactionTests {
    @Test("A day of flushes becomes one small file, whose parts add up, and late samples join it")
    func compaction() async throws {
        let clock = TestClock(start + 23 * hour)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock) { $0.mergesInBackground = true }
        func write(_ hours: Range<Int64>, _ value: Double) async throws {
            var batch = SampleBatch()
            for series in 0..<20 {
                batch.beginSeries(packed: Labels(["__name__": "m", "i": "\(series)"]).packed)
                for step in hours.lowerBound * 60..<hours.upperBound * 60 {
                    batch.append(millis: start + step * 60_000, value: value + Double(step % 7))
                }
            }
            _ = try await store.append(batch)
            try await store.flush()
        }
        for hour in stride(from: Int64(0), to: 12, by: 2) { try await write(hour..<hour + 2, 0) }
        #expect(try folder.names("segments").count == 6)
        let expected = try store.read().mapValues(\.bits)
        var open: (any SeriesSet)? = try store.select(
            SelectRequest(matchers: [], range: .all),
            budget: .unlimited()
        )
        clock.advance(byMillis: 2 * day)
        store.compaction.sync { store.maintainSegments() }
        #expect(try store.read().mapValues(\.bits) == expected)
        // A reader that began before goes on with the files that were merged; they go with it.
        var column = SampleColumn()
        try open?.read(3, into: &column)
        #expect(column.bits == expected[try #require(open).labels(at: 3)])
        #expect(try folder.names("segments").count == 7)
        open = nil
        #expect(try folder.names("segments").count == 1)

        let (record, chunkCount, parts) = try #require(
            store.state.withLock { $0.segments.first.map { ($0.record, $0.chunkCount, $0.parts) } }
        )
        #expect(record.level == 1 && chunkCount == 20)
        #expect(parts.named.reduce(0) { $0 + $1.byteCount } == record.byteCount)
        #expect(parts.values > 0 && parts.timestamps > 0 && parts.labels > 0)

        // Late samples for a window that was merged: what is in the log must outlive a kill.
        var late = SampleBatch()
        late.append(Labels(["__name__": "m", "i": "3"]), Timestamp(millis: start + 60_000), 99)
        _ = try await store.append(late)
        let killed = try Store.open(try folder.copy(), clock)
        let found = try killed.read([Matcher("i", .equal, "3")]).values.first
        #expect(found?.values[1] == 99 && found?.count == 720)
        try await store.flush()
        try await store.compact()
        #expect(try folder.names("segments").count == 1)
        #expect(try store.read([Matcher("i", .equal, "3")]).values.first?.values[1] == 99)
    }

    @Test("What is flushed of a day that is over is not written again; what joins it later is")
    func flushOfThePast() async throws {
        let clock = TestClock(start + 3 * day)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        func write(_ millis: Range<Int64>) async throws {
            var batch = SampleBatch()
            for step in stride(from: millis.lowerBound, to: millis.upperBound, by: 60_000) {
                batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + step), Double(step % 7))
            }
            _ = try await store.append(batch)
            try await store.flush()
        }
        func levels() -> [Int] { store.state.withLock { $0.segments.map(\.record.level) } }
        try await write(0..<day)
        #expect(levels() == [1])
        let names = try folder.names("segments")
        try await store.compact()
        #expect(try folder.names("segments") == names)
        // The day is there already.
        try await write(hour..<2 * hour)
        #expect(levels() == [1, 0])
        // The third day is not over.
        try await write(3 * day - hour..<3 * day)
        #expect(levels() == [1, 0, 0])
        try await store.compact()
        #expect(levels().allSatisfy { $0 > 0 })
        #expect(try store.read().values.first?.count == 1500)
    }

    @Test("Late samples in the log outlive a merge of the segments that they belong to")
    func replayAfterMerge() async throws {
        let clock = TestClock(start + 5 * hour)
        let folder = try TemporaryFolder()
        let store = try Store.open(folder, clock)
        func sample(_ hours: Int64, _ value: Double) async throws {
            var batch = SampleBatch()
            batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + hours * hour), value)
            _ = try await store.append(batch)
        }
        try await sample(0, 1)
        try await store.flush()
        try await sample(1, 2)
        try await store.flush()
        try await sample(0, 3)
        try await sample(2, 4)
        try await store.compact()
        #expect(try folder.names("segments").count == 1)
        let killed = try Store.open(try folder.copy(), clock)
        #expect(try killed.read().values.map(\.values) == [[3, 2, 4]])
    }

    @Test("A merge that fails leaves everything as it was")
    func failedMerge() async throws {
        let clock = TestClock(start + 23 * hour)
        let folder = try TemporaryFolder()
        let files = FailingFileSystem()
        let store = try Store.open(folder, clock) { $0.fileSystem = files }
        for value in 0..<3 {
            var batch = SampleBatch()
            batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + Int64(value)), Double(value))
            _ = try await store.append(batch)
            try await store.flush()
        }
        let before = try folder.names("segments")
        files.fail(.write)
        await #expect(throws: StorageError.self) { try await store.compact() }
        #expect(try folder.names("segments") == before)
        #expect(try store.read().values.map(\.values) == [[0, 1, 2]])
        files.fail(nil)
        try await store.compact()
        #expect(try folder.names("segments").count == 1)
        #expect(try store.read().values.map(\.values) == [[0, 1, 2]])
    }
}
