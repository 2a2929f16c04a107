import Model
import Synchronization

/// Stops what is computed of the past.
final class PastCancellation: Sendable {
    private struct State {
        var isCancelled = false
        var budget: QueryBudget?
    }

    private let state = Mutex(State())

    /// A budget for one query, which ends when everything is cancelled.
    func budget(_ limits: Limits) -> QueryBudget {
        let budget = QueryBudget(limits: limits)
        let isCancelled = state.withLock { state in
            state.budget = budget
            return state.isCancelled
        }
        if isCancelled { budget.cancel() }
        return budget
    }

    /// Ends the query that is running, and all further ones.
    func cancel() {
        let budget = state.withLock { state in
            state.isCancelled = true
            return state.budget
        }
        budget?.cancel()
    }

    /// Throws once everything was cancelled.
    func check() throws {
        if state.withLock({ $0.isCancelled }) { throw CancellationError() }
    }
}
