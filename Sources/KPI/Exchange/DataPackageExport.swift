import Model

/// Values of KPIs as a Frictionless data package: a table of comma-separated values per period, and the
/// descriptor with its schema and with views.
///
/// Source: https://specs.frictionlessdata.io/data-package/ and `/table-schema/`; views are of DataHub.
package struct DataPackageExport: Sendable {
    /// A file of the package.
    package struct File: Hashable, Sendable {
        /// Its name.
        package var path: String
        /// Its text.
        package var content: String
    }

    /// One table.
    private struct Table {
        var name: String
        var title: String
        var dateType: String
        var columns: [Column]
        var views: [JSONValue]
        var csv: String
    }

    private struct Column {
        var title: String
        var values: [Double?]
    }

    /// A percentage that a view works out of two columns.
    private struct Percentage {
        var title: String
        var part: String
        var whole: String
    }

    private var tables: [Table] = []
    private let name: String

    /// An empty package called `name`.
    package init(name: String) {
        self.name = name
    }

    /// Adds the table of one period.
    ///
    /// - Parameters:
    ///   - report: The KPIs; only buckets that have ended become rows.
    ///   - metrics: The metrics that views need, over the same buckets.
    ///   - funnels: The funnels that become views.
    ///   - now: The time, in milliseconds.
    package mutating func add(
        _ report: KPIReport,
        metrics: MetricReport,
        funnels: [FunnelDefinition],
        now: Int64
    ) {
        let rowCount = report.frames.buckets.prefix { $0.end <= now }.count
        var taken: Set<ByteText> = ["Date"].reduce(into: []) { $0.insert(ByteText($1)) }
        var columns: [Column] = []
        for entry in report.entries {
            let kpi = entry.row.kpi
            let title = [kpi.displayName, kpi.name, "KPI \(kpi.name)"].compactMap(\.self).first {
                taken.insert(ByteText($0)).inserted
            }
            if let title { columns.append(Column(title: title, values: entry.row.values)) }
        }
        var titles: [ByteText: String] = [:]
        for row in metrics.rows {
            let title = [row.name, "metric \(row.name)"].first { taken.insert(ByteText($0)).inserted }
            guard let title else { continue }
            titles[ByteText(row.name)] = title
            columns.append(Column(title: title, values: row.values))
        }
        let period = report.frames.period
        let resource = DataPackageExport.resourceName(period)
        var table = Table(
            name: resource,
            title: "KPIs by \(period.name)",
            dateType: period == .hour ? "datetime" : "date",
            columns: columns,
            views: [],
            csv: ""
        )
        table.views = views(report, funnels, titles, resource)
        table.csv = DataPackageExport.csv(report.frames, columns, rowCount)
        tables.append(table)
    }

    /// The metrics that the views of these KPIs and funnels need, each once.
    package static func metrics(of kpis: [KPIDefinition], _ funnels: [FunnelDefinition]) -> [String] {
        var names: [String] = []
        for kpi in kpis where kpi.isPercentage {
            guard case .ratio(let numerator, let denominator) = kpi.type else { continue }
            names += [numerator, denominator]
        }
        names += funnels.flatMap(\.allSteps)
        var seen: Set<ByteText> = []
        return names.filter { seen.insert(ByteText($0)).inserted }
    }

    /// What the table of a period is called.
    package static func resourceName(_ period: Period) -> String {
        switch period {
        case .hour: "hourly_stats"
        case .day: "daily_stats"
        case .week: "weekly_stats"
        case .month: "monthly_stats"
        case .quarter: "quarterly_stats"
        case .year: "yearly_stats"
        case .fiscalQuarter, .fiscalYear: "\(period.name)_stats"
        case .named(let name):
            name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? String($0) : "_" }.joined()
                + "_stats"
        }
    }

    /// The files of the package, the descriptor last.
    package var files: [File] {
        let resources = tables.map { table in
            JSONValue.object([
                ("name", .string(table.name)), ("title", .string(table.title)),
                ("path", .string("\(table.name).csv")), ("profile", .string("tabular-data-resource")),
                ("format", .string("csv")), ("mediatype", .string("text/csv")),
                ("encoding", .string("utf-8")),
                ("dialect", .object([("delimiter", .string(",")), ("quoteChar", .string("\""))])),
                ("schema", DataPackageExport.schema(table.columns, table.dateType)),
            ])
        }
        let descriptor = JSONValue.object([
            ("name", .string(name)), ("title", .string("KPIs of \(name)")),
            ("resources", .array(resources)), ("views", .array(tables.flatMap(\.views))),
        ])
        return tables.map { File(path: "\($0.name).csv", content: $0.csv) }
            + [File(path: "datapackage.json", content: descriptor.text)]
    }

    // MARK: - Parts

    private static func schema(_ columns: [Column], _ dateType: String) -> JSONValue {
        let date = JSONValue.object([
            ("name", .string("Date")), ("type", .string(dateType)), ("format", .string("default")),
        ])
        let fields = columns.map { column in
            let isWhole = column.values.allSatisfy {
                $0.map { $0.rounded() == $0 && $0.magnitude < 1e15 } ?? true
            }
            return JSONValue.object([
                ("name", .string(column.title)), ("type", .string(isWhole ? "integer" : "number")),
                ("format", .string("default")),
            ])
        }
        return .object([("fields", .array([date] + fields)), ("missingValues", .strings([""]))])
    }

    private static func csv(_ frames: ReportFrames, _ columns: [Column], _ rowCount: Int) -> String {
        var out = (["Date"] + columns.map(\.title)).map(CSVText.field).joined(separator: ",") + "\r\n"
        for index in 0..<rowCount {
            let start = frames.calendar.text(of: frames.buckets[index].start)
            let date =
                frames.period == .hour
                ? frames.calendar.utcText(of: frames.buckets[index].start) : String(start.prefix(10))
            let fields = [date] + columns.map { $0.values[index].map(ValueText.format) ?? "" }
            out += fields.map(CSVText.field).joined(separator: ",") + "\r\n"
        }
        return out
    }

    private func views(
        _ report: KPIReport,
        _ funnels: [FunnelDefinition],
        _ titles: [ByteText: String],
        _ resource: String
    ) -> [JSONValue] {
        var views: [JSONValue] = []
        let ratios = report.entries.compactMap { entry -> Percentage? in
            guard entry.row.kpi.isPercentage,
                case .ratio(let numerator, let denominator) = entry.row.kpi.type,
                let part = titles[ByteText(numerator)], let whole = titles[ByteText(denominator)]
            else { return nil }
            let title = entry.row.kpi.displayName ?? entry.row.kpi.name
            return Percentage(title: "\(title) in percent", part: part, whole: whole)
        }
        if !ratios.isEmpty {
            views.append(
                DataPackageExport.view("\(resource)_percentages", "Percentages", resource, ratios)
            )
        }
        for funnel in funnels {
            guard let whole = titles[ByteText(funnel.base)] else { continue }
            let steps = funnel.steps.compactMap { step in
                titles[ByteText(step)].map {
                    Percentage(title: "Percentage of \(step)", part: $0, whole: whole)
                }
            }
            let title = funnel.displayName ?? funnel.name
            views.append(
                DataPackageExport.view("\(resource)_\(funnel.name)", "Funnel \(title)", resource, steps)
            )
        }
        return views
    }

    private static func view(
        _ name: String,
        _ title: String,
        _ resource: String,
        _ percentages: [Percentage]
    ) -> JSONValue {
        let expressions = percentages.map { "data['\($0.part)'] * 100 / data['\($0.whole)']" }
        let transform = JSONValue.object([
            ("type", .string("formula")), ("expressions", .strings(expressions)),
            ("asFields", .strings(percentages.map(\.title))),
        ])
        return .object([
            ("name", .string(name)), ("title", .string(title)),
            (
                "resources",
                .array([.object([("name", .string(resource)), ("transform", .array([transform]))])])
            ),
            ("specType", .string("simple")),
            (
                "spec",
                .object([
                    ("group", .string("Date")), ("series", .strings(percentages.map(\.title))),
                    ("type", .string("line")), ("ySuffix", .string("%")),
                ])
            ),
        ])
    }
}

