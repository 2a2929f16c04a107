import Model

/// What becomes of the columns of a package: metrics of their own, or more samples of known ones.
struct ImportedColumns {
    /// The metrics to define, each with the names that its column had before.
    private(set) var metrics: [(name: String, aliases: [String])] = []
    /// The samples.
    private(set) var series: [DataPackageImport.Series] = []

    private let prefix: String
    private let aliases: [String: String]
    private let known: KPIDefinitions
    /// The metrics whose samples have been taken, from one table each.
    private var taken: Set<ByteText> = []

    /// No columns yet.
    ///
    /// - Parameters:
    ///   - prefix: What the series of new metrics begin with.
    ///   - aliases: Former names of columns, with those that they have now.
    ///   - known: The definitions that there are already.
    init(prefix: String, aliases: [String: String], known: KPIDefinitions) {
        self.prefix = prefix
        self.aliases = aliases
        self.known = known
    }

    /// The metric that the column `title` of a table is; its samples are taken once.
    ///
    /// - Throws: `DataPackageError` if the table has no such column, or its metric takes no samples.
    mutating func metric(_ title: String, of table: ImportedTable) throws -> String {
        if let metric = knownMetric(title) {
            let titles = table.titles.filter { knownMetric($0)?.name == metric.name }
            guard !titles.isEmpty else { throw ImportedColumns.missing(title, table) }
            try take(metric, titles, of: table)
            return metric.name
        }
        let former = table.has(title) ? nil : title
        let title = former.flatMap { aliases[$0] } ?? title
        guard table.has(title) else { throw ImportedColumns.missing(title, table) }
        if knownMetric(title) != nil { return try metric(title, of: table) }
        let name = DataPackageImport.slug(title)
        if let former, let index = metrics.firstIndex(where: { $0.name == name }) {
            if !metrics[index].aliases.contains(former) { metrics[index].aliases.append(former) }
        }
        guard taken.insert(ByteText(name)).inserted else { return name }
        metrics.append((name, former.map { [$0] } ?? []))
        series.append(
            DataPackageImport.Series(name: "\(prefix)_\(name)", column: try table.column([title]))
        )
        return name
    }

    /// Takes the columns of a table that are known metrics, unless another table has them already.
    mutating func takeKnown(of table: ImportedTable) throws {
        for title in table.titles where knownMetric(title) != nil { _ = try metric(title, of: table) }
    }

    // MARK: - Known metrics

    /// The metric that has `title` as a name, now or formerly, itself or through a KPI that shows it.
    private func knownMetric(_ title: String) -> MetricDefinition? {
        guard title.lowercased() != "date" else { return nil }
        let slug = DataPackageImport.slug(title)
        func isMeant(_ aliases: [String]) -> Bool {
            aliases.contains { ByteText($0) == ByteText(title) || DataPackageImport.slug($0) == slug }
        }
        if let metric = known.metric(title) ?? known.metric(slug) { return metric }
        if let metric = known.metrics.first(where: { isMeant($0.aliases) }) { return metric }
        for kpi in known.kpis where isMeant(kpi.aliases) {
            if case .simple(let name) = kpi.type, let metric = known.metric(name) { return metric }
        }
        return nil
    }

    private mutating func take(_ metric: MetricDefinition, _ titles: [String], of table: ImportedTable)
        throws
    {
        guard taken.insert(ByteText(metric.name)).inserted else { return }
        guard let name = metric.singleSeries else {
            throw DataPackageError(
                description:
                    "the column \(LabelText.quoted(titles[0])) of the table \(table.name) is the metric "
                    + "\(metric.name), which is made of \(metric.source.kindName) \(metric.source.text); a table "
                    + "has samples for samples: or gauge: with labels that are said by ="
            )
        }
        series.append(DataPackageImport.Series(name: name, column: try table.column(titles)))
    }

    private static func missing(_ title: String, _ table: ImportedTable) -> DataPackageError {
        DataPackageError(
            description: "the table \(table.name) has no column \(LabelText.quoted(title))"
                + Suggestion.text(for: title, among: table.titles)
        )
    }
}

extension MetricDefinition {
    /// The one series that samples of it can be added to, as text exposition writes it; nil if there are
    /// more.
    fileprivate var singleSeries: String? {
        switch source {
        case .counter, .promql: return nil
        case .samples(let selector), .gauge(let selector):
            let names = selector.matchers.filter { $0.name == Labels.metricName }
            guard names.count == 1, LabelText.isLegacyMetricName(names[0].value),
                selector.matchers.allSatisfy({ $0.kind == .equal && !$0.value.isEmpty })
            else { return nil }
            return selector.text
        }
    }
}
