import Foundation
import Model
import Testing

@testable import Storage

@Suite("A change of the retention policy")
struct RetentionChangeTests {
    private let day: Int64 = 86_400_000
    private let start: Int64 = 1_700_006_400_000

    private func store(_ folder: TemporaryFolder, _ clock: TestClock) async throws -> Store {
        let store = try Store.open(folder, clock) { $0.mergesInBackground = false }
        for (keep, count) in [("long", 3), ("short", 5)] {
            var batch = SampleBatch()
            for sample in 0..<count {
                let time = Timestamp(millis: start + Int64(sample) * day)
                batch.append(Labels(["__name__": "m", "keep": keep]), time, Double(sample))
            }
            _ = try await store.append(batch)
        }
        clock.now = Timestamp(millis: start + 5 * day)
        try await store.flush()
        return store
    }

    private func policy(_ shortMillis: Int64?) -> RetentionPolicy {
        RetentionPolicy(
            defaultRawMillis: nil,
            rules: [.init(matchers: [Matcher("keep", .equal, "short")], rawMillis: shortMillis)]
        )
    }

    @Test("Figures tell by rule what a policy would decide about and what it would delete")
    func figures() async throws {
        let store = try await store(try TemporaryFolder(), TestClock(start + 4 * day))
        let shares = try store.retentionFigures(under: policy(2 * day), budget: .unlimited()).shares
        #expect(shares.map(\.seriesCount) == [1, 1])
        #expect(shares.map(\.sampleCount) == [5, 3])
        #expect(shares.map(\.oldest) == [Timestamp(millis: start), Timestamp(millis: start)])
        #expect(shares[0].lostSampleCount == 3)
        #expect(shares[0].losingSeriesCount == 1)
        #expect(shares[1].lostSampleCount == 0)
        #expect(shares.allSatisfy { $0.byteCount > 0 })
        store.close()
    }

    @Test("Figures stop when nobody waits for them any more")
    func cancelled() async throws {
        let store = try await store(try TemporaryFolder(), TestClock(start + 4 * day))
        let budget = QueryBudget.unlimited()
        budget.cancel()
        #expect(throws: SourceError.cancelled) {
            try store.retentionFigures(under: policy(2 * day), budget: budget)
        }
        store.close()
    }

    @Test("A policy that deletes nothing is in force at once")
    func harmless() async throws {
        let store = try await store(try TemporaryFolder(), TestClock(start + 4 * day))
        #expect(try store.setRetention(policy(30 * day), graceMillis: 600_000) == .inForce)
        #expect(store.retentionDue == nil)
        store.close()
    }

    @Test("A policy that would delete data waits, and then deletes it")
    func waits() async throws {
        let clock = TestClock(start + 4 * day)
        let store = try await store(try TemporaryFolder(), clock)
        let due = Timestamp(millis: start + 5 * day + 600_000)
        let change = try store.setRetention(policy(2 * day), graceMillis: 600_000)
        #expect(change == .waits(until: due, lostSampleCount: 3, losingSeriesCount: 1))
        clock.advance(byMillis: 300_000)
        // Setting it again does not prolong the wait.
        #expect(try store.setRetention(policy(2 * day), graceMillis: 600_000) == change)
        store.applyPendingRetention()
        #expect(store.retentionDue == due)
        #expect(try store.read([Matcher("keep", .equal, "short")]).values.map(\.count) == [5])
        clock.advance(byMillis: 300_000)
        store.applyPendingRetention()
        #expect(store.retentionDue == nil)
        // Ten minutes later, the next one has expired, too.
        #expect(try store.read([Matcher("keep", .equal, "short")]).values.map(\.count) == [1])
        #expect(try store.read([Matcher("keep", .equal, "long")]).values.map(\.count) == [3])
        store.close()
    }

    @Test("A policy that waits is forgotten when another is set")
    func takenBack() async throws {
        let clock = TestClock(start + 4 * day)
        let store = try await store(try TemporaryFolder(), clock)
        _ = try store.setRetention(policy(2 * day), graceMillis: 600_000)
        #expect(try store.setRetention(policy(nil), graceMillis: 600_000) == .inForce)
        clock.advance(byMillis: day)
        store.applyPendingRetention()
        #expect(try store.read([Matcher("keep", .equal, "short")]).values.map(\.count) == [5])
        store.close()
    }

    @Test("A store that is asked to begins with the policy of its last run; one that is not forgets it")
    func start() async throws {
        let folder = try TemporaryFolder()
        let clock = TestClock(start + 4 * day)
        try await store(folder, clock).close()
        let short = policy(2 * day)
        func count(_ edit: (inout StoreOptions) -> Void) throws -> (Int?, RetentionPolicy) {
            let store = try Store.open(folder, clock) {
                $0.mergesInBackground = false
                edit(&$0)
            }
            defer { store.close() }
            let found = try store.read([Matcher("keep", .equal, "short")]).values.first
            return (found?.count, store.retentionPolicy)
        }
        // The first run had none.
        var found = try count {
            $0.retention = short
            $0.keepsRetention = true
        }
        #expect(found.0 == 5 && found.1 == .keepForever)
        found = try count { $0.retention = short }
        #expect(found.0 == 2 && found.1 == short)
        // It was noted: now that one is kept.
        found = try count {
            $0.retention = policy(day)
            $0.keepsRetention = true
        }
        #expect(found.0 == 2 && found.1 == short)
        // Without a catalog nobody knows how long the data were to be kept.
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
        where name.hasPrefix("catalog.sqlite") {
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
        }
        found = try count {
            $0.retention = policy(day)
            $0.keepsRetention = true
        }
        #expect(found.0 == 2 && found.1 == .keepForever)
        // An empty one has nothing to keep.
        let empty = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = short
            $0.keepsRetention = true
        }
        #expect(empty.retentionPolicy == short)
        empty.close()
    }
}
