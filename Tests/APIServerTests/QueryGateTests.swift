import Dispatch
import Model
import Synchronization
import Telemetry
import Testing

@testable import APIServer

@Suite struct QueryGateTests {
    private func gateLimits(
        concurrentQueries: Int,
        waitingQueries: Int = 64,
        waitMillis: Int = 5000
    ) -> LimitsInForce {
        var limits = Limits.default
        limits.concurrentQueries = concurrentQueries
        limits.queuedQueries = waitingQueries
        limits.queryWait = waitMillis
        return LimitsInForce(limits)
    }

    @Test("what finds no room and no place in the line is refused at once")
    func refusesWhenFull() async throws {
        let gate = QueryGate(gateLimits(concurrentQueries: 1, waitingQueries: 0))
        try await gate.enter(nil)
        await #expect(throws: APIError.self) { try await gate.enter(nil) }
        gate.leave()
        try await gate.enter(nil)
        #expect(gate.runningCount == 1)
    }

    @Test("who waits too long is refused")
    func refusesAfterWait() async throws {
        let gate = QueryGate(gateLimits(concurrentQueries: 1, waitingQueries: 1, waitMillis: 1))
        try await gate.enter(nil)
        do {
            try await gate.enter(nil)
            Issue.record("the gate let a second query in")
        } catch {
            #expect(error.statusCode == 503)
            #expect(error.message.contains("waited 1ms"))
        }
        #expect(gate.waitingCount == 0)
    }

    @Test("a client that leaves the line frees its place")
    func leavesLine() async throws {
        let gate = QueryGate(gateLimits(concurrentQueries: 1, waitingQueries: 1, waitMillis: 3_600_000))
        try await gate.enter(nil)
        let connection = Connection()
        let waiting = Task { try await gate.enter(connection) }
        while gate.waitingCount == 0 { await Task.yield() }
        connection.markGone()
        await #expect(throws: APIError.self) { try await waiting.value }
        #expect(gate.waitingCount == 0)
    }

    @Test("a client that left before it came is not let in to wait")
    func refusesGoneClient() async throws {
        let gate = QueryGate(gateLimits(concurrentQueries: 1, waitMillis: 3_600_000))
        try await gate.enter(nil)
        let connection = Connection()
        connection.markGone()
        await #expect(throws: APIError.self) { try await gate.enter(connection) }
    }

    @Test("never more than allowed run, and all get through")
    func limitsConcurrency() async throws {
        let gate = QueryGate(gateLimits(concurrentQueries: 3, waitingQueries: 100, waitMillis: 3_600_000))
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await gate.enter(nil)
                    tally.begin()
                    await Task.yield()
                    tally.end()
                    gate.leave()
                }
            }
            try await group.waitForAll()
        }
        #expect((1...3).contains(tally.most))
        #expect(gate.runningCount == 0)
        #expect(gate.waitingCount == 0)
    }
}

/// How many run at a time.
private final class Tally: Sendable {
    private let counts = Mutex((running: 0, most: 0))

    var most: Int { counts.withLock { $0.most } }

    func begin() {
        counts.withLock { counts in
            counts.running += 1
            counts.most = max(counts.most, counts.running)
        }
    }

    func end() {
        counts.withLock { $0.running -= 1 }
    }
}

@Suite struct WorkerThreadsTests {
    @Test("work runs and gives its value, more of it than there are threads")
    func runsWork() async throws {
        let threads = try WorkerThreads(count: 2)
        defer { threads.stop() }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<200 { group.addTask { try await threads.run { number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 199 * 100)
    }

    @Test("the stack has the size asked for")
    func hasStack() async throws {
        let threads = try WorkerThreads(count: 1, stackByteCount: 64 << 20)
        defer { threads.stop() }
        // Far deeper than the usual 8 MiB allow.
        let depth = try await threads.run { WorkerThreadsTests.recurse(300_000) }
        #expect(depth == 300_000)
    }

    @Test("after a stop work is refused")
    func refusesAfterStop() async throws {
        let threads = try WorkerThreads(count: 1)
        threads.stop()
        await #expect(throws: WorkerThreads.Failure.self) { try await threads.run { 1 } }
    }

    @Test("help comes only while fewer threads than the limit are at work")
    func help() async throws {
        let threads = try WorkerThreads(count: 3)
        defer { threads.stop() }
        let (begun, go) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        async let busy: Void = threads.run {
            begun.signal()
            go.wait()
        }
        try await threads.run { begun.wait() }
        // The second thread may not have noted yet that it is idle again.
        while !threads.tryRun(limit: 2, { go.wait() }) { await Task.yield() }
        #expect(!threads.tryRun(limit: 2) {})
        #expect(!threads.tryRun(limit: 1) {})
        go.signal()
        go.signal()
        try await busy
    }

    /// Recurses with a frame of at least a hundred bytes.
    @inline(never)
    private static func recurse(_ depth: Int, _ a: Int = 1, _ b: Int = 2, _ c: Int = 3) -> Int {
        guard depth > 0 else { return 0 }
        return recurse(depth - 1, b, c, a) + max(1, min(a, b, c))
    }
}
