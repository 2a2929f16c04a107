import APIServer
import KPI
import Logging
import Model
import Synchronization

/// Computes values of metrics that are kept, in the background: pasts that were asked for, and what has come
/// since.
final class KPIWork: Sendable {
    /// How often it looks for pasts that were asked for, in milliseconds.
    private static let everyMillis = 200
    /// How often it computes what has come since, in such looks.
    private static let looksBetween = 150

    private struct State {
        var isStopped = false
        var budget: QueryBudget?
    }

    private let kpis: KPIService
    private let backfills: Backfills
    private let limits: LimitsInForce
    private let threads: WorkerThreads
    private let logger: Logger
    private let state = Mutex(State())

    /// Work for `kpis` and `backfills` on a thread of its own.
    ///
    /// - Throws: That the system does not give a thread.
    init(_ kpis: KPIService, _ backfills: Backfills, limits: LimitsInForce, logger: Logger) throws {
        self.kpis = kpis
        self.backfills = backfills
        self.limits = limits
        self.logger = logger
        threads = try WorkerThreads(count: 1)
    }

    /// Works until its task is cancelled.
    func run() async {
        var lookCount = 0
        for await _ in AsyncTicks(everyMillis: KPIWork.everyMillis) {
            lookCount += 1
            let isTime = lookCount % KPIWork.looksBetween == 0
            try? await threads.run { [self] in
                while backfills.step(budget()), !isStopped {}
                if isTime { keepUp() }
            }
        }
    }

    /// Ends the work at once; what it is about begins anew after the next start.
    func stop() {
        let budget = state.withLock { state in
            state.isStopped = true
            return state.budget
        }
        budget?.cancel()
        threads.stop()
    }

    private var isStopped: Bool { state.withLock { $0.isStopped } }

    private func keepUp() {
        do throws(SourceError) {
            try kpis.keepUp(budget: budget)
        } catch {
            guard error != .cancelled else { return }
            logger.warning("values of metrics cannot be computed", metadata: ["error": "\(error)"])
        }
    }

    private func budget() -> QueryBudget {
        let budget = QueryBudget(limits: limits.current)
        let isStopped = state.withLock { state in
            state.budget = budget
            return state.isStopped
        }
        if isStopped { budget.cancel() }
        return budget
    }
}
