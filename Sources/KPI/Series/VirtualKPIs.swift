import Model

/// The KPIs that a selector of virtual series asks for, with how they are to be computed.
struct VirtualKPIs {
    /// One KPI.
    struct Item {
        var kpi: KPIDefinition
        var calendar: Calendar
        var period: Period
    }

    /// KPIs that are computed by the same definitions.
    struct Group {
        var definitions: KPIDefinitions
        var items: [Item]
    }

    /// The KPIs.
    private(set) var groups: [Group] = []
    /// The window that is asked for.
    let window: Window?
    /// By how many periods or windows the values are moved; negative: earlier.
    let offset: Int
    /// The label to break down by.
    let label: String?
    /// The state that is asked for.
    let state: PeriodState?
    private let selector: VirtualSelector

    /// What `selector` asks for by the definitions of `service`.
    ///
    /// - Throws: That it names something that is not known.
    init(_ selector: VirtualSelector, _ service: KPIService) throws(SourceError) {
        self.selector = selector
        window = try selector.window()
        offset = try selector.integer("offset", in: -10_000...10_000) ?? 0
        state = try selector.state()
        label = selector.parameters["by"]
        let version = try selector.integer("version", in: 1...1_000_000)
        let versions = service.versions
        var refusal: SourceError?
        var current = Group(definitions: versions.current, items: [])
        for kpi in try selector.kpis(of: versions.current) {
            do throws(SourceError) {
                guard let version else {
                    current.items.append(try item(kpi, versions.current, service.zones))
                    continue
                }
                guard let past = versions.version(version, of: kpi) else {
                    throw .badMatcher("the KPI \(kpi.name) has no version \(version)")
                }
                let item = try item(past.kpi, past.definitions, service.zones)
                groups.append(Group(definitions: past.definitions, items: [item]))
            } catch {
                // Of several KPIs only those that can be computed so are meant.
                refusal = error
            }
        }
        if !current.items.isEmpty { groups.append(current) }
        if groups.isEmpty, let refusal { throw refusal }
    }

    /// The labels of a series.
    func labels(of item: Item, _ group: String?) -> Labels {
        var labels = LabelsBuilder()
        labels.set(Labels.metricName, selector.name)
        labels.set("kpi", item.kpi.name)
        labels.set("tz", item.calendar.zone.name)
        labels.set("unit", item.kpi.unit ?? "")
        if let text = selector.parameters["window"] {
            labels.set("window", text)
        } else {
            labels.set("period", item.period.name)
        }
        for name in ["offset", "state", "version", "by"] {
            if let text = selector.parameters[name] { labels.set(name, text) }
        }
        if let label, let group { labels.set(label, group) }
        return labels.build()
    }

    private func item(_ kpi: KPIDefinition, _ definitions: KPIDefinitions, _ zones: TimeZones)
        throws(SourceError) -> Item
    {
        let calendar = try selector.calendar(kpi.calendar, zones)
        if let label {
            do throws(ReportError) {
                try KPIService.check(label, kpi, definitions)
            } catch {
                guard case .bad(let message) = error else { throw .badMatcher("\(error)") }
                throw .badMatcher(message)
            }
        }
        guard let name = selector.parameters["period"] else {
            return Item(kpi: kpi, calendar: calendar, period: kpi.defaultPeriod)
        }
        guard let period = calendar.period(named: name) else {
            throw .badMatcher(
                "period \(LabelText.quoted(name)) is not known to the KPI \(kpi.name)"
                    + Suggestion.text(for: name, among: calendar.periods.map(\.name))
            )
        }
        return Item(kpi: kpi, calendar: calendar, period: period)
    }
}
