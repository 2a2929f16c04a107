import Model
import StrictYAML

extension KPIFileReading {
    private static let weekdays = [
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
    ]

    /// The calendars of the section of that name.
    mutating func calendars(_ fields: YAMLFields) -> [Calendar] {
        guard let node = fields["calendars"] else { return [] }
        guard case .mapping(let entries) = node.content else {
            reader.report("calendars has to be a mapping, not \(node.kindName)", at: node)
            return []
        }
        return entries.compactMap { entry in
            if !DefinitionName.isValid(entry.name) {
                reportName(entry.name, owner: "a calendar", at: entry.key)
            }
            return calendar(entry.name, entry.value)
        }
    }

    private mutating func calendar(_ name: String, _ node: YAMLNode) -> Calendar? {
        let known = ["timezone", "week_start", "fiscal_year_start", "periods"]
        guard let fields = reader.fields(of: node, owner: "a calendar", known: known) else {
            return nil
        }
        var calendar = Calendar(name: name)
        if let node = fields["timezone"], let text = reader.string(fields, "timezone") {
            if let zone = zones.zone(named: text) {
                calendar.zone = zone
            } else {
                reader.report(
                    "time zone \(LabelText.quoted(text)) is not known"
                        + Suggestion.text(for: text, among: zones.names),
                    at: node
                )
            }
        }
        if let node = fields["week_start"], let text = reader.string(fields, "week_start") {
            if let weekday = KPIFileReading.weekdays.firstIndex(of: text) {
                calendar.weekStart = weekday
            } else {
                reader.report(
                    "week_start has to be one of \(KPIFileReading.weekdays.joined(separator: ", ")), not "
                        + LabelText.quoted(text),
                    at: node
                )
            }
        }
        calendar.fiscalStart = fiscalStart(fields)
        calendar.cycles = cycles(fields)
        return calendar
    }

    private mutating func fiscalStart(_ fields: YAMLFields) -> Calendar.FiscalStart? {
        guard let node = fields["fiscal_year_start"],
            let text = reader.string(fields, "fiscal_year_start")
        else { return nil }
        // Of a year without a leap day, so that every year has the date.
        guard text.utf8.count == 5, let date = CivilDate("2023-\(text)") else {
            reader.report(
                "fiscal_year_start has to be month and day of every year, such as 02-01, not "
                    + LabelText.quoted(text),
                at: node
            )
            return nil
        }
        return Calendar.FiscalStart(month: date.components.month, day: date.components.day)
    }

    private mutating func cycles(_ fields: YAMLFields) -> [Calendar.Cycle] {
        guard let node = fields["periods"] else { return [] }
        guard case .mapping(let entries) = node.content else {
            reader.report("periods has to be a mapping, not \(node.kindName)", at: node)
            return []
        }
        var cycles: [Calendar.Cycle] = []
        let taken = Set((Period.common + [.fiscalQuarter, .fiscalYear]).map(\.name))
        for entry in entries {
            if taken.contains(entry.name) {
                reader.report("the period \(entry.name) means something already", at: entry.key)
            } else if !DefinitionName.isValid(entry.name) {
                reportName(entry.name, owner: "a period", at: entry.key)
            }
            guard
                let fields = reader.fields(of: entry.value, owner: "a period", known: ["every", "anchor"])
            else { continue }
            let dayCount = dayCount(fields)
            let anchor = anchor(fields)
            guard let dayCount, let anchor else { continue }
            cycles.append(Calendar.Cycle(name: entry.name, dayCount: dayCount, anchor: anchor))
        }
        return cycles
    }

    private mutating func dayCount(_ fields: YAMLFields) -> Int? {
        guard let node = fields["every"] else {
            reader.report("a period needs every, such as 14d or 2w", at: fields.node)
            return nil
        }
        guard let text = reader.string(fields, "every") else { return nil }
        let unit = text.utf8.last == UInt8(ascii: "w") ? 7 : text.utf8.last == UInt8(ascii: "d") ? 1 : 0
        let digits = text.utf8.dropLast()
        guard unit > 0, (1...5).contains(digits.count), digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let count = Int(String(decoding: Array(digits), as: UTF8.self)),
            (1...3660).contains(count * unit)
        else {
            reader.report(
                "every has to be whole days or weeks such as 14d or 2w, not \(LabelText.quoted(text))",
                at: node
            )
            return nil
        }
        return count * unit
    }

    private mutating func anchor(_ fields: YAMLFields) -> CivilDate? {
        guard let node = fields["anchor"] else {
            reader.report(
                "a period with every needs an anchor, the date on which one of them begins",
                at: fields.node
            )
            return nil
        }
        guard let text = reader.string(fields, "anchor") else { return nil }
        guard let date = CivilDate(text) else {
            reader.report(
                "anchor has to be a date such as 2018-04-05, not \(LabelText.quoted(text))",
                at: node
            )
            return nil
        }
        return date
    }
}
