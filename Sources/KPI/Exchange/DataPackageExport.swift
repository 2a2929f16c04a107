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
        var kpiTitles: [ByteText: String] = [:]
        for entry in report.entries {
            let kpi = entry.row.kpi
            let title = [kpi.displayName, kpi.name, "KPI \(kpi.name)"].compactMap(\.self).first {
                taken.insert(ByteText($0)).inserted
            }
            if let title {
                kpiTitles[ByteText(kpi.name)] = title
                columns.append(Column(title: title, values: entry.row.values))
            }
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
        table.views =
            percentageViews(report, titles, resource) + chartViews(report, kpiTitles, resource)
            + funnelViews(funnels, titles, resource)
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

    /// The percentages, one view for each kind of chart.
    private func percentageViews(
        _ report: KPIReport,
        _ titles: [ByteText: String],
        _ resource: String
    ) -> [JSONValue] {
        KPIDisplay.Chart.allCases.compactMap { chart in
            let ratios = report.entries.compactMap { entry -> Percentage? in
                let kpi = entry.row.kpi
                guard kpi.isPercentage, kpi.display.chart ?? .line == chart,
                    case .ratio(let numerator, let denominator) = kpi.type,
                    let part = titles[ByteText(numerator)], let whole = titles[ByteText(denominator)]
                else { return nil }
                let title = kpi.displayName ?? kpi.name
                return Percentage(title: "\(title) in percent", part: part, whole: whole)
            }
            guard !ratios.isEmpty else { return nil }
            let suffix = chart == .line ? "" : "_\(chart.rawValue)"
            return DataPackageExport.view(
                "\(resource)_percentages\(suffix)",
                "Percentages",
                resource,
                ratios,
                chart
            )
        }
    }

    /// The KPIs for which a chart is declared and that are columns as they are, one view each.
    private func chartViews(
        _ report: KPIReport,
        _ titles: [ByteText: String],
        _ resource: String
    ) -> [JSONValue] {
        report.entries.compactMap { entry in
            let kpi = entry.row.kpi
            guard let chart = kpi.display.chart, !(kpi.isPercentage && kpi.isRatio),
                let title = titles[ByteText(kpi.name)]
            else { return nil }
            return DataPackageExport.view(
                "\(resource)_\(kpi.name)",
                kpi.displayName ?? kpi.name,
                .object([("name", .string(resource))]),
                [title],
                chart,
                suffix: kpi.isPercentage ? "%" : nil
            )
        }
    }

    private func funnelViews(
        _ funnels: [FunnelDefinition],
        _ titles: [ByteText: String],
        _ resource: String
    ) -> [JSONValue] {
        funnels.compactMap { funnel in
            guard let whole = titles[ByteText(funnel.base)] else { return nil }
            let steps = funnel.steps.compactMap { step in
                titles[ByteText(step)].map {
                    Percentage(title: "Percentage of \(step)", part: $0, whole: whole)
                }
            }
            return DataPackageExport.view(
                "\(resource)_\(funnel.name)",
                "Funnel \(funnel.displayName ?? funnel.name)",
                resource,
                steps,
                funnel.display.chart ?? .line
            )
        }
    }

    /// A view that works percentages out of columns.
    private static func view(
        _ name: String,
        _ title: String,
        _ resource: String,
        _ percentages: [Percentage],
        _ chart: KPIDisplay.Chart
    ) -> JSONValue {
        let expressions = percentages.map { "data['\($0.part)'] * 100 / data['\($0.whole)']" }
        let transform = JSONValue.object([
            ("type", .string("formula")), ("expressions", .strings(expressions)),
            ("asFields", .strings(percentages.map(\.title))),
        ])
        return view(
            name,
            title,
            .object([("name", .string(resource)), ("transform", .array([transform]))]),
            percentages.map(\.title),
            chart,
            suffix: "%"
        )
    }

    private static func view(
        _ name: String,
        _ title: String,
        _ resource: JSONValue,
        _ series: [String],
        _ chart: KPIDisplay.Chart,
        suffix: String?
    ) -> JSONValue {
        var spec: [(key: String, value: JSONValue)] = [
            ("group", .string("Date")), ("series", .strings(series)), ("type", .string(chart.rawValue)),
        ]
        if let suffix { spec.append(("ySuffix", .string(suffix))) }
        return .object([
            ("name", .string(name)), ("title", .string(title)), ("resources", .array([resource])),
            ("specType", .string("simple")), ("spec", .object(spec)),
        ])
    }
}
