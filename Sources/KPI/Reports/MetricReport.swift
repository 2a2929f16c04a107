import Model

/// The values of metrics over the buckets of a range.
package struct MetricReport: Sendable {
    /// The buckets.
    package var frames: ReportFrames
    /// The metrics in the order of declaration.
    package var rows: [MetricRow]
    /// What the reader should know.
    package var warnings: [String]
}

extension KPIService {
    /// The values of the metrics that `request` names.
    ///
    /// - Throws: What is wrong with the request, or why the samples cannot be read.
    package func metricReport(_ request: ReportRequest, budget: QueryBudget) throws(ReportError)
        -> MetricReport
    {
        let definitions = versions.current
        var wanted: Set<ByteText> = []
        var aliases: [String] = []
        for name in request.names {
            if definitions.metric(name) != nil {
                wanted.insert(ByteText(name))
            } else if let metric = definitions.metric(formerly: name) {
                wanted.insert(ByteText(metric.name))
                aliases.append("\(name) is an alias of the metric \(metric.name)")
            } else {
                throw .unknown(.metric, name, among: definitions.metrics.map(\.name))
            }
        }
        let metrics = definitions.metrics.filter { wanted.isEmpty || wanted.contains(ByteText($0.name)) }
        var report = try metricReport(
            metrics.map(\.name),
            calendars: metrics.map(\.calendar),
            request,
            definitions,
            budget
        )
        report.warnings = aliases + report.warnings
        return report
    }

    /// The values of metrics that are defined, by the calendars given.
    func metricReport(
        _ names: [String],
        calendars: [Calendar],
        _ request: ReportRequest,
        _ definitions: KPIDefinitions,
        _ budget: QueryBudget
    ) throws(ReportError) -> MetricReport {
        let time = now
        let evaluator = evaluator(definitions, at: time)
        let extents = try reading { () throws(SourceError) in
            try evaluator.extents(of: names, budget: budget)
        }
        let oldest = extents.values.map(\.oldest).min()
        let frames = try request.frames(
            calendars: calendars,
            defaults: nil,
            oldest: oldest,
            now: time.millis,
            zones: zones
        )
        let rows = try reading { () throws(SourceError) in
            try evaluator.metricRows(
                names,
                frames: frames.frames,
                aggregate: frames.aggregate,
                budget: budget
            )
        }
        var warnings = frames.warnings
        if let oldest, let end = frames.buckets.last?.end, end <= oldest {
            warnings.append("outside_retention: the range ends before the first data")
        }
        for row in rows {
            for text in row.warnings where !warnings.contains(text) { warnings.append(text) }
        }
        return MetricReport(frames: frames, rows: rows, warnings: warnings)
    }
}
