import Foundation

extension DaemonClient {
    /// The answer of the analytics API, decoded; names in it are written with underscores.
    func analytics<Content: Decodable>(
        _ method: String,
        _ path: String,
        _ fields: [(name: String, value: String)]
    ) async throws(ClientError) -> Content {
        let text = try await analyticsText(method, path, fields)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(Content.self, from: Data(text))
        } catch {
            throw ClientError(
                kind: .refused,
                message: "\(baseURL) does not answer as Sextant's analytics API does: "
                    + String(String(decoding: text, as: UTF8.self).prefix(200))
            )
        }
    }

    /// The answer of the analytics API as it is.
    func analyticsText(
        _ method: String,
        _ path: String,
        _ fields: [(name: String, value: String)]
    ) async throws(ClientError) -> [UInt8] {
        let form = FormText.encode(fields)
        let answer =
            if method == "GET" {
                try await send(method, form.isEmpty ? path : "\(path)?\(form)")
            } else {
                try await send(
                    method,
                    path,
                    headers: [("Content-Type", "application/x-www-form-urlencoded")],
                    body: Array(form.utf8)
                )
            }
        guard answer.isSuccess else {
            let failure = try? JSONDecoder().decode(AnalyticsFailure.self, from: Data(answer.body))
            guard let failure else { throw ClientError(answer) }
            throw ClientError(kind: .badRequest, message: failure.message)
        }
        return answer.body
    }
}

private struct AnalyticsFailure: Decodable {
    var error: String
    var message: String
}
