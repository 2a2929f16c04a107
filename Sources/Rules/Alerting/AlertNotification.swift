import Model

/// An alert as receivers are told of it.
package struct AlertNotification: Hashable, Sendable {
    /// The alert's labels, `alertname` among them; external labels are the sender's affair.
    package var labels: Labels
    /// The annotations as rendered, in name order; a value may be empty.
    package var annotations: [Label]
    /// When the alert began to fire.
    package var startsAt: Timestamp
    /// When it was resolved, or until when it counts as firing if nothing more is heard of it.
    package var endsAt: Timestamp
    /// Where the expression can be looked at; empty if the daemon has no address that others can reach.
    package var generatorURL: String
    /// Whether it is over.
    package var isResolved: Bool

    /// A notification of the given parts.
    package init(
        labels: Labels,
        annotations: [Label],
        startsAt: Timestamp,
        endsAt: Timestamp,
        generatorURL: String,
        isResolved: Bool
    ) {
        self.labels = labels
        self.annotations = annotations
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.generatorURL = generatorURL
        self.isResolved = isResolved
    }
}
