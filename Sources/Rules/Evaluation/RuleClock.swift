import Glibc
import Model

/// The time by which rules are evaluated; tests pass one of their own.
package protocol RuleClock: Sendable {
    /// The wall clock's time.
    func now() -> Timestamp
    /// Returns at `time`, up to `slackMillis` later so that several sleeps end together, or earlier.
    ///
    /// Callers look at the clock again. Throws when the task is cancelled.
    func sleep(until time: Timestamp, slackMillis: Int64) async throws
}

extension RuleClock {
    /// As the other, without slack.
    package func sleep(until time: Timestamp) async throws { try await sleep(until: time, slackMillis: 0) }
}

/// The machine's clock.
package struct SystemRuleClock: RuleClock {
    /// The longest sleep: after it the wall clock is read again, because somebody may have set it.
    private static let longestSleepMillis: Int64 = 20_000

    /// The machine's clock.
    package init() {}

    /// The wall clock's time.
    package func now() -> Timestamp { Timestamp(millis: SystemRuleClock.nanos() / 1_000_000) }

    /// Sleeps until `time`, or the next full `slackMillis` of the clock after it; at most twenty seconds.
    package func sleep(until time: Timestamp, slackMillis: Int64) async throws {
        let (millis, overflow) = time.millis.subtractingReportingOverflow(now().millis)
        guard overflow || millis > 0 else { return }
        guard !overflow, millis <= SystemRuleClock.longestSleepMillis else {
            return try await Task.sleep(for: .milliseconds(SystemRuleClock.longestSleepMillis))
        }
        let slack = max(1, slackMillis)
        let rest = time.millis % slack
        let end = rest > 0 ? time.millis + slack - rest : time.millis
        // To the nanosecond: sleeps that end together cost one waking.
        try await Task.sleep(for: .nanoseconds(end * 1_000_000 - SystemRuleClock.nanos()))
    }

    private static func nanos() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
