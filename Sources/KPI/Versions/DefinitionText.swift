import Model

extension KPIDefinitions {
    /// The definitions as a KPI file that `load` reads back.
    package var text: String {
        var lines = ["kpi_version: 1"]
        var calendars: [Calendar] = []
        for calendar in kpis.map(\.calendar) + funnels.map(\.calendar) + metrics.map(\.calendar)
        where !calendar.name.isEmpty && !calendars.contains(where: { $0.name == calendar.name }) {
            calendars.append(calendar)
        }
        if !calendars.isEmpty {
            lines.append("calendars:")
            lines += calendars.map { "  \(LabelText.quoted($0.name)): \($0.yaml)" }
        }
        for (section, items) in [
            ("metrics", metrics.map(\.yaml)), ("kpis", kpis.map(\.yaml)), ("funnels", funnels.map(\.yaml)),
        ] where !items.isEmpty {
            lines.append("\(section):")
            lines += items.map { "  - \($0)" }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

/// Writes mappings in YAML's flow style.
private struct FlowMapping {
    private var fields: [String] = []

    mutating func add(_ key: String, _ text: String?) {
        if let text { fields.append("\(key): \(LabelText.quoted(text))") }
    }

    mutating func add(_ key: String, plain text: String?) {
        if let text { fields.append("\(key): \(text)") }
    }

    mutating func add(_ key: String, _ texts: [String]) {
        guard !texts.isEmpty else { return }
        fields.append("\(key): [\(texts.map(LabelText.quoted).joined(separator: ", "))]")
    }

    var text: String { "{\(fields.joined(separator: ", "))}" }
}

extension Calendar {
    fileprivate var yaml: String {
        let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        var fields = FlowMapping()
        fields.add("timezone", zone.name)
        fields.add("week_start", plain: weekdays[weekStart])
        if let fiscalStart, let date = CivilDate(year: 2023, month: fiscalStart.month, day: fiscalStart.day) {
            fields.add("fiscal_year_start", String(date.description.suffix(5)))
        }
        if !cycles.isEmpty {
            let periods = cycles.map {
                "\(LabelText.quoted($0.name)): {every: \($0.dayCount)d, anchor: \($0.anchor)}"
            }
            fields.add("periods", plain: "{\(periods.joined(separator: ", "))}")
        }
        return fields.text
    }
}

extension MetricDefinition {
    fileprivate var yaml: String {
        var fields = FlowMapping()
        fields.add("name", name)
        fields.add("agg", plain: aggregation.rawValue)
        fields.add("from", plain: "{\(source.kindName): \(LabelText.quoted(source.text))}")
        fields.add("by", labels)
        if case .counter = source { fields.add("first_sample", plain: firstSample.rawValue) }
        fields.add("unit", unit)
        fields.add("description", description)
        fields.add("aliases", aliases)
        return fields.text
    }
}

extension KPIDefinition {
    fileprivate var yaml: String {
        var fields = FlowMapping()
        fields.add("name", name)
        fields.add("type", plain: type.name)
        switch type {
        case .simple(let metric), .perDayAverage(let metric): fields.add("metric", metric)
        case .ratio(let numerator, let denominator):
            fields.add("numerator", numerator)
            fields.add("denominator", denominator)
        case .derived(let formula, let fill):
            fields.add("expr", formula.description)
            fields.add("fill", plain: fill.map(ValueText.format))
        case .cumulative(let metric, let span):
            fields.add("metric", metric)
            switch span {
            case .toDate(let period): fields.add("grain_to_date", period.name)
            case .window(.elapsed(let millis)): fields.add("window", DurationText.format(millis: millis))
            case .window(.days(let count)): fields.add("window", "\(count) days")
            case .allTime: break
            }
        }
        fields.add("unit", unit)
        if periods.isEmpty { fields.add("period", defaultPeriod.name) }
        fields.add("periods", periods.map(\.name))
        if periods.first.map({ $0 != defaultPeriod }) == true { fields.add("period", defaultPeriod.name) }
        fields.add("display_name", displayName)
        fields.add("description", description)
        fields.add("caveats", caveats)
        fields.add("owner", owner)
        if let target {
            fields.add("target", plain: "{\(target.direction.rawValue): \(ValueText.format(target.value))}")
        }
        if isNorthStar { fields.add("north_star", plain: "true") }
        if latenessMillis > 0 { fields.add("lateness", DurationText.format(millis: latenessMillis)) }
        if !calendar.name.isEmpty { fields.add("calendar", calendar.name) }
        fields.add("aliases", aliases)
        return fields.text
    }
}

extension FunnelDefinition {
    fileprivate var yaml: String {
        var fields = FlowMapping()
        fields.add("name", name)
        fields.add("kind", plain: "counter")
        fields.add("base", base)
        fields.add("steps", steps)
        fields.add("display_name", displayName)
        fields.add("description", description)
        if !calendar.name.isEmpty { fields.add("calendar", calendar.name) }
        return fields.text
    }
}

extension KPIVersion {
    /// The version with the definitions that `text` holds; nil if they cannot be read any more.
    package init?(kpi: String, number: Int, since: Timestamp, text: String, zones: TimeZones = .system) {
        guard let definitions = try? KPIDefinitions.load([("versions", text)], zones: zones),
            let found = definitions.kpi(kpi)
        else { return nil }
        self.init(number: number, since: since, definitions: definitions, kpi: found)
    }
}
