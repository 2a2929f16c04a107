import Foundation
import Model

/// What is wrong with a data package.
package struct DataPackageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    package var description: String
}

/// Makes KPI definitions and samples of a data package whose views work out percentages.
package struct DataPackageImport: Sendable {
    /// A series with its samples.
    package struct Series: Sendable {
        /// The name of the series.
        package var name: String
        /// The samples.
        package var column: SampleColumn
    }

    /// The KPI file.
    package let definitions: String
    /// The samples.
    package let series: [Series]

    private struct Descriptor: Decodable {
        struct Resource: Decodable {
            var name: String
            var path: String
        }
        struct View: Decodable {
            struct Part: Decodable {
                var name: String
                var transform: [Transform]?
            }
            var name: String?
            var resources: [Part]?
        }
        struct Transform: Decodable {
            var type: String
            var expressions: [String]?
            var asFields: [String]?
        }
        var name: String?
        var resources: [Resource]
        var views: [View]?
    }

    /// The package with that descriptor.
    ///
    /// - Parameters:
    ///   - descriptor: The bytes of `datapackage.json`.
    ///   - aliases: Former names of columns, with those that they have now.
    ///   - zone: Where dates begin.
    ///   - read: The text of a file of the package, by its path.
    /// - Throws: `DataPackageError`, or what `read` throws.
    package init(
        descriptor: [UInt8],
        aliases: [String: String] = [:],
        zone: TimeZoneRules = .utc,
        read: (String) throws -> String
    ) throws {
        let package: Descriptor
        do {
            package = try JSONDecoder().decode(Descriptor.self, from: Data(descriptor))
        } catch {
            throw DataPackageError(
                description: "datapackage.json is no descriptor of a data package: \(error)"
            )
        }
        let prefix = DataPackageImport.slug(package.name ?? "package")
        var tables: [String: ImportedTable] = [:]
        var kpis: [String] = []
        var periods: [String] = []
        var series: [Series] = []
        var metrics: [String] = []
        for view in package.views ?? [] {
            for part in view.resources ?? [] {
                if tables[part.name] == nil {
                    guard let resource = package.resources.first(where: { $0.name == part.name }) else {
                        throw DataPackageError(
                            description:
                                "the view \(view.name ?? "") is of the resource \(part.name), which there is not"
                        )
                    }
                    let table = try ImportedTable(resource.name, try read(resource.path), zone)
                    tables[part.name] = table
                    if let period = table.periodDefinition { periods.append(period) }
                }
                guard let table = tables[part.name] else { continue }
                for transform in part.transform ?? [] where transform.type == "formula" {
                    let (expressions, fields) = (transform.expressions ?? [], transform.asFields ?? [])
                    guard expressions.count == fields.count else {
                        throw DataPackageError(
                            description:
                                "the view \(view.name ?? "") has \(expressions.count) expressions and "
                                + "\(fields.count) asFields; they belong together one by one"
                        )
                    }
                    for (expression, field) in zip(expressions, fields) {
                        let formula = try ImportedFormula(expression, table, aliases)
                        for title in formula.columns {
                            let metric = DataPackageImport.slug(title)
                            guard !metrics.contains(metric) else { continue }
                            metrics.append(metric)
                            series.append(Series(name: "\(prefix)_\(metric)", column: table.column(title)))
                        }
                        kpis.append(formula.yaml(DataPackageImport.slug(field), field, table.period))
                    }
                }
            }
        }
        guard !kpis.isEmpty else {
            throw DataPackageError(description: "the package has no view with a formula")
        }
        var lines = ["kpi_version: 1", "defaults: {calendar: \(prefix)}", "calendars:"]
        let own = Set(periods).sorted().joined(separator: ", ")
        lines.append("  \(prefix): {timezone: \(LabelText.quoted(zone.name)), periods: {\(own)}}")
        lines.append("metrics:")
        lines += metrics.map { "  - {name: \($0), from: {samples: \(prefix)_\($0)}}" }
        lines.append("kpis:")
        lines += kpis.map { "  - \($0)" }
        definitions = lines.joined(separator: "\n") + "\n"
        self.series = series
    }

    /// The samples as text exposition with times.
    package var exposition: String {
        series.map { series in
            zip(series.column.timestamps, series.column.values).map { time, value in
                "\(series.name) \(ValueText.format(value)) \(time)\n"
            }.joined()
        }.joined()
    }

    /// `text` as a name: small letters and digits, everything else one `_`.
    static func slug(_ text: String) -> String {
        var out = ""
        for character in text.lowercased() {
            if character.isASCII, character.isLetter || character.isNumber {
                out.append(character)
            } else if out.last != "_", !out.isEmpty {
                out.append("_")
            }
        }
        while out.last == "_" { out.removeLast() }
        return out.first.map { $0.isNumber } ?? true ? "_" + out : out
    }
}

