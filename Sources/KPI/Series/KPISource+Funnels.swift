import Model

extension KPISource {
    /// The virtual series of funnels.
    func funnels(_ selector: VirtualSelector, _ times: VirtualTimes, _ budget: QueryBudget)
        throws(SourceError) -> VirtualSet
    {
        for name in ["offset", "state", "version", "by"] where selector.parameters[name] != nil {
            throw .badMatcher("\(name) does not go with \(selector.name)")
        }
        let definitions = service.versions.current
        if let exact = selector.exactName, definitions.funnel(exact) == nil {
            let names = definitions.funnels.map(\.name)
            throw .badMatcher(
                "funnel \(LabelText.quoted(exact)) is not known" + Suggestion.text(for: exact, among: names)
            )
        }
        let window = try selector.window()
        let evaluator = service.evaluator(definitions, at: service.now)
        var set = VirtualSet()
        for funnel in definitions.funnels where selector.mayBe(funnel.name, label: "funnel") {
            let calendar = try selector.calendar(funnel.calendar, service.zones)
            let name = selector.parameters["period"] ?? Period.day.name
            guard let period = calendar.period(named: name) else {
                throw .badMatcher(
                    "period \(LabelText.quoted(name)) is not known to the funnel \(funnel.name)"
                        + Suggestion.text(for: name, among: calendar.periods.map(\.name))
                )
            }
            guard funnel.allSteps.allSatisfy({ definitions.metric($0) != nil }) else { continue }
            let (frames, points) = try times.points(period, window, calendar, movedBy: 0)
            let rows = try evaluator.metricRows(funnel.allSteps, frames: frames, budget: budget)
            for row in rows { set.add(warnings: row.warnings) }
            let counts = rows.map { FunnelReport.Numbers(values: $0.values, aggregate: nil) }
            for step in FunnelReport.Funnel.steps(funnel, counts) {
                var labels = LabelsBuilder()
                labels.set(Labels.metricName, selector.name)
                labels.set("funnel", funnel.name)
                labels.set("step", step.name)
                labels.set("tz", calendar.zone.name)
                if let text = selector.parameters["window"] {
                    labels.set("window", text)
                } else {
                    labels.set("period", name)
                }
                func add(_ labels: Labels, _ numbers: FunnelReport.Numbers) {
                    guard selector.takes(labels, exactly: funnel.name) else { return }
                    set.add(labels, points, isRange: times.isRange) { numbers.values[$0] }
                }
                guard selector.name != "kpi_funnel_users" else {
                    add(labels.build(), step.counts)
                    continue
                }
                labels.set("from", "first")
                add(labels.build(), step.fromFirst)
                labels.set("from", "previous")
                add(labels.build(), step.fromPrevious)
            }
        }
        return set.sorted()
    }
}
