import Model
import PromQL
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

    /// The most samples that a small query holds at once.
    private static let smallSampleCount = 50_000
    /// How long a query that should be small may keep its thread, in milliseconds.
    private static let smallMillis: Int64 = 5

    private let limits: LimitsInForce
    private let gate: QueryGate
    private let memory: SharedAmount
    private let threads: WorkerThreads
    private let helpers: IdleThreads
    private let telemetry: QueryTelemetry
    private let state = Mutex(State())

    init(
        limits: LimitsInForce,
        threads: WorkerThreads,
        telemetry: QueryTelemetry,
        registry: Registry
    ) {
        self.telemetry = telemetry
        let freed = FreedMemory()
        memory = SharedAmount(drop: FreedMemory.leastByteCount) { freed.giveBackSoon() }
        helpers = IdleThreads(threads: threads, limit: APIConfiguration.coreCount)
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
    ///   - origin: What it is, for telemetry; nil if nobody asked it.
    ///   - timeLimitMillis: How long the query may run.
    ///   - work: The query; it is given its budget.
    /// - Returns: What `work` returns.
    /// - Throws: What `work` throws, or that there is no room for the query.
    func run<Value: Sendable>(
        for connection: Connection?,
        _ origin: QueryOrigin? = QueryOrigin(),
        timeLimitMillis: Int64? = nil,
        _ work: @escaping @Sendable (QueryBudget) throws(APIError) -> Value
    ) async throws(APIError) -> Value {
        let asked = ContinuousClock.now
        try await gate.enter(connection)
        defer { gate.leave() }
        let budget = QueryBudget(
            limits: limits.current,
            timeLimitMillis: timeLimitMillis,
            allQueries: memory,
            helpers: helpers
        )
        let key = try register(budget)
        defer { state.withLock { $0.budgets[key] = nil } }
        let hook = connection?.whenGone { budget.cancel() }
        defer {
            if let hook { connection?.remove(hook) }
        }
        let result: Result<Value, APIError>
        do {
            result = try await threads.run { [telemetry] () -> Result<Value, APIError> in
                let (began, beganThread) = (ContinuousClock.now, ThreadTime.now)
                let result = Result { () throws(APIError) in try work(budget) }
                guard let origin else { return result }
                var isFailed = false
                if case .failure = result { isFailed = true }
                let cost = QueryTelemetry.Cost(
                    waited: asked.duration(to: began),
                    took: began.duration(to: .now),
                    processor: ThreadTime.now - beganThread + budget.helpTime,
                    sampleCount: budget.scannedSampleCount,
                    isFailed: isFailed
                )
                telemetry.note(origin, cost)
                return result
            }
        } catch {
            throw .busy(error.description)
        }
        return try result.get()
    }

    /// Runs `work` as a query that is known to be small, on the calling thread, which it does not keep long.
    ///
    /// It needs no place among the queries that run: it is over before one would be free, and a dashboard's
    /// small queries do not wait for long ones.
    ///
    /// - Parameters:
    ///   - origin: What it is, for telemetry.
    ///   - source: What it reads.
    ///   - work: The query; it is given its budget.
    /// - Returns: What `work` returns; nil if it failed, would have to wait for a disk or is not small: then
    ///   it has to be run as any other.
    func runSmall<Value>(
        _ origin: QueryOrigin,
        _ source: any SeriesSource,
        _ work: (QueryBudget) throws(APIError) -> Value
    ) -> Value? {
        guard !state.withLock({ $0.isStopped }) else { return nil }
        let limits = limits.current
        let budget = QueryBudget(
            sampleLimit: min(limits.samplesPerQuery, QueryRunner.smallSampleCount),
            memoryLimitBytes: limits.queryMemoryBytes,
            seriesLimit: limits.seriesPerAnswer,
            timeLimitMillis: min(Int64(limits.queryTimeout), QueryRunner.smallMillis),
            shared: (memory, limits.allQueriesMemoryBytes)
        )
        let began = ContinuousClock.now
        var value: Value?
        let isWhole = source.withoutWaiting {
            // What fails here is asked again, and then told of.
            value = try? work(budget)
        }
        guard isWhole, let value else { return nil }
        // So short a time the thread has to itself.
        let took = began.duration(to: .now)
        let cost = QueryTelemetry.Cost(
            waited: .zero,
            took: took,
            processor: took,
            sampleCount: budget.scannedSampleCount,
            isFailed: false
        )
        telemetry.note(origin, cost)
        return value
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

/// The query threads that have nothing to do, for large queries.
private struct IdleThreads: SpareThreads {
    let threads: WorkerThreads
    /// More threads than processors do not help.
    let limit: Int

    func tryRun(_ work: @escaping @Sendable () -> Void) -> Bool {
        threads.tryRun(limit: limit, work)
    }
}
