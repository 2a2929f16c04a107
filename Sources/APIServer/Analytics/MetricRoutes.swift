import KPI
import Model

/// The values of metrics, which are what KPIs are made of.
enum MetricRoutes {
    /// Values by bucket.
    @Sendable static func values(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let limits = exchange.limits
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let format = try parameters.analyticsFormat()
            let request = try parameters.reportRequest("names", limits)
            let report = try backend.kpis.metricReport(request, budget: budget)
            if format.isCSV { return KPITable.table(report.frames, report.rows.map { ($0.name, $0.values) }) }
            return AnalyticsRoutes.json(warnings: report.warnings) { json in
                json.timestamps("start_timestamps", report.frames.buckets.map(\.start))
                if format.isExtended {
                    json.timestamps("end_timestamps", report.frames.buckets.map(\.end))
                    json.key("timezone")
                    json.string(report.frames.calendar.zone.name)
                }
                json.key("metrics")
                json.beginArray()
                for row in report.rows {
                    json.beginObject()
                    json.key("name")
                    json.string(row.name)
                    json.key("values")
                    json.numbers(row.values)
                    if format.isExtended, let extent = row.extent {
                        json.key("oldest_timestamp")
                        json.decimalSeconds(Timestamp(millis: extent.oldest))
                        json.key("watermark_timestamp")
                        json.decimalSeconds(Timestamp(millis: extent.newest))
                    }
                    json.endObject()
                }
                json.endArray()
            }
        }
    }
}
