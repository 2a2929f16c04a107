import KPI
import Model

/// What funnels there are, and how many take their steps.
enum FunnelRoutes {
    /// Configuration.
    @Sendable static func configs(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError)
        -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await AnalyticsRoutes.answer(exchange) { _ throws(ReportError) in
            let funnels = try backend.kpis.funnels(parameters.all("funnels"))
            return AnalyticsRoutes.json(warnings: []) { json in
                json.key("funnels")
                json.beginArray()
                for funnel in funnels {
                    json.beginObject()
                    for (key, text) in [("name", funnel.name), ("kind", "counter"), ("base", funnel.base)] {
                        json.key(key)
                        json.string(text)
                    }
                    json.key("steps")
                    json.strings(funnel.steps)
                    json.endObject()
                }
                json.endArray()
            }
        }
    }

    /// Counts and conversions by bucket, and over all buckets.
    @Sendable static func values(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let limits = exchange.limits
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let format = try parameters.analyticsFormat()
            let request = try parameters.reportRequest("funnels", limits)
            let report = try backend.kpis.funnelReport(request, budget: budget)
            if format.isCSV { return table(report) }
            return AnalyticsRoutes.json(warnings: report.warnings) { json in
                json.timestamps("start_timestamps", report.frames.buckets.map(\.start))
                if format.isExtended { json.timestamps("end_timestamps", report.frames.buckets.map(\.end)) }
                json.key("funnels")
                json.beginArray()
                for funnel in report.funnels { write(funnel, to: &json) }
                json.endArray()
            }
        }
    }

    private static func table(_ report: FunnelReport) -> Answer {
        var columns: [(name: String, values: [Double?])] = []
        for funnel in report.funnels {
            for step in funnel.steps {
                let name = "\(funnel.definition.name).\(step.name)"
                columns.append((name, step.counts.values))
                columns.append(("\(name).from_first", step.fromFirst.values))
                columns.append(("\(name).from_previous", step.fromPrevious.values))
            }
        }
        return KPITable.table(report.frames, columns)
    }

    private static func write(_ funnel: FunnelReport.Funnel, to json: inout JSONWriter) {
        json.beginObject()
        json.key("funnel")
        json.string(funnel.definition.name)
        json.key("kind")
        json.string("counter")
        json.key("steps")
        json.beginArray()
        for (index, step) in funnel.steps.enumerated() {
            json.beginObject()
            json.key("step")
            json.integer(Int64(index + 1))
            json.key("name")
            json.string(step.name)
            write(step.counts, to: &json)
            for (key, numbers) in [("from_first", step.fromFirst), ("from_previous", step.fromPrevious)] {
                json.key(key)
                json.beginObject()
                write(numbers, to: &json)
                json.endObject()
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
    }

    private static func write(_ numbers: FunnelReport.Numbers, to json: inout JSONWriter) {
        json.key("values")
        json.numbers(numbers.values)
        json.key("aggregate")
        json.numberOrNull(numbers.aggregate)
    }
}
