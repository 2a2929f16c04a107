import Model
import Storage
import Testing

@Suite struct NthCallTests {
    @Test(
        "whichever call fails, no write is acknowledged that a restart loses",
        arguments: MemoryFileSystem.Fault.allCases
    )
    func everyCall(fault: MemoryFileSystem.Fault) async throws {
        var call = 0
        while true {
            let folder = try ScratchFolder()
            let files = MemoryFileSystem(root: folder.path)
            let workload = Workload()
            let store = try Workload.open(files)
            files.fail(fault, call: call)
            await workload.run(store)
            let state = "\(fault) at call \(call)"
            let marks = workload.marks
            // Reads go on.
            let seen = try Workload.read(store)
            let disk = files.disk.crashed(seed: UInt64(call), blockByteCount: 512)
            let catalog = CatalogPicture(of: files.root)
            store.close()
            try checkSyncs(files.calls, state)

            let other = try ScratchFolder()
            try catalog.restore(to: other.path)
            let again = try Workload.open(MemoryFileSystem(root: other.path, disk: disk))
            let found = try Workload.read(again)
            again.close()
            check(found, workload, marks.sentCount, marks.acknowledged, state)
            check(seen, workload, marks.sentCount, marks.acknowledged, state)
            if call >= files.calls.count { break }
            call += 1
        }
        #expect(call > 100)
    }

    /// Each acknowledged sample has its value or one that was sent later; no value is there that was not
    /// sent.
    private func check(
        _ found: Samples,
        _ workload: Workload,
        _ sentCount: Int,
        _ acknowledged: Set<Int>,
        _ state: String
    ) {
        var allowed: [Labels: [Int64: Set<UInt64>]] = [:]
        var needed: Samples = [:]
        for number in 0..<sentCount {
            for (labels, column) in workload.samples(sentCount: number + 1, where: { $0 == number }) {
                for (millis, bits) in column {
                    if acknowledged.contains(number) {
                        needed[labels, default: [:]][millis] = bits
                        allowed[labels, default: [:]][millis] = [bits]
                    } else {
                        allowed[labels, default: [:]][millis, default: []].insert(bits)
                    }
                }
            }
        }
        for (labels, column) in needed {
            for millis in column.keys where found[labels]?[millis] == nil {
                Issue.record("\(state): \(labels) at \(millis) was acknowledged and is lost")
            }
        }
        for (labels, column) in found {
            for (millis, bits) in column where allowed[labels]?[millis]?.contains(bits) != true {
                Issue.record("\(state): \(labels) at \(millis) has a wrong value")
            }
        }
    }

    /// After a failed sync of a log file the log is not touched again.
    private func checkSyncs(_ calls: [MemoryFileSystem.Call], _ state: String) throws {
        guard let failed = calls.firstIndex(where: { $0.hasFailed && $0.operation == "sync" }) else { return }
        let path = calls[failed].path
        let later = calls[(failed + 1)...]
        if path.contains("/wal") {
            #expect(!later.contains { $0.operation == "write" && $0.path.contains("/wal") }, "\(state)")
        }
        guard path.hasSuffix(".log") || path.hasSuffix(".tmp") else { return }
        #expect(!later.contains { $0.operation == "sync" && $0.path == path }, "\(state)")
    }
}
