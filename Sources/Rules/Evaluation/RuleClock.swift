import Glibc
import Model

/// The time by which rules are evaluated; tests pass one of their own.
package protocol RuleClock: Sendable {
    /// The wall clock's time.
    func now() -> Timestamp
    /// Returns at `time` or earlier; callers look at the clock again. Throws when the task is cancelled.
    func sleep(until time: Timestamp) async throws
}

/// The machine's clock.
package struct SystemRuleClock: RuleClock {
    /// The longest sleep: after it the wall clock is read again, because somebody may have set it.
    private static let longestSleepMillis: Int64 = 10_000

    /// The machine's clock.
    package init() {}

    /// The wall clock's time.
    package func now() -> Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(millis: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Sleeps until `time`, at most ten seconds.
    package func sleep(until time: Timestamp) async throws {
        let (millis, overflow) = time.millis.subtractingReportingOverflow(now().millis)
        guard overflow || millis > 0 else { return }
        let nap =
            overflow ? SystemRuleClock.longestSleepMillis : min(millis, SystemRuleClock.longestSleepMillis)
        try await Task.sleep(for: .milliseconds(nap))
    }
}
