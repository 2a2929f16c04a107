import Model
import Synchronization
import Testing

/// What a query may use up.
@Suite("Query budget")
struct QueryBudgetTests {
    @Test("samples and bytes count for the same memory")
    func memory() throws {
        let budget = QueryBudget(memoryLimitBytes: 1000)
        try budget.charge(samples: 10)
        try budget.charge(bytes: 840)
        #expect(budget.heldByteCount == 1000)
        #expect(throws: SourceError.tooMuchMemory(limitName: "query_memory_bytes", limitBytes: 1000)) {
            try budget.charge(bytes: 1)
        }
        budget.release(bytes: 840)
        try budget.charge(samples: 52)
        #expect(throws: SourceError.tooMuchMemory(limitName: "query_memory_bytes", limitBytes: 1000)) {
            try budget.charge(samples: 1)
        }
        budget.release(samples: 62)
        #expect(budget.heldByteCount == 0)
        #expect(budget.peakSampleCount == 62)
    }

    @Test("bytes are no samples")
    func samples() throws {
        let budget = QueryBudget(sampleLimit: 10)
        try budget.charge(bytes: 1 << 30)
        try budget.charge(samples: 10)
        #expect(throws: SourceError.tooManySamples(limit: 10)) { try budget.charge(samples: 1) }
    }

    @Test("buckets are counted by their level")
    func buckets() {
        let budget = QueryBudget.unlimited()
        budget.noteRead(.day, bucketCount: 3)
        budget.noteRead(.hour, bucketCount: 40)
        budget.noteRead(.day, bucketCount: 2)
        #expect(RollupLevel.allCases.map(budget.bucketCount) == [0, 40, 5])
    }

    @Test("queries share memory, and give back what they took, whatever failed")
    func shared() throws {
        let amount = SharedAmount()
        do {
            let first = QueryBudget(shared: (amount, 1000))
            let second = QueryBudget(shared: (amount, 1000))
            try first.charge(bytes: 600)
            try second.charge(samples: 20)
            #expect(amount.current == 920)
            #expect(
                throws: SourceError.tooMuchMemory(limitName: "all_queries_memory_bytes", limitBytes: 1000)
            ) { try second.charge(bytes: 81) }
            #expect(amount.current == 920)
            second.release(samples: 20)
            #expect(amount.current == 600)
        }
        #expect(amount.current == 0)
    }

    @Test("what gives much back says so, once for each time that much less is taken")
    func drops() {
        let dropCount = Mutex(0)
        let amount = SharedAmount(drop: 100) { dropCount.withLock { $0 += 1 } }
        var dropped: Int { dropCount.withLock { $0 } }
        #expect(amount.take(150, limit: 1000))
        amount.give(back: 99)
        #expect(dropped == 0)
        amount.give(back: 1)
        #expect(dropped == 1)
        amount.give(back: 50)
        #expect(dropped == 1 && amount.current == 0)
        #expect(amount.take(500, limit: 1000) && !amount.take(600, limit: 1000))
        amount.give(back: 500)
        #expect(dropped == 2)
    }

    @Test("held memory is charged as long as it is kept")
    func held() throws {
        let amount = SharedAmount()
        let budget = QueryBudget(memoryLimitBytes: 100, shared: (amount, 1000))
        var memory: HeldMemory? = try HeldMemory.charge(60, to: budget)
        #expect(memory != nil && amount.current == 60)
        #expect(throws: SourceError.self) { _ = try HeldMemory.charge(41, to: budget) }
        #expect(budget.heldByteCount == 60 && amount.current == 60)
        memory = nil
        #expect(budget.heldByteCount == 0 && amount.current == 0)
    }

    @Test("a cancelled query stops at every charge")
    func cancelled() {
        let budget = QueryBudget()
        budget.cancel()
        #expect(throws: SourceError.cancelled) { try budget.checkpoint() }
        #expect(throws: SourceError.cancelled) { try budget.charge(samples: 1) }
        #expect(throws: SourceError.cancelled) { try budget.charge(bytes: 1) }
    }
}