/// A table of a package.
private struct ImportedTable {
    let name: String
    private let titles: [String]
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

    /// Whether there is a column of that title.
    func has(_ title: String) -> Bool { titles.contains(title) }

    /// The titles.
    var columnTitles: [String] { titles }

    /// The numbers of a column; fields that are no numbers are left out.
    func column(_ title: String) -> SampleColumn {
        guard let index = titles.firstIndex(of: title) else { return SampleColumn() }
        var byTime: [Int64: Double] = [:]
        for (row, date) in zip(rows, dates) {
            guard let value = ValueText.parse(row[index]), value.isFinite else { continue }
            byTime[zone.start(of: date) * 1000] = value
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

/// An expression of a view over columns: `data['A'] * 100 / data['B']`.
private struct ImportedFormula {
    /// The titles of its columns, in the order of the text, each once.
    private(set) var columns: [String] = []
    private let formula: Formula

    init(_ text: String, _ table: ImportedTable, _ aliases: [String: String]) throws {
        var plain = ""
        var rest = Substring(text)
        while let start = rest.range(of: "data[") {
            plain += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let quote = rest.first, quote == "'" || quote == "\"",
                let end = rest.dropFirst().firstIndex(of: quote),
                rest[rest.index(after: end)...].hasPrefix("]")
            else {
                throw DataPackageError(
                    description: "the expression \(text) has data[ without a quoted column"
                )
            }
            var title = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(end, offsetBy: 2)...]
            if !table.has(title), let alias = aliases[title] { title = alias }
            guard table.has(title) else {
                throw DataPackageError(
                    description: "the table \(table.name) has no column \(LabelText.quoted(title))"
                        + Suggestion.text(for: title, among: table.columnTitles)
                )
            }
            if !columns.contains(title) { columns.append(title) }
            plain += DataPackageImport.slug(title)
        }
        plain += rest
        do throws(FormulaError) {
            formula = try FormulaReader.parse(plain)
        } catch {
            throw DataPackageError(description: "the expression \(text) is wrong: \(error.message)")
        }
    }

    /// The KPI; one part in percent of another is a ratio, everything else is derived.
    func yaml(_ name: String, _ title: String, _ period: String) -> String {
        let common = "period: \(period), display_name: \(LabelText.quoted(title))"
        guard let (part, whole) = percentage else {
            return "{name: \(name), type: derived, expr: \(LabelText.quoted(formula.description)), \(common)}"
        }
        return
            "{name: \(name), type: ratio, numerator: \(part), denominator: \(whole), unit: percentage, \(common)}"
    }

    private var percentage: (part: String, whole: String)? {
        switch formula {
        case .binary(
            .divide,
            .binary(.multiply, .name(let part, 0), .number(100)),
            .name(let whole, 0)
        ): (part, whole)
        case .binary(
            .divide,
            .binary(.multiply, .number(100), .name(let part, 0)),
            .name(let whole, 0)
        ): (part, whole)
        case .binary(
            .multiply,
            .binary(.divide, .name(let part, 0), .name(let whole, 0)),
            .number(100)
        ): (part, whole)
        case .binary(
            .multiply,
            .number(100),
            .binary(.divide, .name(let part, 0), .name(let whole, 0))
        ): (part, whole)
        default: nil
        }
    }
}
