import Model
import Synchronization

/// Lets a bounded number of queries run at a time; the others wait in line, for a bounded time.
final class QueryGate: Sendable {
    private typealias Waiter = CheckedContinuation<Refusal?, Never>

    /// Why a query may not run.
    private enum Refusal: Sendable {
        case full
        case waitedTooLong
        case clientGone
    }

    private struct State {
        var runningCount = 0
        var nextTicket = 0
        /// In the order in which they came, because tickets rise; each waits up to its deadline.
        var waiters: [(ticket: Int, waiter: Waiter, deadline: ContinuousClock.Instant)] = []
        /// When deadlines are looked at next; nil if nobody waits, as far as is known.
        var timedUntil: ContinuousClock.Instant?
        /// Tickets that are on their way into the line, and those of them whose client left meanwhile.
        var arriving: Set<Int> = []
        var abandoned: Set<Int> = []
    }

    private let limits: LimitsInForce
    private let state = Mutex(State())

    /// A gate that lets through what `limits` allow.
    init(_ limits: LimitsInForce) {
        self.limits = limits
    }

    /// The number of queries that run now.
    var runningCount: Int { state.withLock { $0.runningCount } }
    /// The number of queries that wait now.
    var waitingCount: Int { state.withLock { $0.waiters.count } }

    /// Waits until a query may run; `leave` has to follow once it is done.
    ///
    /// - Parameter connection: The client's; the wait ends when it goes away.
    /// - Throws: That there is no room; then `leave` must not follow.
    func enter(_ connection: Connection?) async throws(APIError) {
        guard let ticket = enterOrTakeTicket() else { return }
        let limits = limits.current
        let deadline = ContinuousClock.now.advanced(by: .milliseconds(limits.queryWait))
        let hook = connection?.whenGone { self.refuse(ticket, .clientGone) }
        let refusal: Refusal? = await withCheckedContinuation { waiter in
            self.lineUp(ticket, waiter, until: deadline)
        }
        if let hook { connection?.remove(hook) }
        switch refusal {
        case nil: return
        case .full:
            throw .busy(
                "too many queries: \(limits.concurrentQueries) run (limit concurrent_queries) and "
                    + "\(limits.queuedQueries) wait (limit queued_queries) already"
            )
        case .waitedTooLong:
            throw .busy(
                "the query waited \(DurationText.format(millis: Int64(limits.queryWait))) (limit query_wait) "
                    + "for one of the \(limits.concurrentQueries) others to end; try again later"
            )
        case .clientGone:
            throw APIError(.canceled, "query was canceled in query queue")
        }
    }

    /// Notes that a query is done, and lets the next one run.
    func leave() {
        let next: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.runningCount -= 1
                return nil
            }
            return state.waiters.removeFirst().waiter
        }
        next?.resume(returning: nil)
    }

    /// Enters if there is room (nil), else gives a ticket for the line.
    private func enterOrTakeTicket() -> Int? {
        state.withLock { state in
            if state.runningCount < limits.current.concurrentQueries {
                state.runningCount += 1
                return nil
            }
            state.nextTicket += 1
            state.arriving.insert(state.nextTicket)
            return state.nextTicket
        }
    }

    private func lineUp(_ ticket: Int, _ waiter: Waiter, until deadline: ContinuousClock.Instant) {
        var isTimed = true
        let (isDecided, refusal): (Bool, Refusal?) = state.withLock { state in
            state.arriving.remove(ticket)
            if state.abandoned.remove(ticket) != nil { return (true, .clientGone) }
            if state.runningCount < limits.current.concurrentQueries {
                state.runningCount += 1
                return (true, nil)
            }
            if state.waiters.count >= limits.current.queuedQueries { return (true, .full) }
            state.waiters.append((ticket, waiter, deadline))
            isTimed = state.timedUntil.map { $0 <= deadline } ?? false
            if !isTimed { state.timedUntil = deadline }
            return (false, nil)
        }
        if isDecided { waiter.resume(returning: refusal) }
        if !isTimed { watch(until: deadline) }
    }

    /// Refuses at `deadline`, and at later ones, who waits too long; until nobody waits any more.
    ///
    /// One timer for all who wait: most of them wait for less time than it takes to set one.
    private func watch(until deadline: ContinuousClock.Instant) {
        Task { [weak self] in
            var next: ContinuousClock.Instant? = deadline
            while let until = next {
                // Nobody cancels it, and waking up too early would do no harm.
                try? await Task.sleep(until: until, clock: .continuous)
                next = self?.refuseOverdue(at: until)
            }
        }
    }

    /// Refuses whose deadline is over; when to look again, nil if another timer does or nobody waits.
    private func refuseOverdue(at time: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        let now = max(time, ContinuousClock.now)
        let (overdue, next) = state.withLock { state -> ([Waiter], ContinuousClock.Instant?) in
            let overdue = state.waiters.filter { $0.deadline <= now }.map(\.waiter)
            state.waiters.removeAll { $0.deadline <= now }
            guard state.timedUntil == time else { return (overdue, nil) }
            state.timedUntil = state.waiters.map(\.deadline).min()
            return (overdue, state.timedUntil)
        }
        for waiter in overdue { waiter.resume(returning: .waitedTooLong) }
        return next
    }

    private func refuse(_ ticket: Int, _ refusal: Refusal) {
        let waiter: Waiter? = state.withLock { state in
            if let index = state.waiters.firstIndex(where: { $0.ticket == ticket }) {
                return state.waiters.remove(at: index).waiter
            }
            if state.arriving.contains(ticket) { state.abandoned.insert(ticket) }
            return nil
        }
        waiter?.resume(returning: refusal)
    }
}
