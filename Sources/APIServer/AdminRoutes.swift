import Model

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

    /// Deletes series or a part of them; with `dry_run` it only counts.
    @Sendable static func deleteSeries(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        try checkEnabled(exchange)
        let parameters = try await exchange.parameters()
        let texts = parameters.all("match[]")
        guard !texts.isEmpty else { throw .badData("no match[] parameter provided") }
        let start = try parameters.time("start", or: .min)
        let end = try parameters.time("end", or: .max)
        let isDry = try parameters.flag("dry_run")
        var delete = SeriesDelete(selections: [], range: TimeRange(start, end))
        for text in texts { delete.selections.append(try LabelQuestion.selection(text, exchange.limits)) }
        guard isDry else {
            return try await run("delete", exchange) { [delete] in try await backend.delete(delete) }
        }
        return try await exchange.context.queries.run(for: exchange.connection) {
            [delete] budget throws(APIError) in
            let count: DeleteCount
            do throws(SourceError) { count = try backend.countDeletion(delete, budget) } catch {
                throw APIError(error)
            }
            return .json(
                Envelope.success { json in
                    json.beginObject()
                    json.key("series")
                    json.integer(Int64(count.series))
                    json.key("samples")
                    json.integer(Int64(count.samples))
                    json.endObject()
                }
            )
        }
    }

    /// Removes what was deleted from all files; answers when that is done.
    @Sendable static func cleanTombstones(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        try await run("clean tombstones", exchange, backend.cleanTombstones)
    }

    /// Makes a snapshot of everything, or with `skip_head` of what is in segments already.
    @Sendable static func snapshot(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        try checkEnabled(exchange)
        let skipsHead = try await exchange.parameters().flag("skip_head")
        let place: SnapshotPlace
        do { place = try await backend.snapshot(skipsHead) } catch {
            throw APIError(.internal, "create snapshot: \(error)")
        }
        return .json(
            Envelope.success { json in
                json.beginObject()
                json.key("name")
                json.string(place.name)
                json.key("path")
                json.string(place.path)
                json.key("sequence")
                json.integer(Int64(clamping: place.sequence))
                json.endObject()
            }
        )
    }

    // MARK: - Private

    private static func checkEnabled(_ exchange: Exchange) throws(APIError) {
        guard exchange.context.configuration.isAdminAPIEnabled else {
            throw APIError(.unavailable, "admin APIs disabled")
        }
    }

    private static func run(
        _ name: String,
        _ exchange: Exchange,
        _ work: @Sendable () async throws -> Void
    ) async throws(APIError) -> Answer {
        try checkEnabled(exchange)
        do {
            try await work()
            return .empty(statusCode: 204)
        } catch {
            throw APIError(.internal, "\(name) failed: \(error)")
        }
    }
}
