import Model

/// Stored series, and beside them the virtual ones that are computed from KPI definitions.
///
/// Virtual series appear only where a selector has their name by equality, so that what selects everything
/// does not compute all KPIs.
package struct KPISource: SeriesSource {
    let base: any SeriesSource
    let service: KPIService

    /// The series of `base` and those that `service` computes.
    package init(_ base: any SeriesSource, _ service: KPIService) {
        self.base = base
        self.service = service
    }

    package func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        guard let selector = try VirtualSelector(request.matchers) else {
            return try base.select(request, budget: budget)
        }
        service.settleLateData()
        let times = VirtualTimes(request)
        switch selector.name {
        case "kpi", "kpi_numerator", "kpi_denominator", "kpi_complete":
            return try values(selector, times, request.hints, budget)
        case "kpi_funnel_users", "kpi_funnel_conversion_percent":
            return try funnels(selector, times, budget)
        case "kpi_status": return try statuses(selector, times, budget)
        case "kpi_info", "kpi_target", "kpi_revisions_total": return try facts(selector, times)
        case "kpi_watermark_timestamp_seconds": return try watermarks(selector, times, budget)
        default: return VirtualSet()
        }
    }

    package func dependsOnHints(_ matchers: [Matcher]) -> Bool {
        // What is wrong with the matchers the selection will say.
        guard let selector = try? VirtualSelector(matchers) else { return base.dependsOnHints(matchers) }
        return VirtualName.isVirtual(selector.name)
    }

    package func changeMark() -> UInt64? { base.changeMark() }

    /// What is computed depends on hints, and is never asked for here.
    package func unchanged(since mark: UInt64) -> TimeRange? { base.unchanged(since: mark) }

    /// Nobody asks for what is computed while it must not wait (`dependsOnHints`).
    package func withoutWaiting(_ body: () -> Void) -> Bool { base.withoutWaiting(body) }

    // MARK: - Values of KPIs

    private func values(
        _ selector: VirtualSelector,
        _ times: VirtualTimes,
        _ hints: SelectHints,
        _ budget: QueryBudget
    ) throws(SourceError) -> VirtualSet {
        let selection = try VirtualKPIs(selector, service)
        var set = VirtualSet()
        for group in selection.groups {
            var points: [(frames: [Frame], points: [(millis: Int64, frame: Int)])] = []
            var tasks: [KPITask] = []
            var indices: [ByteText: Int] = [:]
            // Only ratios have parts; whether data are complete is known without their values.
            let items = selector.name.hasSuffix("ator") ? group.items.filter(\.kpi.isRatio) : group.items
            let needsValues = selector.name != "kpi_complete"
            for item in items {
                let found = try times.points(
                    item.period,
                    selection.window,
                    item.calendar,
                    movedBy: selection.offset
                )
                indices[ByteText(item.kpi.name)] = points.count
                points.append(found)
                tasks.append(KPITask(item.kpi, frames: needsValues ? found.frames : []))
            }
            let evaluator = service.evaluator(group.definitions, at: service.now)
            let rows = try evaluator.rows(tasks, by: selection.label, budget: budget)
            for row in rows {
                set.add(warnings: row.warnings)
                guard let index = indices[ByteText(row.kpi.name)] else { continue }
                let labels = selection.labels(of: items[index], row.group)
                guard selector.takes(labels, exactly: row.kpi.name) else { continue }
                let frames = points[index].frames
                let state = completeness(of: row, frames, group.definitions)
                set.add(labels, points[index].points, isRange: times.isRange) { frame in
                    if let wanted = selection.state, !state[frame].state.satisfies(wanted) { return nil }
                    switch selector.name {
                    case "kpi_numerator": return row.numerators?[frame]
                    case "kpi_denominator": return row.denominators?[frame]
                    case "kpi_complete": return state[frame].isComplete ? 1 : 0
                    default: return row.values[frame]
                    }
                }
                if selector.name == "kpi", row.kpi.isRatio, KPISource.isMeanOfValues(hints) {
                    set.infos = [KPISource.ratioInfo(row.kpi.name, hints)]
                }
            }
        }
        return set.sorted()
    }

    private func completeness(of row: KPIRow, _ frames: [Frame], _ definitions: KPIDefinitions)
        -> [Completeness]
    {
        let metrics = definitions.metricNames(behind: row.kpi)
        let now = service.now.millis
        return frames.map { frame in
            Completeness(
                end: frame.range.end,
                watermark: row.watermark,
                latenessMillis: row.kpi.latenessMillis,
                now: now,
                isRevised: service.revisions.isRevised(
                    metrics,
                    frame.range,
                    latenessMillis: row.kpi.latenessMillis
                )
            )
        }
    }

    /// Whether the values of several periods or groups are about to be put together.
    private static func isMeanOfValues(_ hints: SelectHints) -> Bool {
        hints.rangeMillis > 0 || hints.function.hasSuffix("_over_time")
            || ["avg", "sum"].contains(hints.function)
    }

    private static func ratioInfo(_ name: String, _ hints: SelectHints) -> String {
        "PromQL info: \(hints.function.isEmpty ? "a function" : hints.function) over the ratio \(LabelText.quoted(name)) "
            + "puts finalised values together; kpi{window=\"...\"} or a coarser period divides the sums"
    }

    // MARK: - Facts

    private func statuses(_ selector: VirtualSelector, _ times: VirtualTimes, _ budget: QueryBudget)
        throws(SourceError) -> VirtualSet
    {
        let definitions = service.versions.current
        let kpis = try selector.kpis(of: definitions)
        let instants = try self.instants(times)
        guard let last = instants.last else { return VirtualSet() }
        let evaluator = service.evaluator(definitions, at: Timestamp(millis: min(last, service.now.millis)))
        let found = try evaluator.statuses(of: kpis, budget: budget)
        var set = VirtualSet()
        for (kpi, status) in zip(kpis, found) {
            let labels = Labels([
                Labels.metricName: selector.name, "kpi": kpi.name, "status": status.rawValue,
            ])
            guard selector.takes(labels, exactly: kpi.name) else { continue }
            set.add(labels, instants.map { ($0, 0) }, isRange: times.isRange) { _ in 1 }
        }
        return set.sorted()
    }

    private func facts(_ selector: VirtualSelector, _ times: VirtualTimes) throws(SourceError) -> VirtualSet {
        let versions = service.versions
        let points = try instants(times).map { (millis: $0, frame: 0) }
        var set = VirtualSet()
        for kpi in try selector.kpis(of: versions.current) {
            var labels = LabelsBuilder()
            labels.set(Labels.metricName, selector.name)
            labels.set("kpi", kpi.name)
            var value: Double = 1
            switch selector.name {
            case "kpi_info":
                labels.set("version", String(versions.number(of: kpi)))
                labels.set("type", kpi.type.name)
                labels.set("unit", kpi.unit ?? "")
                labels.set("owner", kpi.owner ?? "")
                labels.set("display_name", kpi.displayName ?? "")
            case "kpi_target":
                guard let target = kpi.target else { continue }
                labels.set("direction", target.direction.rawValue)
                labels.set("unit", kpi.unit ?? "")
                value = target.value
            default: value = Double(service.revisions.count(of: kpi.name))
            }
            let built = labels.build()
            guard selector.takes(built, exactly: kpi.name) else { continue }
            set.add(built, points, isRange: times.isRange) { _ in value }
        }
        return set.sorted()
    }

    private func watermarks(_ selector: VirtualSelector, _ times: VirtualTimes, _ budget: QueryBudget)
        throws(SourceError) -> VirtualSet
    {
        let definitions = service.versions.current
        let points = try instants(times).map { (millis: $0, frame: 0) }
        let names = definitions.metrics.map(\.name).filter { selector.mayBe($0, label: "source") }
        let evaluator = service.evaluator(definitions, at: service.now)
        let extents = try evaluator.extents(of: names, budget: budget)
        var set = VirtualSet()
        for name in names {
            guard let extent = extents[ByteText(name)] else { continue }
            let labels = Labels([Labels.metricName: selector.name, "source": name])
            guard selector.takes(labels, exactly: nil) else { continue }
            set.add(labels, points, isRange: times.isRange) { _ in Double(extent.newest) / 1000 }
        }
        return set.sorted()
    }

    /// Facts have no periods; as a range vector they have a sample at its end.
    private func instants(_ times: VirtualTimes) throws(SourceError) -> [Int64] {
        times.isRange ? [times.range.end.millis] : try times.instants()
    }
}
