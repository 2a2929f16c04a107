import Foundation
import Model
import Testing

@testable import Storage

@Suite struct SnapshotTests {
    private let folder: TemporaryFolder
    private let clock = TestClock(1_767_225_600_000)

    init() throws { folder = try TemporaryFolder() }

    private func write(_ store: Store, _ name: String) async throws {
        var batch = SampleBatch()
        for sample in 0..<50 {
            let time = clock.now.advanced(byMillis: Int64(sample - 50) * 15_000)
            batch.append(Labels(["__name__": name]), time, Double(sample))
        }
        batch.metadata = [MetricMetadata(name: name, kind: .gauge, help: "Help.")]
        _ = try await store.append(batch)
    }

    @Test("A snapshot is a data directory with what was there, whatever becomes of the store after it")
    func snapshot() async throws {
        let store = try Store.open(folder, clock)
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/kpi",
            withIntermediateDirectories: true
        )
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder.path)/kpi/versions.json"))
        try await write(store, "a")
        try await store.flush()
        try await write(store, "b")
        let part = try await store.snapshot("part", skipsHead: true)
        let whole = try await store.snapshot("whole", copying: ["kpi", "none"])
        let deleted = DeleteRequest(selections: [[Matcher("__name__", .equal, "a")]], range: .all)
        try await store.delete(deleted)
        let after = try await store.snapshot("after")
        try await store.cleanTombstones()
        try await write(store, "c")
        store.close()
        for (snapshot, names) in [(part, ["a"]), (whole, ["a", "b"]), (after, ["b"])] {
            var check = DirectoryCheck(snapshot.path, rebuildsCatalog: false)
            #expect(try check.run().findings.isEmpty, "\(snapshot.name)")
            let copy = try Store(
                directory: snapshot.path,
                options: StoreOptions(now: { [clock] in clock.now }),
                registry: .init(),
                logger: .init(label: "test")
            )
            #expect(try copy.read().keys.compactMap(\.metricName).sorted() == names, "\(snapshot.name)")
            #expect(copy.metadata(of: "a").count == 1)
            copy.close()
        }
        #expect(FileManager.default.contents(atPath: "\(whole.path)/kpi/versions.json") == Data("x".utf8))
        #expect(whole.sequence > part.sequence)
    }

    @Test("What is left of a snapshot that was not finished goes at the next start")
    func unfinished() async throws {
        var store = try Store.open(folder, clock)
        try await write(store, "a")
        _ = try await store.snapshot("done")
        store.close()
        let left = "\(folder.path)/snapshots/left.tmp/segments"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(left)/000000000001.seg"))
        store = try Store.open(folder, clock)
        #expect(try folder.names("snapshots") == ["done"])
        store.close()
    }
}
