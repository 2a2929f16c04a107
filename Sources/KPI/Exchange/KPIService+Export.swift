import Model

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
