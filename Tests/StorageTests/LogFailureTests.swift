import Glibc
import Model
import Testing

@testable import Storage

@Suite("The log when the disk fails")
struct LogFailureTests {
    /// Tries to write and says why that was refused, or nil.
    private func refusal(_ bench: LogBench, _ value: Int) async throws -> String? {
        do throws(SinkError) {
            let epoch = try bench.log.beginWrite()
            guard let commit = bench.log.append(LogBench.content(value), epoch: epoch) else { return "late" }
            try await commit.wait()
            return nil
        } catch {
            return error.description
        }
    }

    @Test("a failed write refuses that write only, and its torn bytes are in nobody's way")
    func failedWrite() async throws {
        for code in [ENOSPC, EIO] {
            let bench = try LogBench()
            try await bench.write(1)
            bench.files.fail(.write, code: code)
            let text = try #require(try await refusal(bench, 2))
            #expect(text.contains("cannot write"))
            try await bench.write(3)
            #expect(try bench.read().values == [1, 3])
            let reports = try bench.read().reports
            #expect(reports.allSatisfy { $0.hasEnd && $0.damagedCount == 0 && $0.tornByteCount == 0 })
            #expect(reports.allSatisfy { $0.fileByteCount == $0.byteCount + LogFile.endMarkByteCount })
        }
    }

    @Test("torn bytes that cannot be cut off are not taken for a record")
    func failedTruncate() async throws {
        let bench = try LogBench()
        try await bench.write(1)
        bench.files.fail(.write, lasting: true)
        bench.files.fail(.truncate, lasting: true)
        #expect(try await refusal(bench, 2) != nil)
        bench.files.heal()
        try await bench.write(3)
        let (values, reports) = try bench.read()
        #expect(values == [1, 3])
        #expect(reports.allSatisfy { $0.damagedCount == 0 })
        #expect(reports.first.map { $0.tornByteCount > 0 } == true)
    }

