import HTTPTypes
import KPI
import Model

/// The paths of the analytics API; each works with and without its last slash.
enum AnalyticsRoutes {
    static let all: [Route] = [
        route("/analytics/kpis/status", KPIRoutes.status),
        route("/analytics/kpis/configs", KPIRoutes.configs),
        route("/analytics/kpis/values", KPIRoutes.values),
        route("/analytics/metrics/values", MetricRoutes.values),
        route("/analytics/funnels/configs", FunnelRoutes.configs),
        route("/analytics/funnels/values", FunnelRoutes.values),
        route("/analytics/lineage", LineageRoute.show),
        route("/analytics/kpis/diff", ExchangeRoutes.differences, [.post]),
        route("/analytics/export", ExchangeRoutes.export),
        route("/analytics/dashboard", ExchangeRoutes.dashboard),
        route("/analytics/records", RecordRoute.store, [.post]),
        route("/analytics/annotations", AnnotationRoutes.answer, [.get, .post]),
        route("/analytics/backfills", MetricBackfillRoutes.all, [.get, .post]),
        route("/analytics/backfills/\(Route.variable)", MetricBackfillRoutes.one, [.get, .delete]),
    ].flatMap(\.self)

    typealias Handler = @Sendable (Exchange, APIBackend) async throws(APIError) -> Answer

    private static func route(
        _ path: String,
        _ handler: @escaping Handler,
        _ methods: Set<HTTPRequest.Method> = [.get]
    ) -> [Route] {
        [Route(path + "/", methods, .ready(handler)), Route(path, methods, .ready(handler))]
    }

    /// Answers what `body` makes of the request, or what is wrong with it.
    static func answer(
        _ exchange: Exchange,
        _ body: @escaping @Sendable (QueryBudget) throws(ReportError) -> Answer
    ) async throws(APIError) -> Answer {
        try await exchange.context.queries.run(
            for: exchange.connection,
            exchange.origin(.kpi, exchange.request.uri.string)
        ) { budget throws(APIError) in
            do throws(ReportError) {
                return try body(budget)
            } catch {
                return try failure(error)
            }
        }
    }

    /// The answer for a request that cannot be answered.
    static func failure(_ error: ReportError) throws(APIError) -> Answer {
        switch error {
        case .unknown(let kind, let message): failure("unknown_\(kind.rawValue)", message, statusCode: 404)
        case .bad(let message): failure("bad_data", message, statusCode: 400)
        case .missingConfig(let message): failure("missing_config", message, statusCode: 409)
        case .source(.badMatcher(let message)): failure("bad_data", message, statusCode: 400)
        case .source(let error): throw APIError(error)
        }
    }

    static func failure(_ code: String, _ message: String, statusCode: Int) -> Answer {
        var json = JSONWriter()
        json.beginObject()
        json.key("error")
        json.string(code)
        json.key("message")
        json.string(message)
        json.endObject()
        return .json(json.bytes, statusCode: statusCode)
    }

    /// An answer that `body` writes as one object; warnings come first, if there are any.
    static func json(warnings: [String], _ body: (inout JSONWriter) -> Void) -> Answer {
        var json = JSONWriter()
        json.beginObject()
        if !warnings.isEmpty {
            json.key("warnings")
            json.strings(warnings)
        }
        body(&json)
        json.endObject()
        return .json(json.bytes)
    }
}

extension JSONWriter {
    /// Writes an array of numbers, nil as `null`.
    mutating func numbers(_ values: [Double?]) {
        beginArray()
        for value in values { numberOrNull(value) }
        endArray()
    }

    /// Writes a key with the starts of buckets, or their ends.
    mutating func timestamps(_ key: String, _ millis: [Int64]) {
        self.key(key)
        beginArray()
        for time in millis { decimalSeconds(Timestamp(millis: time)) }
        endArray()
    }
}
