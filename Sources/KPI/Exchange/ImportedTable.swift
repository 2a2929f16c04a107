import Model

/// A table of a package.
struct ImportedTable {
    let name: String
    let titles: [String]
    private let rows: [[String]]
    private let dates: [CivilDate]
    private let zone: TimeZoneRules

    init(_ name: String, _ text: String, _ zone: TimeZoneRules) throws {
        self.name = name
        self.zone = zone
        guard let rows = CSVText.rows(text.hasPrefix("\u{feff}") ? String(text.dropFirst()) : text),
            let titles = rows.first, let dateIndex = titles.firstIndex(where: { $0.lowercased() == "date" })
        else {
            throw DataPackageError(description: "the table \(name) has no column Date")
        }
        self.titles = titles
        self.rows = rows.dropFirst().filter { $0.count > 1 || $0.first != "" }
        var dates: [CivilDate] = []
        for (index, row) in self.rows.enumerated() {
            guard row.count == titles.count, let date = CivilDate(row[dateIndex].prefix(10)) else {
                throw DataPackageError(
                    description:
                        "line \(index + 2) of the table \(name) does not have a date and \(titles.count) fields"
                )
            }
            dates.append(date)
        }
        self.dates = dates
    }

    /// Whether `text` is a table with a column of dates.
    static func hasDates(_ text: String) -> Bool {
        let line = text.prefix { !$0.isNewline }
        let start = line.hasPrefix("\u{feff}") ? line.dropFirst() : line
        return CSVText.rows(String(start))?.first?.contains { $0.lowercased() == "date" } ?? false
    }

    /// Whether there is a column of that title.
    func has(_ title: String) -> Bool { titles.contains(title) }

    /// The numbers of columns that are one under several names; fields that are no numbers are left out.
    ///
    /// - Throws: `DataPackageError` if two of them have different numbers for a date.
    func column(_ titles: [String]) throws -> SampleColumn {
        var byTime: [Int64: Double] = [:]
        for title in titles {
            guard let index = self.titles.firstIndex(of: title) else { continue }
            var own: [Int64: Double] = [:]
            for (row, date) in zip(rows, dates) {
                guard let value = ValueText.parse(row[index]), value.isFinite else { continue }
                let time = zone.start(of: date) * 1000
                if let other = byTime[time], other != value {
                    throw DataPackageError(
                        description: "the table \(name) has both \(ValueText.format(other)) and "
                            + "\(ValueText.format(value)) for \(date) in the columns "
                            + titles.map(LabelText.quoted).joined(separator: " and ")
                            + ", which are one"
                    )
                }
                own[time] = value
            }
            byTime.merge(own) { $1 }
        }
        let times = byTime.keys.sorted()
        return SampleColumn(timestamps: times, values: times.map { byTime[$0] ?? 0 })
    }

    /// The period of the rows, by the distances of their dates.
    var period: String {
        if stepDays == 1 { return "day" }
        if stepDays == 7, dates.allSatisfy({ $0.weekday == 0 }) { return "week" }
        if dates.allSatisfy({ $0.components.day == 1 }), dates.count > 1 { return "month" }
        return stepDays == 14 ? "sprint" : "every_\(stepDays)d"
    }

    /// The definition of the period, if it is no common one.
    var periodDefinition: String? {
        guard !["day", "week", "month"].contains(period), let first = dates.min() else { return nil }
        return "\(period): {every: \(stepDays)d, anchor: \(first)}"
    }

    private var stepDays: Int {
        let sorted = dates.sorted()
        return zip(sorted.dropFirst(), sorted).map { $0.dayNumber - $1.dayNumber }.filter { $0 > 0 }.min()
            ?? 1
    }
}
