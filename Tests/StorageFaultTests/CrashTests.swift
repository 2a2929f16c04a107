import Model
import Storage
import Synchronization
import Testing

@Suite struct CrashTests {
    private struct Point: Sendable {
        var picture: StorePicture
        var marks: Workload.Marks
    }

    @Test(
        "after a loss of power at any call, what was acknowledged is there and nothing else",
        arguments: [1, 3]
    )
    func everyCall(writerCount: Int) async throws {
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let workload = Workload(writerCount: writerCount)
        let points = Mutex<[Point]>([])
        files.afterEachCall { disk, _ in
            let marks = workload.marks
            let picture = StorePicture(disk: disk, catalog: CatalogPicture(of: files.root))
            points.withLock { $0.append(Point(picture: picture, marks: marks)) }
        }
        let store = try workload.open(files)
        await workload.run(store)
        store.close()
        let found = points.withLock { $0 }
        #expect(found.count >= 150)
        let recycled = files.calls.filter { $0.operation == "open" }
        #expect(!recycled.isEmpty, "no file of the log was written over")
        let seedCount = UInt64(Lane.count(12, soak: 1250))
        var stateCount = 0
        for (call, point) in found.enumerated() {
            for seed in 0..<seedCount {
                for blockByteCount in [4096, 512] {
                    let picture = point.picture.crashed(
                        seed: seed &* 1_000_003 &+ UInt64(call),
                        blockByteCount: blockByteCount
                    )
                    let state = "\(writerCount) writers, call \(call), seed \(seed), block \(blockByteCount)"
                    try await check(picture, point.marks, state)
                    stateCount += 1
                }
            }
        }
        print("crash test: \(stateCount) states of \(writerCount) writers")
    }

    private func check(_ picture: StorePicture, _ marks: Workload.Marks, _ state: String) async throws {
        let (_folder, files) = try picture.restored()
        defer { withExtendedLifetime(_folder) {} }
        let store = try Workload.open(files, now: { marks.now })
        let found = try Workload.read(store)
        for (number, writer) in marks.writers.enumerated() {
            let own = found.filter { $0.key["writer"] == "\(number)" }
            // A batch is one record: it is there as a whole or not at all.
            let count = writer.acknowledged.count
            let least = Workload.samples(of: writer, sentCount: count, now: marks.now)
            let most = Workload.samples(of: writer, sentCount: writer.sent.count, now: marks.now)
            #expect(own == least || own == most, "\(state), writer \(number)")
            let metadata = store.metadata(of: "m\(number)").first
            let isKnown =
                metadata == Workload.metadata(of: writer, sentCount: count)
                || metadata == Workload.metadata(of: writer, sentCount: writer.sent.count)
            #expect(isKnown, "\(state), writer \(number): \(metadata?.help ?? "no metadata")")
        }
        var batch = SampleBatch()
        let labels = Labels(["__name__": "after"])
        batch.append(labels, Timestamp(millis: 1_767_225_600_000), 7)
        _ = try await store.append(batch)
        #expect(try Workload.read(store)[labels]?.count == 1, "\(state)")
        store.close()
    }
}
