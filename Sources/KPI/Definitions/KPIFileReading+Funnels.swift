import Model
import StrictYAML

extension KPIFileReading {
    /// A funnel, or nil if it is wrong.
    mutating func funnel(_ node: YAMLNode) -> KPIFile.DraftFunnel? {
        let known = ["name", "kind", "base", "steps", "display_name", "description", "calendar", "display"]
        let later = KPIFile.later(
            "entity",
            "order",
            "conversion_window",
            "exclusions",
            "breakdown",
            "count_by",
            "step_window",
            "holding_constant",
            "strictly_increasing"
        )
        guard let fields = reader.fields(of: node, owner: "a funnel", known: known, unsupported: later)
        else { return nil }
        let name = name(fields, owner: "a funnel")
        let kind = reader.string(fields, "kind")
        guard kind == "counter" else {
            reader.report(
                "a funnel needs kind: counter; others are not supported",
                at: fields["kind"] ?? node
            )
            return nil
        }
        let base = needed(fields, "base", owner: "a funnel")
        let steps = mentions(fields, "steps")
        guard !steps.isEmpty else {
            reader.report("a funnel needs at least one step behind its base", at: fields["steps"] ?? node)
            return nil
        }
        var seen: Set<String> = base.map { [$0] } ?? []
        for step in steps where !seen.insert(step.name).inserted {
            report("the step \(step.name) is given twice", step.place)
        }
        let displayName = reader.string(fields, "display_name")
        let description = reader.string(fields, "description")
        var display = KPIDisplay()
        if let node = fields["display"],
            let fields = reader.fields(of: node, owner: "display", known: ["chart", "show"])
        {
            display = self.display(fields)
        }
        guard let name, let base else { return nil }
        return KPIFile.DraftFunnel(
            definition: FunnelDefinition(
                name: name,
                base: base,
                steps: steps.map(\.name),
                displayName: displayName,
                description: description,
                calendar: Calendar(),
                display: display,
                place: place(node)
            ),
            calendar: mention(fields, "calendar") ?? defaults.calendar
        )
    }
}
