import Model

/// How far an alert has come, by the names the Prometheus API prints.
package enum AlertState: String, Hashable, Sendable {
    /// It is over, or never was.
    case inactive
    /// The expression holds, not yet for long enough.
    case pending
    /// It is told to receivers.
    case firing
}

/// One alert of an alerting rule: an element of its expression's result, followed from slot to slot.
package struct Alert: Hashable, Sendable {
    /// The labels as rendered when it became active, `alertname` among them.
    package var labels: Labels
    /// The annotations as rendered at the last evaluation, in name order; a value may be empty.
    package var annotations: [Label]
    /// The value of the expression at the last evaluation that yielded it.
    package var value: Double
    /// How far it has come.
    package var state = AlertState.pending
    /// Since when the expression holds.
    package var activeAt: Timestamp
    /// When it began to fire; nil before.
    package var firedAt: Timestamp?
    /// When it was over; nil before.
    package var resolvedAt: Timestamp?
    /// Since when it fires only because of `keep_firing_for`; nil if it does not.
    package var keepFiringSince: Timestamp?
    /// When receivers were last told; nil if they never were.
    package var lastSentAt: Timestamp?

    /// An alert that becomes active.
    package init(labels: Labels, annotations: [Label], value: Double, activeAt: Timestamp) {
        self.labels = labels
        self.annotations = annotations
        self.value = value
        self.activeAt = activeAt
    }

    /// Whether receivers have to be told at `time`: at once what was resolved, else what was not told for
    /// longer than `resendDelayMillis`.
    func needsSending(at time: Timestamp, resendDelayMillis: Int64) -> Bool {
        guard state != .pending else { return false }
        guard let lastSentAt else { return true }
        if let resolvedAt, resolvedAt > lastSentAt { return true }
        return lastSentAt.advanced(byMillis: resendDelayMillis) < time
    }
}
