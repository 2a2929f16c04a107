import Model

/// The alerts of one alerting rule: a state machine that is moved by the results of evaluations.
///
/// Source: Prometheus's documentation of alerting rules, and what it does.
struct AlertBook: Hashable, Sendable {
    /// How long an alert that is over is remembered and told to receivers, in milliseconds.
    static let resolvedRetentionMillis: Int64 = 15 * 60_000

    /// By their labels.
    private(set) var alerts: [Labels: Alert] = [:]

    /// No alerts.
    init() {}

    /// These alerts.
    init(_ alerts: some Sequence<Alert>) {
        for alert in alerts { self.alerts[alert.labels] = alert }
    }

    /// Those that are pending or firing, by their labels' order.
    var active: [Alert] {
        alerts.values.filter { $0.resolvedAt == nil }.sorted { $0.labels < $1.labels }
    }

    /// The highest state of an alert.
    var state: AlertState {
        if alerts.values.contains(where: { $0.state == .firing }) { return .firing }
        return alerts.values.contains { $0.state == .pending } ? .pending : .inactive
    }

    /// Takes what the rule's expression yielded at `time`.
    ///
    /// The alerts `instances` are active from then on if they were not before. A limit of 0 or less is none.
    ///
    /// - Throws: If more than `limit` alerts are active; then all are forgotten.
    mutating func update(
        _ instances: [Alert],
        at time: Timestamp,
        rule: AlertDefinition,
        limit: Int
    ) throws(RuleError) {
        var found: Set<Labels> = []
        for instance in instances {
            found.insert(instance.labels)
            if var known = alerts[instance.labels], known.state != .inactive {
                known.value = instance.value
                known.annotations = instance.annotations
                alerts[instance.labels] = known
            } else {
                alerts[instance.labels] = instance
            }
        }
        var activeCount = 0
        for (labels, alert) in alerts {
            let next = AlertBook.next(alert, isFound: found.contains(labels), at: time, rule: rule)
            if next != alert { alerts[labels] = next }
            if let next, next.state != .inactive { activeCount += 1 }
        }
        if limit > 0, activeCount > limit {
            alerts = [:]
            throw .tooManyAlerts(limit: limit, alertCount: activeCount)
        }
    }

    /// The alerts that receivers have to be told of at `time`; they count as told from then on.
    mutating func takeUnsent(at time: Timestamp, resendDelayMillis: Int64) -> [Alert] {
        var unsent: [Alert] = []
        for (labels, alert) in alerts
        where alert.needsSending(at: time, resendDelayMillis: resendDelayMillis) {
            alerts[labels]?.lastSentAt = time
            unsent.append(alert)
        }
        return unsent.sorted { $0.labels < $1.labels }
    }

    /// What becomes of an alert; nil if it is forgotten.
    private static func next(_ alert: Alert, isFound: Bool, at time: Timestamp, rule: AlertDefinition)
        -> Alert?
    {
        var next = alert
        guard isFound else {
            if alert.state == .firing, rule.keepFiringForMillis > 0 {
                let since = alert.keepFiringSince ?? time
                next.keepFiringSince = since
                if time.millis - since.millis < rule.keepFiringForMillis { return next }
            }
            if alert.state == .pending { return nil }
            if let resolvedAt = alert.resolvedAt,
                time.millis - resolvedAt.millis > AlertBook.resolvedRetentionMillis
            {
                return nil
            }
            if alert.state == .firing {
                next.state = .inactive
                next.resolvedAt = time
            }
            return next
        }
        next.keepFiringSince = nil
        if next.state == .pending, time.millis - next.activeAt.millis >= rule.forMillis {
            next.state = .firing
            next.firedAt = time
        }
        return next
    }
}
