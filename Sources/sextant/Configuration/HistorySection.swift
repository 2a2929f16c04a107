import Rules
import StrictYAML

/// Reads the section `history` of the section `sextant`: what is done about the past of recording rules.
enum HistorySection {
    /// Takes over what `node` sets.
    static func read(_ node: YAMLNode, into history: inout HistorySettings, _ reader: inout StrictReader) {
        let known = ["backfill", "repair_horizon"]
        guard let fields = reader.fields(of: node, owner: "the section history", known: known) else { return }
        if let millis = reader.durationMillis(fields, "repair_horizon") { history.repairMillis = millis }
        for item in reader.list(fields, "backfill") {
            if let wish = wish(item, &reader) { history.wishes.append(wish) }
        }
    }

    private static func wish(_ node: YAMLNode, _ reader: inout StrictReader) -> HistorySettings.Wish? {
        let known = ["group", "rule", "past"]
        guard let fields = reader.fields(of: node, owner: "a past", known: known) else { return nil }
        let group = reader.string(fields, "group")
        let rule = reader.string(fields, "rule")
        if group == nil && rule == nil {
            reader.report("a past needs group or rule: whose it is", at: node)
        }
        guard let millis = reader.durationMillis(fields, "past"), millis > 0 else {
            if fields["past"] == nil { reader.report("a past needs past, a duration such as 90d", at: node) }
            return nil
        }
        return HistorySettings.Wish(group: group, rule: rule, pastMillis: millis)
    }
}
