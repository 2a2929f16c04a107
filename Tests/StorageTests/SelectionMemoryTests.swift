import Model
import Testing

@testable import Storage

/// What selected series take of a query's memory.
@Suite struct SelectionMemoryTests {
    private static let seriesCount = 3000

    private static func store(_ clock: TestClock, isFlushed: Bool) async throws -> Store {
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        for number in 0..<seriesCount {
            batch.beginSeries(packed: Labels(["__name__": "m", "series": "\(number)"]).packed)
            batch.append(millis: clock.now.millis, value: 1)
        }
        _ = try await store.append(batch)
        if isFlushed { try await store.flush() }
        return store
    }

    @Test(
        "Selected series are charged as long as they are kept, in heads and segments",
        arguments: [false, true]
    )
    func charges(isFlushed: Bool) async throws {
        let store = try await Self.store(TestClock(1_767_225_600_000), isFlushed: isFlushed)
        defer { store.close() }
        let budget = QueryBudget(memoryLimitBytes: 64 << 20)
        let request = SelectRequest(matchers: [], range: .all)
        do {
            let set = try store.select(request, budget: budget)
            #expect(set.count == Self.seriesCount)
            // In a segment they are known by their ordinals, and blocks of labels are shared.
            let perSeries = isFlushed ? 15...40 : 250...1000
            #expect(perSeries.contains(budget.heldByteCount / Self.seriesCount))
        }
        #expect(budget.heldByteCount == 0)
        let answer = try store.series(LabelRequest(), budget: budget)
        #expect(answer.items.count == Self.seriesCount)
        #expect(budget.heldByteCount == 0)
    }

    @Test("Too many are refused by the limit's name, and nothing stays charged", arguments: [false, true])
    func refuses(isFlushed: Bool) async throws {
        let store = try await Self.store(TestClock(1_767_225_600_000), isFlushed: isFlushed)
        defer { store.close() }
        let limit = isFlushed ? 50_000 : 500_000
        let budget = QueryBudget(memoryLimitBytes: limit)
        let refusal = SourceError.tooMuchMemory(limitName: "query_memory_bytes", limitBytes: limit)
        #expect(throws: refusal) {
            try store.select(SelectRequest(matchers: [], range: .all), budget: budget)
        }
        #expect(throws: refusal) { try store.series(LabelRequest(), budget: budget) }
        #expect(budget.heldByteCount == 0)
        let few = try store.series(LabelRequest(limit: 3), budget: budget)
        #expect(few.items.count == 3 && few.isTruncated)
    }
}
