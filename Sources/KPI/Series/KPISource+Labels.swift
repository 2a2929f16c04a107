import Model

/// What label APIs tell of virtual series: what is declared, whether there are data or not.
extension KPISource {
    package func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<Labels>
    {
        let (stored, virtual) = try split(request)
        var found: [Labels] = []
        for selector in virtual { found += try declared(selector) }
        guard !virtual.isEmpty else { return try base.series(request, budget: budget) }
        let answer = try stored.map { request throws(SourceError) in
            try base.series(request, budget: budget)
        }
        return merged(answer, Set(found).sorted(), request) { $0 < $1 }
    }

    package func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        let (stored, virtual) = try split(request)
        var names: Set<ByteText> = []
        for selector in virtual {
            for labels in try declared(selector) { names.formUnion(labels.map { ByteText($0.name) }) }
            names.formUnion(VirtualName.parameters.filter { $0 != "group" }.map(ByteText.init))
        }
        if request.selections.isEmpty, !service.versions.current.isEmpty {
            names.formUnion([Labels.metricName, "kpi", "period", "tz", "unit"].map(ByteText.init))
        }
        let answer = try stored.map { request throws(SourceError) in
            try base.labelNames(request, budget: budget)
        }
        return merged(answer, names.sorted().map(\.string), request) { ByteText($0) < ByteText($1) }
    }

    package func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget)
        throws(SourceError) -> LabelAnswer<String>
    {
        let (stored, virtual) = try split(request)
        var values: Set<ByteText> = []
        for selector in virtual {
            if let known = parameterValues(name) {
                values.formUnion(known.map(ByteText.init))
            } else {
                values.formUnion(try declared(selector).compactMap { $0[name].map(ByteText.init) })
            }
        }
        if request.selections.isEmpty, !service.versions.current.isEmpty {
            if name == Labels.metricName {
                values.formUnion(VirtualName.all.map { ByteText($0.name) })
            } else if name == "kpi" {
                values.formUnion(service.versions.current.kpis.map { ByteText($0.name) })
            }
        }
        let answer = try stored.map { request throws(SourceError) in
            try base.labelValues(name, request, budget: budget)
        }
        return merged(answer, values.sorted().map(\.string), request) { ByteText($0) < ByteText($1) }
    }

    package func metadata(of metric: String?) -> [MetricMetadata] {
        let stored = base.metadata(of: metric)
        guard !service.versions.current.isEmpty else { return stored }
        let own = VirtualName.all.filter { metric == nil || $0.name == metric }.map {
            MetricMetadata(
                name: $0.name,
                kind: $0.name.hasSuffix("_total") ? .counter : .gauge,
                help: $0.help
            )
        }
        return (stored + own).sorted { ByteText($0.name) < ByteText($1.name) }
    }

    // MARK: - Parts

    /// What of the request is about stored series (nil: nothing), and what is about virtual ones.
    private func split(_ request: LabelRequest) throws(SourceError)
        -> (stored: LabelRequest?, virtual: [VirtualSelector])
    {
        var stored = request
        stored.selections = []
        var virtual: [VirtualSelector] = []
        for selection in request.selections {
            if let selector = try VirtualSelector(selection) {
                virtual.append(selector)
            } else {
                stored.selections.append(selection)
            }
        }
        return (stored.selections.isEmpty && !virtual.isEmpty ? nil : stored, virtual)
    }

    private func merged<Item: Hashable>(
        _ stored: LabelAnswer<Item>?,
        _ virtual: [Item],
        _ request: LabelRequest,
        _ isBefore: (Item, Item) -> Bool
    ) -> LabelAnswer<Item> {
        var answer = stored ?? LabelAnswer(items: [])
        guard !virtual.isEmpty else { return answer }
        let known = Set(answer.items)
        let all = (answer.items + virtual.filter { !known.contains($0) }).sorted(by: isBefore)
        let limit = request.limit ?? .max
        answer.isTruncated = answer.isTruncated || all.count > limit
        answer.items = Array(all.prefix(limit))
        return answer
    }

    /// The values that a parameter may have; nil if the label is none.
    private func parameterValues(_ name: String) -> [String]? {
        let definitions = service.versions.current
        switch name {
        case "period":
            return (definitions.kpis.map(\.calendar) + [Calendar()]).flatMap { $0.periods.map(\.name) }
        case "state": return PeriodState.allCases.map(\.rawValue)
        case "by": return definitions.metrics.flatMap(\.labels)
        case "window": return ["7d", "28d", "7 days", "28 days"]
        case "offset": return ["-1"]
        default: return nil
        }
    }

    /// The label sets of the virtual series that a selector picks, in their declared periods.
    private func declared(_ selector: VirtualSelector) throws(SourceError) -> [Labels] {
        let definitions = service.versions.current
        switch selector.name {
        case "kpi", "kpi_numerator", "kpi_denominator", "kpi_complete":
            let selection = try VirtualKPIs(selector, service)
            var found: [Labels] = []
            for item in selection.groups.flatMap(\.items) {
                if selector.name.hasSuffix("ator"), !item.kpi.isRatio { continue }
                var item = item
                let periods =
                    selector.parameters["period"] == nil ? item.kpi.periods + [item.period] : [item.period]
                for period in periods {
                    item.period = period
                    let labels = selection.labels(of: item, nil)
                    if selector.takes(labels, exactly: item.kpi.name) { found.append(labels) }
                }
            }
            return found
        case "kpi_funnel_users", "kpi_funnel_conversion_percent":
            return definitions.funnels.flatMap { funnel in
                funnel.allSteps.map { step in
                    Labels([
                        Labels.metricName: selector.name, "funnel": funnel.name, "step": step,
                        "tz": funnel.calendar.zone.name, "period": Period.day.name,
                    ])
                }
            }.filter { selector.takes($0, exactly: nil) }
        case "kpi_watermark_timestamp_seconds":
            return definitions.metrics.map { Labels([Labels.metricName: selector.name, "source": $0.name]) }
                .filter { selector.takes($0, exactly: nil) }
        default:
            return definitions.kpis.map { Labels([Labels.metricName: selector.name, "kpi": $0.name]) }
                .filter { selector.takes($0, exactly: nil) }
        }
    }
}
