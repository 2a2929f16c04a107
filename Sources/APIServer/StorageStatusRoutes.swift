import Model

/// The routes that tell what the store is made of and how its start goes on.
enum StorageStatusRoutes {
    /// The most lines that a list may be asked for.
    private static let maxLineCount = 10_000

    /// The names, labels and pairs with the most series.
    @Sendable static func cardinality(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let limit = try parameters.count("limit", or: 10)
        guard limit >= 1 else { throw .badData("limit must be a positive number") }
        guard limit <= maxLineCount else { throw .badData("limit must not exceed \(maxLineCount)") }
        let figures: CardinalityFigures
        do {
            figures = try await exchange.context.serviceThreads.run {
                Result { try backend.cardinality(limit) }
            }.get()
        } catch let failure as WorkerThreads.Failure {
            throw .busy(failure.description)
        } catch {
            throw APIError(.internal, "\(error)")
        }
        return .json(Envelope.success { write(figures, to: &$0) })
    }

    /// How far the reading of the log is; the server answers it while the store opens.
    @Sendable static func replay(_ exchange: Exchange) async throws(APIError) -> Answer {
        let reading = exchange.context.configuration.replay.now
        return .json(
            Envelope.success { json in
                json.beginObject()
                for (name, value) in [
                    ("min", reading.first), ("max", reading.last), ("current", reading.current),
                ] {
                    json.key(name)
                    json.integer(Int64(value))
                }
                json.endObject()
            }
        )
    }

    private static func write(_ figures: CardinalityFigures, to json: inout JSONWriter) {
        json.beginObject()
        json.key("headStats")
        json.beginObject()
        for (name, value) in [
            ("numSeries", Int64(figures.seriesCount)), ("numLabelPairs", Int64(figures.labelPairCount)),
            ("chunkCount", Int64(figures.chunkCount)),
            // As Prometheus tells of an empty head.
            ("minTime", figures.minMillis ?? .max), ("maxTime", figures.maxMillis ?? .min),
        ] {
            json.key(name)
            json.integer(value)
        }
        json.endObject()
        for (name, entries) in [
            ("seriesCountByMetricName", figures.seriesByMetricName),
            ("labelValueCountByLabelName", figures.valuesByLabelName),
            ("memoryInBytesByLabelName", figures.bytesByLabelName),
            ("seriesCountByLabelValuePair", figures.seriesByLabelPair),
        ] {
            json.key(name)
            json.beginArray()
            for entry in entries {
                json.beginObject()
                json.key("name")
                json.string(entry.name)
                json.key("value")
                json.integer(Int64(entry.value))
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }
}
