import Model
import PromQL

// Alerting rules: what becomes of the alerts at a slot, and who is told.

extension RuleGroupRunner {
    /// Evaluates an alerting rule for the slot, tells receivers, and answers the series of its active alerts.
    func alertSeries(ofRuleAt index: Int, _ alert: AlertDefinition, at slot: Timestamp) async throws
        -> [RecordedSeries]
    {
        let rule = group.rules[index]
        let settings = context.alerts.settings()
        let instances = try await instances(of: rule, at: slot, settings: settings)
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
        if !change.isEmpty { await context.memory?.note(change, of: identities[index], at: slot) }
        let unsent = try result.get()
        if !unsent.isEmpty, let sink = context.alerts.sink {
            let intervalMillis = schedule.intervalMillis
            await sink.send(
                unsent.map { alert in
                    AlertNotification(
                        alert,
                        rule: rule,
                        at: slot,
                        intervalMillis: intervalMillis,
                        settings: settings
                    )
                }
            )
        }
        return state.withLock { AlertSeries.samples(of: $0.rules[index].alerts, rule: rule) }
    }

    /// The alerts that the rule's expression asks for.
    private func instances(of rule: Rule, at slot: Timestamp, settings: AlertSettings) async throws
        -> [Alert]
    {
        let time = slot.advanced(byMillis: -queryOffsetMillis)
        let (query, templates) = (context.query, rule.templates)
        return try await evaluating { budget in
            let value = try query(rule.expr, time, budget)
            let setting = TemplateSetting(
                query: { text in
                    // Queries of templates are about the slot itself, whatever the offset.
                    try TemplateSample.samples(of: query(Parser.parse(text), slot, budget))
                },
                time: slot,
                externalURL: settings.externalURL,
                pathPrefix: settings.pathPrefix
            )
            return try templates?.instances(
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
