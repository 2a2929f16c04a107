import Foundation
import KPI
import Model

/// Remarks on points in time, in the shape that Grafana's annotations have.
enum AnnotationRoutes {
    /// What a new remark is sent as.
    private struct Body: Decodable {
        var time: Int64?
        var timeEnd: Int64?
        var text: String?
        var tags: [String]?
        var kpi: String?
    }

    @Sendable static func answer(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        if exchange.request.method == .post { return try await add(exchange, backend) }
        let parameters = try await exchange.parameters()
        do throws(ReportError) {
            let found = backend.annotations.find(
                from: try millis(parameters, "from"),
                to: try millis(parameters, "to"),
                tags: parameters.all("tags"),
                kpi: parameters.all("kpi").first,
                limit: try parameters.annotationLimit()
            )
            var json = JSONWriter()
            json.beginArray()
            for annotation in found { write(annotation, to: &json) }
            json.endArray()
            return .json(json.bytes)
        } catch {
            return try AnalyticsRoutes.failure(error)
        }
    }

    private static func add(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let limit = exchange.limits.formBytes
        let bytes = try await exchange.body.collect(limit: limit, name: "form_bytes")
        let body: Body
        do {
            body = try JSONDecoder().decode(Body.self, from: Data(bytes))
        } catch {
            return AnalyticsRoutes.failure(
                "bad_data",
                "the body has to be a JSON object with text and, if it is not about now, time in milliseconds",
                statusCode: 400
            )
        }
        guard let text = body.text, !text.isEmpty else {
            return AnalyticsRoutes.failure("bad_data", "an annotation needs a text", statusCode: 400)
        }
        if let name = body.kpi, backend.kpis.versions.current.kpi(name) == nil {
            return AnalyticsRoutes.failure(
                "unknown_kpi",
                "KPI \(LabelText.quoted(name)) is not known",
                statusCode: 404
            )
        }
        let time = body.time ?? exchange.context.now().millis
        guard time.magnitude <= 100_000_000_000_000, (body.timeEnd ?? time) >= time,
            (body.timeEnd ?? time).magnitude <= 100_000_000_000_000
        else {
            return AnalyticsRoutes.failure(
                "bad_data",
                "time \(time) and timeEnd \(body.timeEnd ?? time) are no milliseconds since 1970 in order",
                statusCode: 400
            )
        }
        let annotation = Annotation(
            id: 0,
            time: time,
            timeEnd: body.timeEnd,
            text: text,
            tags: body.tags ?? [],
            kpi: body.kpi
        )
        do {
            let id = try backend.annotations.add(annotation)
            var json = JSONWriter()
            json.beginObject()
            json.key("message")
            json.string("Annotation added")
            json.key("id")
            json.integer(id)
            json.endObject()
            return .json(json.bytes)
        } catch {
            throw APIError(.unavailable, "\(error)", statusCode: 503)
        }
    }

    private static func millis(_ parameters: Parameters, _ name: String) throws(ReportError) -> Int64? {
        guard let text = parameters.all(name).first else { return nil }
        guard let millis = Int64(text) else {
            throw .bad("\(name) has to be milliseconds since 1970, not \(LabelText.quoted(text))")
        }
        return millis
    }

    private static func write(_ annotation: Annotation, to json: inout JSONWriter) {
        json.beginObject()
        json.key("id")
        json.integer(annotation.id)
        json.key("time")
        json.integer(annotation.time)
        json.key("timeEnd")
        json.integer(annotation.timeEnd ?? annotation.time)
        json.key("text")
        json.string(annotation.text)
        json.key("tags")
        json.strings(annotation.tags)
        if let kpi = annotation.kpi {
            json.key("kpi")
            json.string(kpi)
        }
        json.endObject()
    }
}

extension Parameters {
    /// The most remarks of an answer, 100 if it is not said.
    fileprivate func annotationLimit() throws(ReportError) -> Int {
        guard let text = all("limit").first else { return 100 }
        guard let limit = Int(text), (1...10_000).contains(limit) else {
            throw .bad("limit has to be a number from 1 to 10000, not \(LabelText.quoted(text))")
        }
        return limit
    }
}
