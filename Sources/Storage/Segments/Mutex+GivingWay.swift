import Glibc
import Synchronization

extension Mutex where Value: ~Copyable {
    /// How often a thread that finds the lock taken lets others run before it waits in line.
    private static var patience: Int { 32 }

    /// Runs `body` under the lock, as `withLock` does, for locks that many threads take very often.
    ///
    /// A lock of the standard library is handed over to who waits in line. When a thread loses its processor
    /// while it holds the lock, the others line up, and from then on each of them goes to sleep and is woken
    /// for every turn: a convoy that does not end. Who gives way instead finds the lock free when it is back.
    borrowing func withLockGivingWay<Result>(
        _ body: (inout sending Value) -> sending Result
    ) -> sending Result {
        for _ in 0..<Mutex.patience {
            if let result = withLockIfAvailable(body) { return result }
            sched_yield()
        }
        return withLock(body)
    }
}
