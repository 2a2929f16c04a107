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

    /// The KPI file; empty if everything is known.
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
    ///   - known: Definitions that there are already: columns that have the name or an alias of a metric in
    ///     them become samples of its series, and its KPIs are not defined again.
    ///   - zone: Where dates begin.
    ///   - read: The text of a file of the package, by its path.
    /// - Throws: `DataPackageError`, or what `read` throws.
    package init(
        descriptor: [UInt8],
        aliases: [String: String] = [:],
        known: KPIDefinitions = .none,
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
        var columns = ImportedColumns(prefix: prefix, aliases: aliases, known: known)
        var tables: [String: ImportedTable] = [:]
        var kpis: [String] = []
        var periods: [String] = []
        for view in package.views ?? [] {
            for part in view.resources ?? [] {
                let formulas = (part.transform ?? []).filter { $0.type == "formula" }
                if tables[part.name] == nil {
                    guard let resource = package.resources.first(where: { $0.name == part.name }) else {
                        throw DataPackageError(
                            description:
                                "the view \(view.name ?? "") is of the resource \(part.name), which there is not"
                        )
                    }
                    guard !formulas.isEmpty else { continue }
                    tables[part.name] = try ImportedTable(resource.name, try read(resource.path), zone)
                }
                guard let table = tables[part.name] else { continue }
                for transform in formulas {
                    let (expressions, fields) = (transform.expressions ?? [], transform.asFields ?? [])
                    guard expressions.count == fields.count else {
                        throw DataPackageError(
                            description:
                                "the view \(view.name ?? "") has \(expressions.count) expressions and "
                                + "\(fields.count) asFields; they belong together one by one"
                        )
                    }
                    for (expression, field) in zip(expressions, fields) {
                        let formula = try ImportedFormula(expression) { try columns.metric($0, of: table) }
                        let name = DataPackageImport.slug(field)
                        guard known.kpi(name) == nil, known.kpi(field) == nil else { continue }
                        kpis.append(formula.yaml(name, field, table.period))
                        if let period = table.periodDefinition { periods.append(period) }
                    }
                }
            }
        }
        // Tables without views have columns of known metrics, too.
        for resource in package.resources where !known.metrics.isEmpty && tables[resource.name] == nil {
            let text = try read(resource.path)
            guard ImportedTable.hasDates(text) else { continue }
            tables[resource.name] = try ImportedTable(resource.name, text, zone)
        }
        for resource in package.resources {
            if let table = tables[resource.name] { try columns.takeKnown(of: table) }
        }
        guard !kpis.isEmpty || !columns.series.isEmpty else {
            throw DataPackageError(
                description: "the package has no view with a formula"
                    + (known.metrics.isEmpty ? "" : ", and no column of a metric that is known")
            )
        }
        series = columns.series
        guard !kpis.isEmpty else {
            definitions = ""
            return
        }
        var calendar = prefix
        while known.calendars.contains(where: { $0.name == calendar }) { calendar += "_2" }
        var lines = ["kpi_version: 1", "defaults: {calendar: \(calendar)}", "calendars:"]
        let own = Set(periods).sorted().joined(separator: ", ")
        lines.append("  \(calendar): {timezone: \(LabelText.quoted(zone.name)), periods: {\(own)}}")
        if !columns.metrics.isEmpty { lines.append("metrics:") }
        lines += columns.metrics.map { metric in
            let former = metric.aliases.map(LabelText.quoted).joined(separator: ", ")
            let aliases = former.isEmpty ? "" : ", aliases: [\(former)]"
            return "  - {name: \(metric.name), from: {samples: \(prefix)_\(metric.name)}\(aliases)}"
        }
        lines.append("kpis:")
        lines += kpis.map { "  - \($0)" }
        definitions = lines.joined(separator: "\n") + "\n"
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
