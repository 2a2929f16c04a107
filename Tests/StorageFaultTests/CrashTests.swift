import Foundation
import Model
import Storage
import Synchronization
import Testing

@Suite struct CrashTests {
    private struct Point: Sendable {
        var disk: MemoryDisk
        var catalog: CatalogPicture
        var sentCount: Int
        var acknowledged: Set<Int>
    }

    @Test("after a loss of power at any call, what was acknowledged is there and nothing else")
    func everyCall() async throws {
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let workload = Workload()
        let points = Mutex<[Point]>([])
        files.afterEachCall { disk, _ in
            let marks = workload.marks
            let point = Point(
                disk: disk,
                catalog: CatalogPicture(of: files.root),
                sentCount: marks.sentCount,
                acknowledged: marks.acknowledged
            )
            points.withLock { $0.append(point) }
        }
        let store = try Workload.open(files)
        await workload.run(store)
        store.close()
        let found = points.withLock { $0 }
        #expect(found.count >= 150)
        let recycled = files.calls.filter { $0.operation == "open" }
        #expect(!recycled.isEmpty, "no file of the log was written over")
        let seedCount = ProcessInfo.processInfo.environment["SEXTANT_SOAK"] == "1" ? 2500 : 8
        for (call, point) in found.enumerated() {
            for seed in 0..<UInt64(seedCount) {
                for blockByteCount in [4096, 512] {
                    let state = "call \(call) seed \(seed) block \(blockByteCount)"
                    let disk = point.disk.crashed(
                        seed: seed &* 1_000_003 &+ UInt64(call),
                        blockByteCount: blockByteCount
                    )
                    try await check(disk, point, workload, state)
                }
            }
        }
    }

    private func check(_ disk: MemoryDisk, _ point: Point, _ workload: Workload, _ state: String) async throws
    {
        let folder = try ScratchFolder()
        try point.catalog.restore(to: folder.path)
        let store = try Workload.open(MemoryFileSystem(root: folder.path, disk: disk))
        let found = try Workload.read(store)
        // A batch is one record: it is there as a whole or not at all.
        let count = point.acknowledged.count
        let least = workload.samples(sentCount: count) { _ in true }
        let most = workload.samples(sentCount: point.sentCount) { _ in true }
        #expect(found == least || found == most, "\(state)")
        var batch = SampleBatch()
        let labels = Labels(["__name__": "after"])
        batch.append(labels, Timestamp(millis: 1_767_225_600_000), 7)
        _ = try await store.append(batch)
        #expect(try Workload.read(store)[labels]?.count == 1, "\(state)")
        store.close()
    }
}
