/// One series of a query's answer.
struct QueriedSeries: Hashable, Sendable {
    /// A time in milliseconds and the value's text, as the API printed it.
    struct Point: Hashable, Sendable {
        let millis: Int64
        let text: String

        /// The value, or nil if the text is no number.
        var value: Double? { Double(text) }
    }

    let labels: [String: String]
    let points: [Point]
}

/// An answer of the query API that is not a success, or not in the published shape.
struct QueryFailure: Error, CustomStringConvertible {
    let description: String
}

extension HTTPClient {
    /// An instant query at a time in milliseconds, or now; a vector has one point per series, a matrix many.
    func query(_ expression: String, atMillis millis: Int64? = nil) async throws -> [QueriedSeries] {
        let time = millis.map { [("time", HTTPClient.seconds($0))] } ?? []
        return try HTTPClient.series(
            of: await postForm("/api/v1/query", [("query", expression)] + time),
            expression
        )
    }

    /// A range query with all times in milliseconds.
    func queryRange(
        _ expression: String,
        fromMillis: Int64,
        toMillis: Int64,
        stepMillis: Int64
    ) async throws -> [QueriedSeries] {
        let parameters = [
            ("query", expression), ("start", HTTPClient.seconds(fromMillis)),
            ("end", HTTPClient.seconds(toMillis)), ("step", HTTPClient.seconds(stepMillis)),
        ]
        return try HTTPClient.series(of: await postForm("/api/v1/query_range", parameters), expression)
    }

    /// The value of an instant query whose answer must be exactly one series.
    func value(of expression: String, atMillis millis: Int64? = nil) async throws -> Double {
        let series = try await query(expression, atMillis: millis)
        guard series.count == 1, let value = series[0].points.first?.value else {
            throw QueryFailure(description: "\(expression): \(series.count) series instead of one")
        }
        return value
    }

    /// Milliseconds as seconds with exactly three digits behind the point.
    static func seconds(_ millis: Int64) -> String {
        let digits = String(millis.magnitude % 1000)
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        let sign = millis < 0 ? "-" : ""
        return "\(sign)\(millis.magnitude / 1000).\(fraction)"
    }

    private static func series(of answer: HTTPAnswer, _ expression: String) throws -> [QueriedSeries] {
        let json = try JSON(parsing: answer.body)
        guard answer.status == 200, json["status"] == .string("success"), let data = json["data"] else {
            throw QueryFailure(description: "\(expression): \(answer.status) \(answer.text.prefix(400))")
        }
        if data["resultType"] == .string("scalar") {
            return [QueriedSeries(labels: [:], points: [try point(data["result"])])]
        }
        return try (data["result"]?.elements ?? []).map { series in
            let labels = series["metric"]?.members.map { ($0.name, $0.value.string ?? "") } ?? []
            let points = try series["values"]?.elements.map(point) ?? [point(series["value"])]
            return QueriedSeries(labels: Dictionary(uniqueKeysWithValues: labels), points: points)
        }
    }

    private static func point(_ json: JSON?) throws -> QueriedSeries.Point {
        guard let pair = json?.elements, pair.count == 2, let time = pair[0].number,
            let text = pair[1].string,
            let millis = millis(time)
        else { throw QueryFailure(description: "no [time, \"value\"] pair") }
        return QueriedSeries.Point(millis: millis, text: text)
    }

    /// The milliseconds of a time printed in seconds with up to three digits behind the point.
    private static func millis(_ text: String) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = Int64(parts[0]) else { return nil }
        guard parts.count == 2 else { return parts.count == 1 ? whole * 1000 : nil }
        let digits = parts[1] + String(repeating: "0", count: max(0, 3 - parts[1].count))
        guard digits.count == 3, let fraction = Int64(digits) else { return nil }
        return text.hasPrefix("-") ? whole * 1000 - fraction : whole * 1000 + fraction
    }
}
