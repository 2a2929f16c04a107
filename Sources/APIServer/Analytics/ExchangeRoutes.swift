import KPI
import Model
import StrictYAML

/// What commands need of the analytics API: exports, dashboards, differences of definitions.
enum ExchangeRoutes {
    /// The files of a data package.
    @Sendable static func export(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let files = try backend.kpis.export(
                parameters.all("kpis"),
                period: parameters.all("period").first,
                name: parameters.all("name").first ?? "kpis",
                budget: budget
            )
            return AnalyticsRoutes.json(warnings: []) { json in
                json.key("files")
                json.beginArray()
                for file in files {
                    json.beginObject()
                    json.key("path")
                    json.string(file.path)
                    json.key("content")
                    json.string(file.content)
                    json.endObject()
                }
                json.endArray()
            }
        }
    }

    /// A Grafana dashboard for all KPIs and funnels.
    @Sendable static func dashboard(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError)
        -> Answer
    {
        let parameters = try await exchange.parameters()
        let title = parameters.all("title").first ?? "KPIs"
        return .json(Array(Dashboard.json(backend.kpis.versions.current, title: title).text.utf8))
    }

    /// What changes of the KPIs' history between the definitions `old` and `new`, texts of KPI files.
    @Sendable static func differences(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let old: KPIDefinitions
        let new: KPIDefinitions
        do throws(YAMLFileError) {
            old = try definitions(parameters.all("old"), "old")
            new = try definitions(parameters.all("new"), "new")
        } catch {
            return AnalyticsRoutes.failure("bad_data", error.description, statusCode: 400)
        }
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let found = try backend.kpis.differences(from: old, to: new, budget: budget)
            return AnalyticsRoutes.json(warnings: []) { json in
                json.key("differences")
                json.beginArray()
                for difference in found { write(difference, to: &json) }
                json.endArray()
            }
        }
    }

    private static func definitions(_ texts: [String], _ name: String) throws(YAMLFileError) -> KPIDefinitions
    {
        try KPIDefinitions.load(texts.enumerated().map { ("\(name)/\($0.offset + 1)", $0.element) })
    }

    private static func write(_ difference: DefinitionDifference, to json: inout JSONWriter) {
        json.beginObject()
        json.key("kpi")
        json.string(difference.name)
        json.key("change")
        json.string(difference.kind.rawValue)
        if let period = difference.period {
            json.key("period")
            json.string(period)
            json.key("buckets")
            json.integer(Int64(difference.bucketCount))
            json.key("changed_buckets")
            json.integer(Int64(difference.buckets.count))
            json.key("largest_relative_change")
            json.numberOrNull(difference.largestRelativeChange)
            for (key, value) in [
                ("old_aggregate", difference.oldAggregate), ("new_aggregate", difference.newAggregate),
            ] {
                json.key(key)
                json.numberOrNull(value)
            }
            json.timestamps("start_timestamps", difference.buckets.map(\.bucket.start))
            json.key("old")
            json.numbers(difference.buckets.map(\.old))
            json.key("new")
            json.numbers(difference.buckets.map(\.new))
        }
        json.endObject()
    }
}
