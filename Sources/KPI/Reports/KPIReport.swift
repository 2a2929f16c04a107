import Model

/// The values of KPIs over the buckets of a range.
package struct KPIReport: Sendable {
    /// One KPI, or one group of it.
    package struct Entry: Sendable {
        /// The values.
        package var row: KPIRow
        /// The state of each bucket.
        package var completeness: [Completeness]
        /// The version of the definition.
        package var version: Int
    }

    /// The label that it is broken down by.
    package var label: String?
    /// The buckets.
    package var frames: ReportFrames
    /// The KPIs in the order of declaration; groups ascending.
    package var entries: [Entry]
    /// What the reader should know.
    package var warnings: [String]
}

/// A KPI by the definitions that it is to be computed by.
private struct ChosenKPI {
    var kpi: KPIDefinition
    var definitions: KPIDefinitions
    var version: Int
    /// Whether the definitions are those in force, which several KPIs share.
    var isCurrent = true
}

extension KPIService {
    /// The values of the KPIs that `request` names.
    ///
    /// - Throws: What is wrong with the request, or why the samples cannot be read.
    package func report(_ request: ReportRequest, budget: QueryBudget) throws(ReportError) -> KPIReport {
        settleLateData()
        let versions = versions
        let time = now
        let selection = try KPISelection(request.names, in: versions.current)
        var warnings = selection.warnings
        var chosen: [ChosenKPI] = []
        for kpi in selection.kpis { chosen.append(try choose(kpi, request.version, versions)) }
        for choice in chosen {
            if let message = choice.missingText {
                guard request.names.isEmpty else { throw .missingConfig(message) }
                warnings.append("missing_config: \(message)")
            }
            if let label = request.label {
                try KPIService.check(label, choice.kpi, choice.definitions)
            }
        }
        let extents = try reading { () throws(SourceError) in try self.extents(of: chosen, time, budget) }
        let oldest = extents.map { $0.values.map(\.oldest).min() }
        let frames = try request.frames(
            calendars: chosen.map(\.kpi.calendar),
            defaults: chosen.map(\.kpi.defaultPeriod),
            oldest: oldest.compactMap(\.self).min(),
            now: time.millis,
            zones: zones
        )
        warnings += frames.warnings
        for (choice, extents) in zip(chosen, extents) {
            warnings += try reading { () throws(SourceError) in
                try evaluator(choice.definitions, at: time).histogramWarnings(of: choice.kpi, extents, budget)
            }
        }
        for (choice, oldest) in zip(chosen, oldest) {
            guard let oldest, let end = frames.buckets.last?.end, end <= oldest else { continue }
            warnings.append("outside_retention: the range ends before the first data of \(choice.kpi.name)")
        }
        let entries = try reading { () throws(SourceError) in
            try self.entries(chosen, extents, frames, request.label, time, budget)
        }
        for entry in entries {
            for text in entry.row.warnings where !warnings.contains(text) { warnings.append(text) }
        }
        return KPIReport(label: request.label, frames: frames, entries: entries, warnings: warnings)
    }

    // MARK: - Parts

    /// Calls `body` and tells of its error as that of a report.
    func reading<Value>(_ body: () throws(SourceError) -> Value) throws(ReportError) -> Value {
        do throws(SourceError) {
            return try body()
        } catch {
            throw .source(error)
        }
    }

    private func choose(_ kpi: KPIDefinition, _ number: Int?, _ versions: KPIVersions) throws(ReportError)
        -> ChosenKPI
    {
        guard let number else {
            return ChosenKPI(kpi: kpi, definitions: versions.current, version: versions.number(of: kpi))
        }
        guard let version = versions.version(number, of: kpi) else {
            let known = versions.all(of: kpi).map { String($0.number) }.joined(separator: ", ")
            throw .unknown(.version, "the KPI \(kpi.name) has no version \(number); it has \(known)")
        }
        return ChosenKPI(
            kpi: version.kpi,
            definitions: version.definitions,
            version: number,
            isCurrent: false
        )
    }

    /// Checks that all metrics of a KPI keep the label.
    static func check(_ label: String, _ kpi: KPIDefinition, _ definitions: KPIDefinitions)
        throws(ReportError)
    {
        for name in definitions.metricNames(behind: kpi) {
            guard let metric = definitions.metric(name), !metric.labels.contains(label) else { continue }
            throw .bad(
                "the KPI \(kpi.name) cannot be broken down by \(LabelText.quoted(label)): its metric \(name) keeps "
                    + (metric.labels.isEmpty ? "no label" : "only \(metric.labels.joined(separator: ", "))")
            )
        }
    }

    /// When the metrics behind each KPI have values.
    private func extents(of chosen: [ChosenKPI], _ time: Timestamp, _ budget: QueryBudget)
        throws(SourceError) -> [[ByteText: Extent]]
    {
        var shared: [ByteText: Extent] = [:]
        if let current = chosen.first(where: \.isCurrent)?.definitions {
            let names = chosen.filter(\.isCurrent).flatMap { current.metricNames(behind: $0.kpi) }
            shared = try evaluator(current, at: time).extents(of: names, budget: budget)
        }
        var extents: [[ByteText: Extent]] = []
        for choice in chosen {
            let names = choice.definitions.metricNames(behind: choice.kpi)
            guard choice.isCurrent else {
                extents.append(try evaluator(choice.definitions, at: time).extents(of: names, budget: budget))
                continue
            }
            let wanted = Set(names.map(ByteText.init))
            extents.append(shared.filter { wanted.contains($0.key) })
        }
        return extents
    }

    private func entries(
        _ chosen: [ChosenKPI],
        _ extents: [[ByteText: Extent]],
        _ frames: ReportFrames,
        _ label: String?,
        _ time: Timestamp,
        _ budget: QueryBudget
    ) throws(SourceError) -> [KPIReport.Entry] {
        var entries: [KPIReport.Entry] = []
        let ranges = frames.frames.map(\.range)
        var rest = chosen[...]
        // Neighbours by the same definitions are read together.
        while let first = rest.first {
            let together = first.isCurrent ? rest.prefix { $0.isCurrent } : rest.prefix(1)
            rest = rest.dropFirst(together.count)
            var known: [ByteText: Extent] = [:]
            for index in together.indices { known.merge(extents[index]) { one, _ in one } }
            let tasks = together.map { KPITask($0.kpi, frames: frames.frames, aggregate: frames.aggregate) }
            let rows = try evaluator(first.definitions, at: time)
                .rows(tasks, by: label, extents: known, budget: budget)
            for row in rows {
                let version = together.first { $0.kpi.name == row.kpi.name }?.version ?? 1
                let metrics = first.definitions.metricNames(behind: row.kpi)
                let hasLateData = revisions.hasLateData(of: metrics)
                let completeness = ranges.map { range in
                    Completeness(
                        end: range.end,
                        watermark: row.watermark,
                        latenessMillis: row.kpi.latenessMillis,
                        now: time.millis,
                        isRevised: hasLateData
                            && revisions.isRevised(metrics, range, latenessMillis: row.kpi.latenessMillis)
                    )
                }
                entries.append(KPIReport.Entry(row: row, completeness: completeness, version: version))
            }
        }
        return entries
    }
}

extension ChosenKPI {
    /// What is missing, as a sentence; nil if nothing is.
    fileprivate var missingText: String? {
        let missing = definitions.missingMetrics(of: kpi)
        guard !missing.isEmpty else { return nil }
        let names = missing.map { LabelText.quoted($0) }.joined(separator: ", ")
        return "the KPI \(kpi.name) needs the metric \(names), which is not defined"
    }
}
