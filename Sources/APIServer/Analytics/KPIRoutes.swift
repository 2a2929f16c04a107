import KPI
import Model

/// What KPIs there are, how they do, and their values.
enum KPIRoutes {
    /// Status and configuration.
    @Sendable static func status(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let format = try parameters.analyticsFormat()
            let report = try backend.kpis.statusReport(parameters.all("kpis"), budget: budget)
            return AnalyticsRoutes.json(warnings: report.warnings) { json in
                json.key("statuses")
                json.beginArray()
                for entry in report.entries {
                    json.beginObject()
                    json.key("status")
                    json.string(entry.status.rawValue)
                    json.key("kpi")
                    write(entry.kpi, entry.metrics, format, entry.version, to: &json)
                    json.endObject()
                }
                json.endArray()
            }
        }
    }

    /// Configuration.
    @Sendable static func configs(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError)
        -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await AnalyticsRoutes.answer(exchange) { _ throws(ReportError) in
            let format = try parameters.analyticsFormat()
            let versions = backend.kpis.versions
            let selection = try KPISelection(parameters.all("kpis"), in: versions.current)
            return AnalyticsRoutes.json(warnings: selection.warnings) { json in
                json.key("kpis")
                json.beginArray()
                for kpi in selection.kpis {
                    let metrics = versions.current.metricNames(behind: kpi)
                    write(kpi, metrics, format, versions.number(of: kpi), to: &json)
                }
                json.endArray()
            }
        }
    }

    /// Values by bucket, and over all buckets.
    @Sendable static func values(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let limits = exchange.limits
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let format = try parameters.analyticsFormat()
            let request = try parameters.reportRequest("kpis", limits)
            let report = try backend.kpis.report(request, budget: budget)
            return format.isCSV ? KPITable.answer(report) : answer(report, format)
        }
    }

    // MARK: - JSON

    private static func answer(_ report: KPIReport, _ format: AnalyticsFormat) -> Answer {
        AnalyticsRoutes.json(warnings: report.warnings) { json in
            json.timestamps("start_timestamps", report.frames.buckets.map(\.start))
            if format.isExtended { json.timestamps("end_timestamps", report.frames.buckets.map(\.end)) }
            json.key("kpis")
            json.beginArray()
            for entry in report.entries { write(entry, report.label, format, to: &json) }
            json.endArray()
        }
    }

    private static func write(
        _ entry: KPIReport.Entry,
        _ label: String?,
        _ format: AnalyticsFormat,
        to json: inout JSONWriter
    ) {
        let row = entry.row
        json.beginObject()
        json.key("kpi")
        json.string(row.kpi.name)
        if let label, let group = row.group {
            json.key("labels")
            json.beginObject()
            json.key(label)
            json.string(group)
            json.endObject()
        }
        json.key("aggregate")
        json.numberOrNull(row.aggregate)
        json.key("values")
        json.numbers(row.values)
        if format.isExtended {
            json.key("complete")
            json.beginArray()
            for completeness in entry.completeness { json.bool(completeness.isComplete) }
            json.endArray()
            json.key("state")
            json.strings(entry.completeness.map(\.state.rawValue))
            json.key("version")
            json.integer(Int64(entry.version))
            for (key, values) in [("numerator", row.numerators), ("denominator", row.denominators)] {
                guard let values else { continue }
                json.key(key)
                json.numbers(values)
            }
        }
        json.endObject()
    }

    private static func write(
        _ kpi: KPIDefinition,
        _ metrics: [String],
        _ format: AnalyticsFormat,
        _ version: Int,
        to json: inout JSONWriter
    ) {
        json.beginObject()
        json.key("name")
        json.string(kpi.name)
        json.key("metadata")
        json.beginObject()
        for (key, text) in [
            ("display_name", kpi.displayName), ("unit", kpi.unit), ("description", kpi.description),
        ] {
            guard let text else { continue }
            json.key(key)
            json.string(text)
        }
        json.endObject()
        json.key("metrics")
        json.strings(metrics)
        if format.isExtended { writeExtended(kpi, version, to: &json) }
        json.endObject()
    }

    private static func writeExtended(_ kpi: KPIDefinition, _ version: Int, to json: inout JSONWriter) {
        json.key("type")
        json.string(kpi.type.name)
        json.key("version")
        json.integer(Int64(version))
        json.key("period")
        json.string(kpi.defaultPeriod.name)
        json.key("timezone")
        json.string(kpi.calendar.zone.name)
        if let owner = kpi.owner {
            json.key("owner")
            json.string(owner)
        }
        if let target = kpi.target {
            json.key("target")
            json.beginObject()
            json.key(target.direction.rawValue)
            json.number(target.value)
            json.endObject()
        }
        json.key("north_star")
        json.bool(kpi.isNorthStar)
        json.key("caveats")
        json.strings(kpi.caveats)
        json.key("aliases")
        json.strings(kpi.aliases)
    }
}
