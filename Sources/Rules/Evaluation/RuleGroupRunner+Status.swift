import Model

extension RuleGroupRunner {
    /// What is known about the group.
    var status: RuleGroupStatus {
        let state = snapshot
        return RuleGroupStatus(
            name: group.name,
            file: group.file,
            intervalMillis: schedule.intervalMillis,
            limit: group.limit,
            lastEvaluation: state.lastEvaluation,
            evaluationSeconds: state.evaluationSeconds,
            rules: zip(group.rules, state.rules).map { rule, state in
                RuleStatus(
                    name: rule.name,
                    query: rule.query,
                    labels: Labels(rule.labels),
                    health: state.health,
                    lastError: state.lastError,
                    lastEvaluation: state.lastEvaluation,
                    evaluationSeconds: state.evaluationSeconds,
                    alerting: AlertingStatus(rule, state.alerts)
                )
            }
        )
    }
}

extension AlertingStatus {
    /// The alerting part of a rule's status; nil for a recording rule.
    fileprivate init?(_ rule: Rule, _ book: AlertBook) {
        guard case .alerting(let alert) = rule.kind else { return nil }
        self.init(
            forMillis: alert.forMillis,
            keepFiringForMillis: alert.keepFiringForMillis,
            annotations: alert.annotations,
            state: book.state,
            alerts: book.active
        )
    }
}
