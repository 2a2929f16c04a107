import Model
import StrictYAML

extension KPIFileReading {
    /// How a KPI is made, or nil if that is wrong.
    mutating func type(_ fields: YAMLFields) -> KPIType? {
        let keys: [String: [String]] = [
            "simple": ["metric"], "ratio": ["numerator", "denominator"], "derived": ["expr", "fill"],
            "cumulative": ["metric", "grain_to_date", "window"], "per_day_average": ["metric"],
        ]
        let names = ["simple", "ratio", "derived", "cumulative", "per_day_average"]
        guard let node = fields["type"], let text = reader.string(fields, "type") else {
            if fields["type"] == nil {
                reader.report("a KPI needs a type: \(names.joined(separator: ", "))", at: fields.node)
            }
            return nil
        }
        guard let own = keys[text] else {
            let isLater = ["stickiness", "retention", "conversion", "funnel_step", "quantile"].contains(
                text
            )
            reader.report(
                isLater
                    ? "type: \(text) is not supported"
                    : "type \(LabelText.quoted(text)) is not known; known are \(names.joined(separator: ", "))",
                at: node
            )
            return nil
        }
        for key in Set(keys.values.joined()).subtracting(own).sorted() {
            if let misplaced = fields[key] {
                reader.report("\(key) does not belong to a KPI of type \(text)", at: misplaced)
            }
        }
        switch text {
        case "simple": return needed(fields, "metric").map { .simple(metric: $0) }
        case "per_day_average": return needed(fields, "metric").map { .perDayAverage(metric: $0) }
        case "ratio":
            let numerator = needed(fields, "numerator")
            let denominator = needed(fields, "denominator")
            guard let numerator, let denominator else { return nil }
            return .ratio(numerator: numerator, denominator: denominator)
        case "derived": return derived(fields)
        default: return cumulative(fields)
        }
    }

    private mutating func derived(_ fields: YAMLFields) -> KPIType? {
        let fill = number(fields, "fill")
        guard let text = needed(fields, "expr"), let node = fields["expr"] else { return nil }
        do throws(FormulaError) {
            return .derived(try FormulaReader.parse(text), fill: fill)
        } catch {
            reader.report("expr is wrong: \(error.message)", at: node)
            return nil
        }
    }

    private mutating func cumulative(_ fields: YAMLFields) -> KPIType? {
        guard let metric = needed(fields, "metric") else { return nil }
        if let node = fields["window"], fields["grain_to_date"] != nil {
            reader.report("a cumulative KPI has either grain_to_date or window, not both", at: node)
            return nil
        }
        // The period is looked up once the calendar is known.
        guard fields["grain_to_date"] == nil else {
            return .cumulative(metric: metric, .toDate(.month))
        }
        guard let node = fields["window"] else { return .cumulative(metric: metric, .allTime) }
        guard let text = reader.string(fields, "window") else { return nil }
        guard let window = Window(text) else {
            reader.report(
                "window has to be elapsed time such as 7d, or local dates such as 7 days, not "
                    + LabelText.quoted(text),
                at: node
            )
            return nil
        }
        return .cumulative(metric: metric, .window(window))
    }

    /// What a KPI should reach; nil if it has no target or a wrong one.
    mutating func target(_ fields: YAMLFields) -> KPITarget? {
        guard let node = fields["target"],
            let fields = reader.fields(
                of: node,
                owner: "target",
                known: ["above", "below"],
                unsupported: KPIFile.later("group")
            )
        else { return nil }
        let above = number(fields, "above")
        let below = number(fields, "below")
        switch (above, below) {
        case (let value?, nil): return KPITarget(direction: .above, value: value)
        case (nil, let value?): return KPITarget(direction: .below, value: value)
        case (nil, nil) where fields["above"] != nil || fields["below"] != nil: return nil
        default:
            reader.report("target needs either above or below", at: node)
            return nil
        }
    }
}
