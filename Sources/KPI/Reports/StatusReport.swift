import Model

/// The status of KPIs.
package struct StatusReport: Sendable {
    /// One KPI.
    package struct Entry: Sendable {
        /// The KPI.
        package var kpi: KPIDefinition
        /// The names of its metrics.
        package var metrics: [String]
        /// Whether it can be computed.
        package var status: KPIStatus
        /// The version of its definition.
        package var version: Int
    }

    /// The KPIs in the order of declaration.
    package var entries: [Entry]
    /// What the reader should know.
    package var warnings: [String]
}

extension KPIService {
    /// The status of the KPIs of these names; all without names.
    ///
    /// - Throws: That a name is not known, or why the samples cannot be read.
    package func statusReport(_ names: [String], budget: QueryBudget) throws(ReportError) -> StatusReport {
        let versions = versions
        let selection = try KPISelection(names, in: versions.current)
        let evaluator = evaluator(versions.current, at: now)
        let statuses = try reading { () throws(SourceError) in
            try evaluator.statuses(of: selection.kpis, budget: budget)
        }
        let histograms = try reading { () throws(SourceError) in
            let names = selection.kpis.flatMap { versions.current.metricNames(behind: $0) }
            let extents = try evaluator.extents(of: names, budget: budget)
            var warnings: [String] = []
            for kpi in selection.kpis {
                warnings += try evaluator.histogramWarnings(of: kpi, extents, budget)
            }
            return warnings
        }
        let entries = zip(selection.kpis, statuses).map { kpi, status in
            StatusReport.Entry(
                kpi: kpi,
                metrics: versions.current.metricNames(behind: kpi),
                status: status,
                version: versions.number(of: kpi)
            )
        }
        return StatusReport(entries: entries, warnings: selection.warnings + histograms)
    }
}

extension KPIService {
    /// When the metrics behind the KPIs have values, by the metric's name.
    ///
    /// - Throws: Why the samples cannot be read.
    package func extents(of kpis: [KPIDefinition], budget: QueryBudget) throws(ReportError)
        -> [ByteText: Extent]
    {
        let definitions = versions.current
        let evaluator = evaluator(definitions, at: now)
        return try reading { () throws(SourceError) in
            try evaluator.extents(of: kpis.flatMap { definitions.metricNames(behind: $0) }, budget: budget)
        }
    }
}
