import HTTPTypes
import Intake
import Model

/// Prometheus remote write.
enum WriteRoute {
    @Sendable static func write(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        do {
            return try await store(exchange, backend)
        } catch {
            return .textFailure(error)
        }
    }

    private static func store(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        do {
            try RemoteWriteHeaders.check(
                contentType: exchange.header(.contentType),
                contentEncoding: exchange.header(.contentEncoding)
            )
        } catch {
            throw APIError(error)
        }
        let body = try await exchange.body.collect(limit: exchange.limits.bodyBytes, name: "body_bytes")
        try exchange.body.reserve(Snappy.announcedByteCount(of: body, limits: exchange.limits))
        let decoded: DecodedWrite
        do {
            decoded = try RemoteWrite1.decode(compressed: body, limits: exchange.limits)
        } catch {
            throw APIError(error)
        }
        var outcome = AppendOutcome(rejections: decoded.rejections)
        if decoded.batch.sampleCount > 0 || !decoded.batch.metadata.isEmpty {
            do {
                let appended = try await backend.sink.append(decoded.batch)
                outcome.storedSampleCount = appended.storedSampleCount
                outcome.rejections.add(appended.rejections)
            } catch {
                throw APIError(error)
            }
        }
        exchange.context.telemetry.noteWrite(
            .remoteWrite,
            stored: outcome.storedSampleCount,
            rejected: outcome.rejections.count
        )
        guard outcome.rejections.isEmpty else {
            return .refusal(outcome.rejections)
        }
        return .empty(statusCode: 204)
    }
}

extension APIError {
    /// What a body that cannot be read means to a client.
    init(_ error: IntakeError) {
        let statusCode =
            switch error {
            case .unsupportedMediaType: 415
            case .malformed: 400
            case .tooLarge: 413
            }
        self.init(.badData, error.description, statusCode: statusCode)
    }

    /// What a write that was not taken means to a client.
    init(_ error: SinkError) {
        switch error {
        case .unavailable: self.init(.unavailable, error.description, statusCode: 503, retryAfterSeconds: 5)
        case .limitExceeded: self.init(.badData, error.description, statusCode: 429, retryAfterSeconds: 30)
        }
    }
}
