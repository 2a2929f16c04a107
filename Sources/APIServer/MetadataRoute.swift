import Model

/// The route about types and help texts of metrics.
enum MetadataRoute {
    @Sendable static func list(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let limit = try parameters.count("limit", or: -1)
        let limitPerMetric = try parameters.count("limit_per_metric", or: -1)
        let metric = parameters["metric"]
        let entries: [MetricMetadata]
        do {
            entries = try await exchange.context.serviceThreads.run {
                backend.source.metadata(of: metric.isEmpty ? nil : metric)
            }
        } catch {
            throw .busy(error.description)
        }
        return .json(Envelope.success { write(entries, limit, limitPerMetric, to: &$0) })
    }

    /// Writes `entries`, which are in name order; a negative limit is none, one of 0 per metric too.
    private static func write(
        _ entries: [MetricMetadata],
        _ limit: Int,
        _ limitPerMetric: Int,
        to json: inout JSONWriter
    ) {
        json.beginObject()
        var rest = entries[...]
        var metricCount = 0
        while let first = rest.first, limit < 0 || metricCount < limit {
            let ofMetric = rest.prefix { $0.name.utf8.elementsEqual(first.name.utf8) }
            rest = rest.dropFirst(ofMetric.count)
            metricCount += 1
            json.key(first.name)
            json.beginArray()
            for entry in limitPerMetric > 0 ? ofMetric.prefix(limitPerMetric) : ofMetric {
                json.beginObject()
                for (key, text) in [
                    ("type", entry.kind.rawValue), ("unit", entry.unit), ("help", entry.help),
                ] {
                    json.key(key)
                    json.string(text)
                }
                json.endObject()
            }
            json.endArray()
        }
        json.endObject()
    }
}
