import Model
import Storage
import Synchronization
import Testing

@Suite struct CrashTests {
    /// How many states each lane tries at least.
    private static let leastStateCount = 5000

    private struct Point: Sendable {
        var picture: StorePicture
        var marks: Workload.Marks
    }

    @Test("what a stopped store leaves in its log and its segments is durable, the last mark too")
    func stop() async throws {
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let start: Int64 = 1_767_225_600_000
        let store = try Workload.open(files, now: { Timestamp(millis: start) })
        for write in 0..<30 {
            var batch = SampleBatch()
            batch.beginSeries(packed: Labels(["__name__": "m", "i": "\(write)"]).packed)
            batch.append(millis: start - Int64(write), value: 1)
            _ = try await store.append(batch)
            if write == 10 { try await store.flush() }
        }
        store.close()
        let disk = files.disk
        #expect(disk.names.keys.contains { $0.hasPrefix("wal/") })
        for (name, number) in disk.names { #expect(disk.contents[number]?.isDurable == true, "\(name)") }
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
            var marks = workload.marks
            let picture = StorePicture(disk: disk, catalog: CatalogPicture(of: files.root))
            // The catalog may be newer than the disk, and know metadata of a batch that was sent meanwhile.
            let later = workload.marks
            for index in marks.writers.indices { marks.writers[index].sent = later.writers[index].sent }
            points.withLock { $0.append(Point(picture: picture, marks: marks)) }
        }
        let store = try workload.open(files)
        await workload.run(store)
        store.close()
        let found = points.withLock { $0 }
        #expect(found.count >= 150)
        let recycled = files.calls.filter { $0.operation == "open" }
        #expect(!recycled.isEmpty, "no file of the log was written over")
        print("crash test: \(found.count) calls of \(writerCount) writers")
        let seedCount = UInt64(Lane.count(2, soak: 1250))
        var stateCount = 0
        var seed: UInt64 = 0
        // 10,000 in both lanes together, however many calls there are.
        passes: while seed < seedCount || stateCount < CrashTests.leastStateCount {
            for (call, point) in found.enumerated() {
                if seed >= seedCount, stateCount >= CrashTests.leastStateCount { break passes }
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
            seed += 1
        }
        print("crash test: \(stateCount) states of \(writerCount) writers")
    }

    /// How one differs from another, in a few words.
    private func difference(_ found: Samples, _ expected: Samples) -> String {
        var (missing, wrong, more) = (0, 0, 0)
        var example = ""
        for labels in Set(found.keys).union(expected.keys) {
            let (left, right) = (found[labels] ?? [:], expected[labels] ?? [:])
            for millis in Set(left.keys).union(right.keys) where left[millis] != right[millis] {
                if left[millis] == nil {
                    missing += 1
                } else if right[millis] == nil {
                    more += 1
                } else {
                    wrong += 1
                }
                if example.isEmpty { example = "\(labels) at \(millis)" }
            }
        }
        return "\(missing) missing, \(wrong) others, \(more) more: \(example)"
    }

    private func check(_ picture: StorePicture, _ marks: Workload.Marks, _ state: String) async throws {
        let (_folder, files) = try picture.restored()
        defer { withExtendedLifetime(_folder) {} }
        let store = try Workload.open(files, now: { marks.now })
        let found = try Workload.read(store)
        for (number, writer) in marks.writers.enumerated() {
            let own = found.filter { $0.key["writer"] == "\(number)" }
            // A batch is there as a whole or not at all, and so is all that was sent before.
            let count = writer.acknowledged.count
            let sentCount = writer.sent.count
            let candidates = (count...max(count, sentCount)).lazy.map {
                Workload.samples(of: writer, sentCount: $0, now: marks.now)
            }
            if !candidates.contains(own), let least = candidates.first {
                let text = difference(own, least)
                Issue.record("\(state), writer \(number), \(count) of \(sentCount) acknowledged: \(text)")
            }
            let metadata = store.metadata(of: "m\(number)").first
            let isKnown = (count...max(count, sentCount)).contains {
                metadata == Workload.metadata(of: writer, sentCount: $0)
            }
            #expect(isKnown, "\(state), writer \(number): \(metadata?.help ?? "no metadata")")
        }
        var batch = SampleBatch()
        let labels = Labels(["__name__": "after"])
        batch.append(labels, Timestamp(millis: 1_767_225_600_000), 7)
        _ = try await store.append(batch)
        let request = SelectRequest(matchers: [Matcher("__name__", .equal, "after")], range: .all)
        #expect(try store.select(request, budget: .unlimited()).count == 1, "\(state)")
        store.close()
    }
}
