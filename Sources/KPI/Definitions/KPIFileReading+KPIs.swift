import Model
import StrictYAML

extension KPIFileReading {
    /// A KPI, or nil if it is wrong.
    mutating func kpi(_ node: YAMLNode) -> KPIFile.DraftKPI? {
        let known = [
            "name", "type", "metric", "numerator", "denominator", "expr", "fill", "grain_to_date",
            "window",
            "period", "periods", "unit", "display_name", "description", "caveats", "owner", "target",
            "north_star", "lateness", "calendar", "aliases", "display",
        ]
        guard
            let fields = reader.fields(
                of: node,
                owner: "a KPI",
                known: known,
                unsupported: KPIFile.later("inner")
            )
        else { return nil }
        let name = name(fields, owner: "a KPI")
        let type = type(fields)
        var definition = KPIDefinition(
            name: name ?? "",
            type: type ?? .simple(metric: ""),
            unit: reader.string(fields, "unit"),
            displayName: reader.string(fields, "display_name"),
            description: reader.string(fields, "description"),
            caveats: mentions(fields, "caveats").map(\.name),
            owner: reader.string(fields, "owner") ?? defaults.owner,
            target: target(fields),
            isNorthStar: flag(fields, "north_star"),
            calendar: Calendar(),
            defaultPeriod: .day,
            periods: [],
            latenessMillis: reader.durationMillis(fields, "lateness") ?? defaults.latenessMillis,
            aliases: mentions(fields, "aliases").map(\.name),
            display: KPIDisplay(),
            place: place(node)
        )
        var draft = KPIFile.DraftKPI(
            definition: definition,
            calendar: mention(fields, "calendar") ?? defaults.calendar,
            period: mention(fields, "period"),
            periods: mentions(fields, "periods"),
            grainToDate: mention(fields, "grain_to_date"),
            displayPeriod: nil,
            parts: ["numerator", "denominator"].compactMap { mention(fields, $0) }
        )
        if let node = fields["display"],
            let fields = reader.fields(of: node, owner: "display", known: ["period", "chart", "show"])
        {
            draft.displayPeriod = mention(fields, "period")
            definition.display = display(fields)
        }
        draft.definition = definition
        guard name != nil, type != nil else { return nil }
        return draft
    }

    /// How something is shown, but for its period.
    mutating func display(_ fields: YAMLFields) -> KPIDisplay {
        var display = KPIDisplay()
        if let text = mention(fields, "chart") {
            display.chart = oneOf(KPIDisplay.Chart.self, text, owner: "display.chart")
        }
        for text in mentions(fields, "show") {
            guard let figure = oneOf(KPIDisplay.Figure.self, text, owner: "display.show") else { continue }
            if display.show.contains(figure) {
                report("display.show has \(figure.rawValue) twice", text.place)
            } else {
                display.show.append(figure)
            }
        }
        return display
    }
}
