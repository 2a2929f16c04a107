import HTTPTypes
import KPI
import Model

/// The pasts of metrics: asks for one, shows how far they are, and ends one.
enum MetricBackfillRoutes {
    /// All of them, or a new one.
    @Sendable static func all(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        guard exchange.request.method == .post else {
            let items = backend.kpiBackfills.all
            return AnalyticsRoutes.json(warnings: []) { json in
                json.key("backfills")
                json.beginArray()
                for item in items { write(item, to: &json) }
                json.endArray()
            }
        }
        do throws(ReportError) {
            let request = try parameters.reportRequest("kpis", exchange.limits)
            let item = try backend.kpiBackfills.add(
                kpis: request.names,
                metrics: parameters.all("names"),
                start: request.start,
                end: request.end
            )
            return answer(item, statusCode: 202)
        } catch {
            return try AnalyticsRoutes.failure(error)
        }
    }

    /// One of them.
    @Sendable static func one(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let id = String(exchange.pathVariable)
        do throws(ReportError) {
            let item =
                exchange.request.method == .delete
                ? try backend.kpiBackfills.cancel(id) : try backend.kpiBackfills.find(id)
            return answer(item, statusCode: 200)
        } catch {
            return try AnalyticsRoutes.failure(error)
        }
    }

    private static func answer(_ item: Backfill, statusCode: Int) -> Answer {
        var json = JSONWriter()
        write(item, to: &json)
        return .json(json.bytes, statusCode: statusCode)
    }

    private static func write(_ item: Backfill, to json: inout JSONWriter) {
        json.beginObject()
        json.key("id")
        json.string(item.id)
        json.key("state")
        json.string(item.state.rawValue)
        json.key("progress")
        json.numberOrNull(item.progress)
        json.key("kpis")
        json.strings(item.kpis)
        json.key("metrics")
        json.beginArray()
        for part in item.parts {
            json.beginObject()
            json.key("name")
            json.string(part.metric)
            for (key, count) in [
                ("buckets", part.bucketCount), ("done", part.doneCount), ("computed", part.computedCount),
            ] {
                json.key(key)
                json.integer(Int64(count))
            }
            json.endObject()
        }
        json.endArray()
        // Without a start it begins where the data do, which differs by metric.
        let times: [(String, Int64?)] = [
            ("start_timestamp", item.start), ("end_timestamp", item.end),
            ("created_timestamp", item.createdMillis), ("finished_timestamp", item.finishedMillis),
        ]
        for case (let key, let time?) in times {
            json.key(key)
            json.decimalSeconds(Timestamp(millis: time))
        }
        if let error = item.error {
            json.key("error")
            json.string(error)
        }
        json.endObject()
    }
}
