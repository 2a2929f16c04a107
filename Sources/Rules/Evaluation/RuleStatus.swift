import Model

/// What is known about a group and its last evaluation.
package struct RuleGroupStatus: Sendable {
    /// The group's name.
    package var name: String
    /// The file it was read from.
    package var file: String
    /// The time between two evaluations in milliseconds.
    package var intervalMillis: Int64
    /// The most series that one rule may yield; 0 or less: no limit.
    package var limit: Int
    /// The clock's time when the last evaluation began; nil before the first.
    package var lastEvaluation: Timestamp?
    /// How long the last evaluation took, in seconds.
    package var evaluationSeconds: Double
    /// The rules in the order of the file.
    package var rules: [RuleStatus]
}

/// What is known about a rule and its last evaluation.
package struct RuleStatus: Sendable {
    /// What a rule does with its result, by the names the Prometheus API prints.
    package enum Kind: String, Hashable, Sendable {
        case recording, alerting
    }

    /// Whether the last evaluation succeeded, by the names the Prometheus API prints.
    package enum Health: String, Hashable, Sendable {
        /// Not evaluated yet.
        case unknown
        /// It succeeded.
        case ok
        /// It failed.
        case err
    }

    /// The recorded metric's or the alert's name.
    package var name: String
    /// The expression in canonical form.
    package var query: String
    /// The rule's labels over those of its group.
    package var labels: Labels
    /// How the last evaluation went.
    package var health: Health
    /// Why the last evaluation failed; nil if it did not.
    package var lastError: String?
    /// The clock's time when the last evaluation began; nil before the first.
    package var lastEvaluation: Timestamp?
    /// How long the last evaluation took, in seconds.
    package var evaluationSeconds: Double
    /// What only an alerting rule has; nil for a recording rule.
    package var alerting: AlertingStatus?

    /// What the rule does.
    package var kind: Kind { alerting == nil ? .recording : .alerting }
}

/// What is known about an alerting rule beside what all rules have.
package struct AlertingStatus: Sendable {
    /// How long the expression has to hold before an alert fires, in milliseconds.
    package var forMillis: Int64
    /// How long an alert keeps firing after the expression ceased to hold, in milliseconds.
    package var keepFiringForMillis: Int64
    /// The annotations as written, in name order.
    package var annotations: [Label]
    /// The highest state of an alert.
    package var state: AlertState
    /// The pending and firing alerts, in label order.
    package var alerts: [Alert]
}
