import Model
import PromQL

// Alerting rules: what becomes of the alerts at a slot, and who is told.

extension RuleGroupRunner {
    /// Evaluates an alerting rule for the slot and answers the series of its active alerts.
    func alertSeries(
        ofRuleAt index: Int,
        _ alert: AlertDefinition,
        at slot: Timestamp,
        _ pass: inout RulePass
    ) throws -> [RecordedSeries] {
        let rule = group.rules[index]
        let settings = context.alerts.settings()
        let instances = try instances(of: rule, at: slot, settings: settings)
        let (change, result) = state.withLock { state in
            let old = state.rules[index].alerts
            let result = Result { () throws(RuleError) in
                try state.rules[index].alerts.update(instances, at: slot, rule: alert, limit: group.limit)
                return state.rules[index].alerts.takeUnsent(
                    at: slot,
                    resendDelayMillis: settings.resendDelayMillis
                )
            }
            return (AlertChange(from: old, to: state.rules[index].alerts), result)
        }
        let unsent = (try? result.get()) ?? []
        if !change.isEmpty || !unsent.isEmpty {
            let notifications = unsent.map { alert in
                AlertNotification(
                    alert,
                    rule: rule,
                    at: slot,
                    intervalMillis: schedule.intervalMillis,
                    settings: settings
                )
            }
            pass.news.append((index, AlertNews(change: change, notifications: notifications)))
        }
        _ = try result.get()
        return state.withLock { AlertSeries.samples(of: $0.rules[index].alerts, rule: rule) }
    }

    /// Keeps what has happened to the alerts of a rule, then tells receivers.
    func tell(_ news: AlertNews, ofRuleAt index: Int, at slot: Timestamp) async {
        if !news.change.isEmpty {
            await context.memory?.note(news.change, of: identities[index], at: slot)
        }
        if !news.notifications.isEmpty { await context.alerts.sink?.send(news.notifications) }
    }

    /// The alerts that the rule's expression asks for.
    private func instances(of rule: Rule, at slot: Timestamp, settings: AlertSettings) throws -> [Alert] {
        try withBudget { budget in
            let query = context.query
            let value = try query(rule.expr, slot.advanced(byMillis: -queryOffsetMillis), budget)
            let setting = TemplateSetting(
                query: { text in
                    // Queries of templates are about the slot itself, whatever the offset.
                    try TemplateSample.samples(of: query(Parser.parse(text), slot, budget))
                },
                time: slot,
                externalURL: settings.externalURL,
                pathPrefix: settings.pathPrefix
            )
            return try rule.templates?.instances(
                of: value,
                alert: rule.name,
                at: slot,
                settings: settings,
                setting: setting
            ) ?? []
        }
    }

    /// Takes over what was known before the daemon's start: alerts, and the series that the rules wrote.
    func restore(at slot: Timestamp) async {
        guard let memory = context.memory, !state.withLock({ $0.isRestored }) else { return }
        if let lastSlot = await memory.lastSlot(of: group), lastSlot < slot {
            await context.history?.catchUp(
                group,
                from: lastSlot.advanced(byMillis: 1),
                through: slot.advanced(byMillis: -1)
            )
        }
        let books = await memory.takeAlerts(of: group, at: slot, intervalMillis: schedule.intervalMillis)
        var recorded: [Set<Labels>] = []
        for rule in group.rules { recorded.append(await memory.recorded(by: rule)) }
        state.withLock { state in
            state.isRestored = true
            for (index, rule) in group.rules.enumerated() where state.rules[index].lastEvaluation == nil {
                state.rules[index].alerts = books[index]
                let series = AlertSeries.samples(of: books[index], rule: rule).map(\.labels)
                state.rules[index].written = recorded[index].union(series)
            }
        }
    }
}

/// What has happened to the alerts of a rule at a slot.
struct AlertNews: Sendable {
    /// What is to be kept before anybody is told.
    var change: AlertChange
    /// What receivers are told.
    var notifications: [AlertNotification]
}
