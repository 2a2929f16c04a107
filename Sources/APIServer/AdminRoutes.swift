/// What administrators ask of the daemon.
enum AdminRoutes {
    @Sendable static func reload(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        do {
            try await backend.reload()
            return .empty(statusCode: 200)
        } catch {
            return .text("failed to reload config: \(error)\n", statusCode: 500)
        }
    }

    @Sendable static func flush(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        guard exchange.context.configuration.isAdminAPIEnabled else {
            throw APIError(.unavailable, "admin APIs disabled")
        }
        do {
            try await backend.flush()
            return .empty(statusCode: 204)
        } catch {
            throw APIError(.internal, "flush failed: \(error)")
        }
    }
}
