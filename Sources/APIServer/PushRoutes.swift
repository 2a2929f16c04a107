import HTTPTypes
import Intake
import Model
import Push
import Telemetry

/// The paths of a Pushgateway.
enum PushRoutes {
    /// PUT, POST and DELETE of a group whose job is in the path as it is.
    @Sendable static func plain(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        try await change(exchange, backend, "job")
    }

    /// The same for a job in base64.
    @Sendable static func encoded(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        try await change(exchange, backend, "job@base64")
    }

    /// What the daemon is, as a Pushgateway says it.
    @Sendable static func status(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        .json(
            Envelope.success { json in
                json.beginObject()
                json.key("build_information")
                json.beginObject()
                for name in ["branch", "buildDate", "buildUser", "goVersion", "revision"] {
                    json.key(name)
                    json.string("")
                }
                json.key("version")
                json.string(BuildInfo.version)
                json.endObject()
                json.key("flags")
                json.beginObject()
                for flag in exchange.context.configuration.flags {
                    json.key(flag.name)
                    json.string(flag.value)
                }
                json.endObject()
                json.key("start_time")
                json.string(TimeText.format(backend.status().startTime))
                json.endObject()
            }
        )
    }

    /// All groups with their metrics.
    @Sendable static func metrics(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError)
        -> Answer
    {
        let push = try groups(backend)
        do {
            return try await exchange.context.serviceThreads.run { .json(PushJSON.groups(push.groups)) }
        } catch {
            throw .busy(error.description)
        }
    }

    /// Removes all groups.
    @Sendable static func wipe(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        guard exchange.context.configuration.isAdminAPIEnabled else {
            throw APIError(.unavailable, "admin APIs disabled")
        }
        do {
            try await groups(backend).wipe()
            return .empty(statusCode: 202)
        } catch let error as PushError {
            throw APIError(error)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(.internal, "\(error)")
        }
    }

    // MARK: Private

    private static func groups(_ backend: APIBackend) throws(APIError) -> PushGroups {
        guard let push = backend.push else { throw APIError(.unavailable, "this daemon takes no pushes") }
        return push
    }

    private static func change(
        _ exchange: Exchange,
        _ backend: APIBackend,
        _ first: String
    ) async throws(APIError) -> Answer {
        let method = exchange.request.method
        if method == .options {
            var answer = Answer.empty(statusCode: 200)
            answer.headers.append(("Allow", "DELETE, OPTIONS, POST, PUT"))
            return answer
        }
        do throws(APIError) {
            let push = try groups(backend)
            // Escapes are undone before the path is split, as a Pushgateway does it; so `%2F` is a slash, and
            // a label value with a slash has to come in base64.
            let path: String
            do {
                path = try Parameters.decode(exchange.pathVariable.utf8, isPath: true)
            } catch {
                throw .badData("the path has a broken escape or is not valid UTF-8")
            }
            let body = method == .delete ? [] : try await self.body(exchange)
            do throws(PushError) {
                if method == .delete {
                    try await push.delete(path: "\(first)/\(path)")
                    return .empty(statusCode: 202)
                }
                try await push.push(
                    path: "\(first)/\(path)",
                    body: body,
                    mode: method == .put ? .replace : .merge
                )
                return .empty(statusCode: 200)
            } catch {
                throw APIError(error)
            }
        } catch {
            return .textFailure(error)
        }
    }

    /// The body, decompressed; a coding that is not known is taken for none, as a Pushgateway does it.
    private static func body(_ exchange: Exchange) async throws(APIError) -> [UInt8] {
        let limits = exchange.limits
        let sent = try await exchange.body.collect(limit: limits.bodyBytes, name: "body_bytes")
        do throws(IntakeError) {
            switch (exchange.header(.contentEncoding) ?? "").lowercased() {
            case "gzip", "x-gzip": return try Gzip.decompress(sent, limit: limits.decompressedBodyBytes)
            case "snappy": return try SnappyFrames.decompress(sent, limit: limits.decompressedBodyBytes)
            default: return sent
            }
        } catch {
            throw APIError(error)
        }
    }
}

extension APIError {
    /// What a refused push means to a client.
    fileprivate init(_ error: PushError) {
        switch error {
        case .sink(let error): self.init(error)
        case .tooMany: self.init(.badData, error.description, statusCode: 429, retryAfterSeconds: 30)
        case .badPath, .badBody, .inconsistent: self.init(.badData, error.description)
        }
    }
}
