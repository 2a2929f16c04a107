import Model
import Testing

@testable import Storage

private let day: Int64 = 86_400_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// What is read into the system's memory before it is wanted.
@Suite struct ReadAheadTests {
    @Test("A start reads the newest segments ahead, whole, and the answers are the same")
    func newestFirst() async throws {
        let folder = try TemporaryFolder()
        let clock = TestClock(start + 9 * day)
        var written: [Labels: SampleColumn] = [:]
        do {
            let store = try Store.open(folder, clock)
            defer { store.close() }
            for number in [3, 1, 5] {
                var batch = SampleBatch()
                for series in 0..<300 {
                    let labels = Labels(["__name__": "m", "series": "\(series)", "day": "\(number)"])
                    batch.append(labels, Timestamp(millis: start + Int64(number) * day), Double(series))
                }
                _ = try await store.append(batch)
                try await store.flush()
            }
            written = try store.read()
        }
        let files = WatchedFileSystem()
        let store = try Store.open(folder, clock) { $0.fileSystem = files }
        defer { store.close() }
        store.maintenance.sync {}
        let segments = store.state.withLock { $0.segments }
            .sorted { $0.record.range.end > $1.record.range.end }
        #expect(segments.count == 3)
        let asked = files.readAheads
        #expect(asked.map(\.path) == segments.map(\.path))
        #expect(asked.map(\.bytes) == segments.map { 0..<$0.record.byteCount })
        #expect(try store.read().mapValues(\.bits) == written.mapValues(\.bits))
    }

    @Test("Of a segment that is larger than what is left the end is read, where its tables are")
    func endOfLarge() async throws {
        let files = WatchedFileSystem()
        let store = try Store.open(try TemporaryFolder(), TestClock(start)) { $0.fileSystem = files }
        defer { store.close() }
        var batch = SampleBatch()
        for series in 0..<300 {
            batch.append(Labels(["__name__": "m", "series": "\(series)"]), Timestamp(millis: start), 1)
        }
        _ = try await store.append(batch)
        try await store.flush()
        let segment = try #require(store.state.withLock { $0.segments.first })
        let size = segment.record.byteCount
        #expect(segment.readAhead(100) == 100 && segment.readAhead(1 << 30) == size)
        #expect(files.readAheads.map(\.bytes) == [size - 100..<size, 0..<size])
    }
}