    @Test("of writes in one group none is acknowledged if the write fails")
    func failedGroup() async throws {
        let bench = try LogBench()
        try await bench.write(0)
        bench.files.holdSyncs()
        let first = try bench.begin(1)
        while bench.files.count(.write) < 3 { await Task.yield() }
        let others = try (2..<6).map { try bench.begin($0) }
        bench.files.fail(.write)
        bench.files.letSyncsGo()
        try await first.wait()
        for other in others { await #expect(throws: SinkError.self) { try await other.wait() } }
        try await bench.write(6)
        #expect(try bench.read().values == [0, 1, 6])
    }

    @Test("a write made for a file that is over is told so")
    func lateWrite() async throws {
        let bench = try LogBench()
        let epoch = try bench.log.beginWrite()
        bench.files.fail(.create, code: EMFILE)
        #expect(try await refusal(bench, 1) != nil)
        #expect(bench.log.append(LogBench.content(2), epoch: epoch) == nil)
    }

    @Test("a file that cannot be made refuses the write and is tried again; no empty files pile up")
    func failedCreate() async throws {
        for (call, code) in [(WatchedFileSystem.Call.create, EMFILE), (.write, ENOSPC)] {
            let bench = try LogBench()
            bench.files.fail(call, code: code, lasting: true)
            for value in 0..<5 { #expect(try await refusal(bench, value) != nil) }
            #expect(try bench.numbers().isEmpty)
            bench.files.heal()
            try await bench.write(7)
            #expect(try bench.read().values == [7])
            #expect(try bench.numbers().count == 1)
        }
    }

    @Test("while the log cannot be written it is not tried again at once")
    func retryTime() async throws {
        let bench = try LogBench { $0.retryMillis = 3_600_000 }
        bench.files.fail(.create)
        #expect(try await refusal(bench, 1) != nil)
        let text = try #require(try await refusal(bench, 2))
        #expect(text.contains("cannot create"))
        #expect(bench.files.count(.create) == 1)
    }

    @Test(
        "after a failed sync nothing is written or synced any more",
        arguments: [Durability.fsync, .interval]
    )
    func failedSync(durability: Durability) async throws {
        let bench = try LogBench { $0.durability = durability }
        try await bench.write(1)
        bench.files.fail(.sync)
        if durability == .fsync {
            let text = try #require(try await refusal(bench, 2))
            #expect(text.contains("until the daemon is restarted"))
        } else {
            try await bench.write(2)
            bench.log.syncNow()
            bench.log.settle()
        }
        let syncs = bench.files.count(.sync)
        let writes = bench.files.count(.write)
        for value in 3..<6 {
            let text = try #require(try await refusal(bench, value))
            #expect(text.contains("until the daemon is restarted"))
        }
        bench.log.syncNow()
        bench.log.removeFiles(below: bench.log.beginFile())
        bench.log.close()
        #expect(bench.files.count(.sync) == syncs)
        #expect(bench.files.count(.write) == writes)
    }

    @Test("with durability interval the sync comes from outside, and only if there is something to sync")
    func interval() async throws {
        let bench = try LogBench { $0.durability = .interval }
        try await bench.write(1)
        let before = bench.files.count(.sync)
        try await bench.write(2)
        #expect(bench.files.count(.sync) == before)
        bench.log.syncNow()
        bench.log.syncNow()
        bench.log.settle()
        #expect(bench.files.count(.sync) == before + 1)
    }

    @Test("a failed sync of the old file at a change of files stays in force", arguments: Durability.allCases)
    func failedSyncAtRoll(durability: Durability) async throws {
        let bench = try LogBench {
            $0.durability = durability
            $0.logFileBytes = 1
        }
        try await bench.write(1)
        bench.files.fail(.sync)
        if durability == .os {
            try await bench.write(2)
            #expect(bench.files.count(.sync) == 0)
        } else {
            #expect(try await refusal(bench, 2) != nil)
            let text = try #require(try await refusal(bench, 3))
            #expect(text.contains("until the daemon is restarted"))
        }
    }

    @Test("what fails while a file is overwritten costs that write only", arguments: 0..<4)
    func failedRecycling(step: Int) async throws {
        let bench = try LogBench { $0.logFileBytes = 64 << 10 }
        for value in 0..<4 { try await bench.write(value, sampleCount: 4000) }
        bench.log.removeFiles(below: bench.log.beginFile())
        bench.log.settle()
        #expect(try bench.folder.names("").filter { $0.hasSuffix(".spare") }.count == 1)
        let call = [WatchedFileSystem.Call.rename, .open, .write, .sync][step]
        bench.files.fail(call)
        #expect(try await refusal(bench, 5) != nil)
        if call == .sync {
            #expect(try await refusal(bench, 6) != nil)
        } else {
            #expect(try bench.folder.names("").isEmpty)
            try await bench.write(6)
            #expect(try bench.read().values == [6])
        }
    }

    @Test("a crash at any step of overwriting leaves no old record in the new file")
    func crashWhileRecycling() async throws {
        let bench = try LogBench { $0.logFileBytes = 64 << 10 }
        for value in 0..<4 { try await bench.write(value, sampleCount: 4000) }
        bench.log.removeFiles(below: bench.log.beginFile())
        bench.log.settle()
        // Renamed but not overwritten yet, as a crash may leave it.
        let copy = try bench.folder.copy()
        let spare = try #require(try copy.names("").first { $0.hasSuffix(".spare") })
        try PosixFileSystem().rename("\(copy.path)/\(spare)", to: "\(copy.path)/\(LogFile.name(50))")
        let (values, reports) = try LogBench(copy).read()
        #expect(values.isEmpty)
        #expect(reports.map(\.damagedCount) == [0])
    }

    @Test("a file that cannot be deleted is tried again, one that is gone already is no matter")
    func failedRemove() async throws {
        let bench = try LogBench()
        for value in 0..<3 {
            try await bench.write(value)
            _ = bench.log.beginFile()
        }
        bench.files.fail(.remove)
        bench.log.removeFiles(below: 3)
        bench.log.settle()
        #expect(try bench.numbers() == [1, 2, 3])
        try PosixFileSystem().remove("\(bench.folder.path)/\(LogFile.name(1))")
        bench.log.removeFiles(below: 3)
        bench.log.settle()
        #expect(try bench.numbers() == [3])
        #expect(bench.telemetry.fileErrors.value == 1)
    }

    @Test("every call may fail once, and what was acknowledged is there", arguments: 0..<60)
    func anyCall(nth: Int) async throws {
        for call in [WatchedFileSystem.Call.create, .open, .write, .sync, .truncate, .rename, .remove] {
            for isLasting in [false, true] {
                let bench = try LogBench { $0.logFileBytes = 2048 }
                bench.files.fail(call, skipping: nth, code: ENOSPC, lasting: isLasting)
                var needed: [Int] = []
                for value in 0..<30 {
                    if value == 15 {
                        bench.log.removeFiles(below: bench.log.beginFile())
                        bench.log.settle()
                        needed = []
                    }
                    if try await refusal(bench, value, sampleCount: 300) == nil { needed.append(value) }
                }
                let (values, reports) = try bench.read()
                let place = "\(call) \(nth) lasting \(isLasting)"
                #expect(Set(values).isSuperset(of: needed), "\(place)")
                #expect(values == Array(Set(values)).sorted(), "\(place)")
                #expect(reports.allSatisfy { $0.damagedCount == 0 }, "\(place)")
            }
        }
    }

    private func refusal(_ bench: LogBench, _ value: Int, sampleCount: Int) async throws -> String? {
        do {
            try await bench.write(value, sampleCount: sampleCount)
            return nil
        } catch let error as SinkError {
            return error.description
        }
    }
}