extension Calendar {
    /// The instant in UTC, such as `2018-04-05T00:00:00Z`.
    func utcText(of millis: Int64) -> String { moved(to: .utc).text(of: millis) }
}

extension KPIService {
    /// The KPIs, metrics and views of one period, or of each KPI's default one, as files.
    ///
    /// - Parameters:
    ///   - names: The KPIs; none: all.
    ///   - period: The period; nil: one table for each default period.
    ///   - name: What the package is called.
    ///   - budget: What the reading may use up.
    /// - Returns: The files, the descriptor last.
    /// - Throws: What is wrong with the request, or why the samples cannot be read.
    package func export(
        _ names: [String],
        period: String?,
        name: String,
        budget: QueryBudget
    ) throws(ReportError) -> [DataPackageExport.File] {
        let definitions = versions.current
        let kpis = try KPISelection(names, in: definitions).kpis.filter {
            definitions.missingMetrics(of: $0).isEmpty
        }
        let funnels = definitions.funnels.filter { $0.allSteps.allSatisfy { definitions.metric($0) != nil } }
        var periods: [String] = []
        for name in period.map({ [$0] }) ?? kpis.map(\.defaultPeriod.name) where !periods.contains(name) {
            periods.append(name)
        }
        var package = DataPackageExport(name: name)
        for wanted in periods {
            let own = period == nil ? kpis.filter { $0.defaultPeriod.name == wanted } : kpis
            var request = ReportRequest()
            request.names = own.map(\.name)
            request.period = wanted
            let report = try report(request, budget: budget)
            let metricNames = DataPackageExport.metrics(of: own, funnels)
            var metricRequest = ReportRequest()
            metricRequest.period = wanted
            metricRequest.start = report.frames.buckets.first?.start
            metricRequest.end = report.frames.buckets.last.map { $0.end }
            let metrics = try metricReport(
                metricNames,
                calendars: [report.frames.calendar],
                metricRequest,
                definitions,
                budget
            )
            package.add(report, metrics: metrics, funnels: funnels, now: now.millis)
        }
        return package.files
    }
}
