import Intake
import KPI
import Model

/// Records of dimensions and metrics: what is sent twice replaces what was there.
enum RecordRoute {
    @Sendable static func store(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try exchange.addressParameters()
        let zoneName = parameters.all("timezone").last ?? "UTC"
        guard let zone = TimeZones.system.zone(named: zoneName) else {
            return AnalyticsRoutes.failure(
                "unknown_timezone",
                "time zone \(LabelText.quoted(zoneName)) is not known"
                    + Suggestion.text(for: zoneName, among: TimeZones.system.names),
                statusCode: 404
            )
        }
        let clock = RecordClock(
            zoneName: zone.name,
            day: { CivilDate($0).map { zone.start(of: $0) * 1000 } },
            hour: { text, hour in
                CivilDate(text).flatMap { zone.start(ofHour: hour, of: $0) }.map { $0 * 1000 }
            }
        )
        let limits = exchange.limits
        let body = try await exchange.body.collect(limit: limits.bodyBytes, name: "body_bytes")
        // What is made of it takes more than the text itself.
        try exchange.body.reserve(4 * body.count)
        let decoded: DecodedWrite
        do {
            decoded = try RecordText.decode(body, clock: clock, limits: limits)
        } catch {
            let error = APIError(error)
            return AnalyticsRoutes.failure("bad_data", error.message, statusCode: error.statusCode)
        }
        let outcome: AppendOutcome
        do {
            outcome = try await backend.sink.append(decoded.batch)
        } catch {
            throw APIError(error)
        }
        exchange.context.telemetry.noteWrite(
            .import,
            stored: outcome.storedSampleCount,
            rejected: outcome.rejections.count
        )
        guard outcome.rejections.isEmpty else {
            return AnalyticsRoutes.failure("bad_data", outcome.rejections.summary, statusCode: 400)
        }
        return AnalyticsRoutes.json(warnings: []) { json in
            json.key("samples")
            json.integer(Int64(outcome.storedSampleCount))
            json.key("series")
            json.integer(Int64(decoded.batch.series.count))
        }
    }
}
