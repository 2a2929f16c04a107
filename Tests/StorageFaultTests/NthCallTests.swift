import Model
import Storage
import Testing

@Suite struct NthCallTests {
    @Test(
        "whichever call fails, no write is acknowledged that a restart loses",
        arguments: MemoryFileSystem.Fault.allCases
    )
    func everyCall(fault: MemoryFileSystem.Fault) async throws {
        // The calls of a run in which nothing fails tell which ones can fail in this way.
        let plan = try await run(nil, "no fault")
        #expect(plan.count > 100)
        let candidates = plan.indices.filter { fault.code(of: plan[$0].operation) != nil }
        #expect(!candidates.isEmpty)
        for call in candidates { _ = try await run((fault, call), "\(fault) at call \(call)") }
    }

    @Test("whichever reading fails at a start or in a query, no value is wrong and nothing is lost by it")
    func everyReading() async throws {
        let base = try ScratchFolder()
        let baseFiles = MemoryFileSystem(root: base.path)
        let workload = Workload()
        let written = try workload.open(baseFiles)
        await workload.run(written)
        _ = try await written.append(Workload.lastBatch)
        let complete = try Workload.read(written)
        written.close()
        let picture = StorePicture(disk: baseFiles.disk, catalog: CatalogPicture(of: base.path))

        var sent: [Labels: [Int64: Set<UInt64>]] = [:]
        for step in workload.marks.writers[0].sent + [.write(Workload.lastBatch)] {
            guard case .write(let batch) = step else { continue }
            for (position, series) in batch.series.enumerated() {
                for index in series.samples {
                    let bits = Workload.bits(batch.values[index], batch.histograms[index])
                    sent[batch.labels(at: position), default: [:]][batch.timestamps[index], default: []]
                        .insert(bits)
                }
            }
        }
        var number = 0
        var refusedCount = 0
        while true {
            let (folder, files) = try picture.restored()
            defer { withExtendedLifetime(folder) {} }
            files.failReading(number)
            do {
                let store = try workload.open(files)
                defer { store.close() }
                let (found, warnings) = try Workload.readTelling(store)
                // Without a file, a sample shows that a later write in that file has replaced.
                for (labels, column) in found {
                    let isRight = column.allSatisfy { sent[labels]?[$0.key]?.contains($0.value) == true }
                    #expect(isRight, "reading \(number): \(labels)")
                }
                #expect(found == complete || !warnings.isEmpty, "reading \(number)")
            } catch is StorageError {
                refusedCount += 1
            }
            let (otherFolder, other) = try StorePicture(
                disk: files.disk,
                catalog: CatalogPicture(of: folder.path)
            ).restored()
            defer { withExtendedLifetime(otherFolder) {} }
            let again = try workload.open(other)
            #expect(try Workload.read(again) == complete, "after reading \(number) failed")
            again.close()
            if files.readingCount <= number { break }
            number += 1
        }
        #expect(number > 20 && refusedCount > 0)
    }

    private func run(
        _ fault: (kind: MemoryFileSystem.Fault, call: Int)?,
        _ state: String
    ) async throws -> [MemoryFileSystem.Call] {
        let folder = try ScratchFolder()
        let files = MemoryFileSystem(root: folder.path)
        let workload = Workload()
        let store = try workload.open(files)
        if let fault { files.fail(fault.kind, call: fault.call) }
        await workload.run(store)
        let marks = workload.marks
        // Reads go on.
        let seen = try Workload.read(store)
        let picture = StorePicture(disk: files.disk, catalog: CatalogPicture(of: files.root))
        store.close()
        let calls = files.calls
        try checkSyncs(calls, state)

        let crashed = picture.crashed(seed: UInt64(fault?.call ?? 0), blockByteCount: 512)
        let (otherFolder, other) = try crashed.restored()
        defer { withExtendedLifetime(otherFolder) {} }
        let again = try workload.open(other)
        let found = try Workload.read(again)
        again.close()
        check(found, marks, state)
        check(seen, marks, state)
        return calls
    }

    /// Each acknowledged sample has its value or one that was sent later; no value is there that was not
    /// sent.
    private func check(_ found: Samples, _ marks: Workload.Marks, _ state: String) {
        var allowed: [Labels: [Int64: Set<UInt64>]] = [:]
        var needed: Samples = [:]
        for writer in marks.writers {
            for (number, step) in writer.sent.enumerated() {
                let isAcknowledged = writer.acknowledged.contains(number)
                if case .delete(let request) = step {
                    // One that failed may be in force.
                    request.apply(to: &needed)
                    guard isAcknowledged else { continue }
                    var rest = allowed.mapValues { $0.mapValues { _ in UInt64(0) } }
                    request.apply(to: &rest)
                    for (labels, column) in allowed {
                        allowed[labels] = column.filter { rest[labels]?[$0.key] != nil }
                    }
                    continue
                }
                let alone = Workload.Writer(sent: [step])
                for (labels, column) in Workload.samples(of: alone, sentCount: 1, now: marks.now) {
                    for (millis, bits) in column {
                        if isAcknowledged {
                            needed[labels, default: [:]][millis] = bits
                            allowed[labels, default: [:]][millis] = [bits]
                        } else {
                            allowed[labels, default: [:]][millis, default: []].insert(bits)
                        }
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
