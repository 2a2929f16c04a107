import Foundation
import Model
import Outbound

/// Speaks the HTTP API of a running daemon (or of any other server with the Prometheus API).
struct DaemonClient: Sendable {
    /// Where a daemon listens that was started without options.
    static let defaultURL = "http://127.0.0.1:9797"

    /// The address of the daemon, without a slash at its end.
    let baseURL: String

    /// A client for the daemon at `url`; the scheme may be left out.
    ///
    /// - Throws: `Misuse` if `url` is none of a web server.
    init(url: String) throws {
        let whole = url.contains("://") ? url : "http://\(url)"
        guard let parts = URLComponents(string: whole), let scheme = parts.scheme?.lowercased(),
            scheme == "http" || scheme == "https", parts.host?.isEmpty == false, parts.query == nil,
            parts.fragment == nil
        else {
            throw Misuse(
                description: "--url \(url) is no address of a daemon, such as \(DaemonClient.defaultURL)"
            )
        }
        var trimmed = Substring(whole)
        while trimmed.hasSuffix("/") { trimmed.removeLast() }
        baseURL = String(trimmed)
    }

    /// The value of an expression at a time; nil for the daemon's present.
    func query(_ expression: String, at time: Timestamp? = nil) async throws(ClientError) -> QueryResponse {
        var fields = [("query", expression)]
        if let time { fields.append(("time", Self.seconds(time))) }
        return try await post("/api/v1/query", fields)
    }

    /// The values of an expression from `start` to `end`, both included, every `stepMillis`.
    func queryRange(
        _ expression: String,
        from start: Timestamp,
        to end: Timestamp,
        stepMillis: Int64
    ) async throws(ClientError) -> QueryResponse {
        try await post(
            "/api/v1/query_range",
            [
                ("query", expression), ("start", Self.seconds(start)), ("end", Self.seconds(end)),
                ("step", Self.seconds(Timestamp(millis: stepMillis))),
            ]
        )
    }

    /// The rule groups that the daemon evaluates.
    func ruleGroups() async throws(ClientError) -> [RuleGroupAnswer] {
        let answer: APIAnswer<RulesAnswer> = try decode(await send("GET", "/api/v1/rules?type=record"))
        return answer.data.groups
    }

    /// Asks for a past of rules.
    func backfill(_ fields: [(name: String, value: String)]) async throws(ClientError) -> [BackfillAnswer] {
        let answer: APIAnswer<[BackfillAnswer]> = try decode(
            await send(
                "POST",
                "/api/v1/rules/backfill",
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(FormText.encode(fields).utf8)
            )
        )
        return answer.data
    }

    /// The pasts of rules that the daemon computes.
    func backfills() async throws(ClientError) -> [BackfillAnswer] {
        let answer: APIAnswer<[BackfillAnswer]> = try decode(await send("GET", "/api/v1/rules/backfill"))
        return answer.data
    }

    /// What a retention policy, the text of a file, means for what the daemon holds.
    func retention(_ text: String, file: String) async throws(ClientError) -> RetentionAnswer {
        let answer: APIAnswer<RetentionAnswer> = try decode(
            await send(
                "POST",
                "/api/v1/status/retention",
                headers: [("Content-Type", "application/x-www-form-urlencoded")],
                body: Array(FormText.encode([("policy", text), ("file", file)]).utf8)
            )
        )
        return answer.data
    }

    /// Imports text exposition with times.
    func importText(_ text: [UInt8]) async throws(ClientError) {
        let answer = try await send(
            "POST",
            "/api/v1/import/prometheus",
            headers: [("Content-Type", "text/plain")],
            body: text
        )
        guard answer.isSuccess else { throw ClientError(answer) }
    }

    // MARK: - One call

    private func post(
        _ path: String,
        _ fields: [(name: String, value: String)]
    ) async throws(ClientError) -> QueryResponse {
        let answer = try await send(
            "POST",
            path,
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array(FormText.encode(fields).utf8)
        )
        let content: APIAnswer<QueryData> = try decode(answer)
        return QueryResponse(
            result: content.data.result,
            warnings: content.warnings ?? [],
            infos: content.infos ?? [],
            body: answer.body
        )
    }

    /// Sends one request and answers what came back, whatever its status.
    func send(
        _ method: String,
        _ path: String,
        headers: [(name: String, value: String)] = [],
        body: [UInt8]? = nil,
        timeoutMillis: Int64? = nil
    ) async throws(ClientError) -> HTTPCall.Answer {
        do throws(HTTPCall.Failure) {
            var call = HTTPCall(method, baseURL + path, headers: headers, body: body)
            if let timeoutMillis { call.timeoutMillis = timeoutMillis }
            return try await call.send()
        } catch {
            throw ClientError(
                kind: .unreachable,
                message: "no answer from \(baseURL) (is a daemon running there? sextant serve starts one)\n"
                    + "\(error)"
            )
        }
    }

    private func decode<Content: Decodable>(
        _ answer: HTTPCall.Answer
    ) throws(ClientError) -> APIAnswer<Content> {
        guard answer.isSuccess else { throw ClientError(answer) }
        do {
            return try JSONDecoder().decode(APIAnswer<Content>.self, from: Data(answer.body))
        } catch {
            throw ClientError(
                kind: .refused,
                message: "\(baseURL) does not answer as the Prometheus API does: "
                    + String(answer.text.prefix(200))
            )
        }
    }

    private static func seconds(_ time: Timestamp) -> String {
        var text: [UInt8] = []
        ValueText.append(time, to: &text)
        return String(decoding: text, as: UTF8.self)
    }
}
