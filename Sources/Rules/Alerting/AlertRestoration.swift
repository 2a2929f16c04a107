import Model

/// How alerts go on after nobody looked for a while.
///
/// Source: what Prometheus does after a restart, by its options `for-outage-tolerance` and `for-grace-
/// period`. There only alerts whose `for` is as long as the grace period are restored; here all are.
enum AlertRestoration {
    /// The longest time without evaluations after which alerts go on, in milliseconds.
    static let outageToleranceMillis: Int64 = 3_600_000
    /// The least time from a restart until an alert fires whose `for` is that long, in milliseconds.
    static let gracePeriodMillis: Int64 = 600_000

    /// The alerts as of `slot`, the first since `lastSlot`, the last one that was evaluated.
    ///
    /// Slots that were missed do not count as time that an alert was pending.
    static func restore(
        _ alerts: [Alert],
        lastSlot: Timestamp,
        at slot: Timestamp,
        intervalMillis: Int64,
        forMillis: Int64
    ) -> AlertBook {
        let (ageMillis, overflow) = slot.millis.subtractingReportingOverflow(lastSlot.millis)
        guard !overflow, ageMillis <= outageToleranceMillis + intervalMillis else { return AlertBook() }
        let missedMillis = max(0, ageMillis - intervalMillis)
        guard missedMillis > 0 else { return AlertBook(alerts) }
        return AlertBook(
            alerts.map { alert in
                guard alert.state == .pending else { return alert }
                var alert = alert
                let remainingMillis = forMillis - (lastSlot.millis - alert.activeAt.millis)
                if remainingMillis <= 0 {
                    return alert
                } else if forMillis >= gracePeriodMillis, remainingMillis < gracePeriodMillis {
                    alert.activeAt = slot.advanced(byMillis: gracePeriodMillis - forMillis)
                } else {
                    alert.activeAt = alert.activeAt.advanced(byMillis: missedMillis)
                }
                return alert
            }
        )
    }
}
