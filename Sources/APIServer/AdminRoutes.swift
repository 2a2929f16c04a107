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
        try await run("flush", exchange, backend.flush)
    }

    /// Merges all segments that gain from it, whatever their age; answers when that is done.
    @Sendable static func compact(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        try await run("compaction", exchange, backend.compact)
    }

    private static func run(
        _ name: String,
        _ exchange: Exchange,
        _ work: @Sendable () async throws -> Void
    ) async throws(APIError) -> Answer {
        guard exchange.context.configuration.isAdminAPIEnabled else {
            throw APIError(.unavailable, "admin APIs disabled")
        }
        do {
            try await work()
            return .empty(statusCode: 204)
        } catch {
            throw APIError(.internal, "\(name) failed: \(error)")
        }
    }
}
