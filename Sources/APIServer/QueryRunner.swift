import Model
import Synchronization
import Telemetry

/// Runs queries: through the gate, on threads of known stack, within a budget that ends when the client
/// leaves.
final class QueryRunner: Sendable {
    private struct State {
        var isStopped = false
        var nextKey = 0
        var budgets: [Int: QueryBudget] = [:]
    }

    private let limits: LimitsInForce
    private let gate: QueryGate
    private let memory = SharedAmount()
    private let threads: WorkerThreads
    private let state = Mutex(State())

    init(limits: LimitsInForce, threads: WorkerThreads, registry: Registry) {
        self.limits = limits
        gate = QueryGate(limits)
        self.threads = threads
        registry.collect("sextant_queries_running", help: "Queries that run now.", kind: .gauge) { [gate] in
            [(.empty, Double(gate.runningCount))]
        }
        registry.collect(
            "sextant_queries_waiting",
            help: "Queries that wait for others to end.",
            kind: .gauge
        ) { [gate] in
            [(.empty, Double(gate.waitingCount))]
        }
        registry.gauge("sextant_queries_running_limit", help: "The most queries that run at a time.")
            .set(Double(limits.current.concurrentQueries))
        registry.collect(
            "sextant_queries_memory_bytes",
            help: "Memory that queries and their answers hold.",
            kind: .gauge
        ) { [memory] in
            [(.empty, Double(memory.current))]
        }
    }

    /// Runs `work` as a query.
    ///
    /// - Parameters:
    ///   - connection: The client's; when it goes away the query is cancelled.
    ///   - timeLimitMillis: How long the query may run.
    ///   - work: The query; it is given its budget.
    /// - Returns: What `work` returns.
    /// - Throws: What `work` throws, or that there is no room for the query.
    func run<Value: Sendable>(
        for connection: Connection?,
        timeLimitMillis: Int64? = nil,
        _ work: @escaping @Sendable (QueryBudget) throws(APIError) -> Value
    ) async throws(APIError) -> Value {
        try await gate.enter(connection)
        defer { gate.leave() }
        let budget = QueryBudget(
            limits: limits.current,
            timeLimitMillis: timeLimitMillis,
            allQueries: memory
        )
        let key = try register(budget)
        defer { state.withLock { $0.budgets[key] = nil } }
        let hook = connection?.whenGone { budget.cancel() }
        defer {
            if let hook { connection?.remove(hook) }
        }
        let result: Result<Value, APIError>
        do {
            result = try await threads.run { () -> Result<Value, APIError> in
                Result { () throws(APIError) in try work(budget) }
            }
        } catch {
            throw .busy(error.description)
        }
        return try result.get()
    }

    /// Cancels all queries and refuses new ones.
    func stop() {
        let budgets = state.withLock { state in
            state.isStopped = true
            return state.budgets.values.map { $0 }
        }
        for budget in budgets { budget.cancel() }
    }

    private func register(_ budget: QueryBudget) throws(APIError) -> Int {
        let key: Int? = state.withLock { state in
            guard !state.isStopped else { return nil }
            state.nextKey += 1
            state.budgets[state.nextKey] = budget
            return state.nextKey
        }
        guard let key else { throw .busy("the daemon is stopping") }
        return key
    }
}
