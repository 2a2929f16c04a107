import KPI
import Matching
import Model
import PromQL
import Rules

/// Where the numbers of KPIs come from, and what is made of them.
enum LineageRoute {
    @Sendable static func show(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let limits = exchange.limits
        return try await AnalyticsRoutes.answer(exchange) { budget throws(ReportError) in
            let definitions = backend.kpis.versions.current
            let names = parameters.all("kpi") + parameters.all("kpis")
            let selection = try KPISelection(names, in: definitions)
            let extents = try backend.kpis.extents(of: selection.kpis, budget: budget)
            let uses = uses(in: backend.ruleGroups(), limits)
            return AnalyticsRoutes.json(warnings: selection.warnings) { json in
                json.key("kpis")
                json.beginArray()
                for kpi in selection.kpis { write(kpi, definitions, extents, uses, to: &json) }
                json.endArray()
            }
        }
    }

    /// A rule that reads virtual series, and the matchers on the KPI's name.
    private struct Use {
        var rule: RuleUse
        var matchers: [CompiledMatcher]
    }

    private static func uses(in groups: [RuleGroupStatus], _ limits: Limits) -> [Use] {
        var uses: [Use] = []
        for group in groups {
            for rule in group.rules {
                // A rule in force was parsed before, and so were its selectors.
                guard let expr = try? Parser.parse(rule.query, limits: limits) else { continue }
                expr.forEachSelector { selector, _ in
                    let isVirtual = selector.matchers.contains {
                        $0.name == Labels.metricName && $0.kind == .equal && VirtualName.isVirtual($0.value)
                    }
                    guard isVirtual else { return }
                    uses.append(
                        Use(
                            rule: RuleUse(
                                file: group.file,
                                group: group.name,
                                kind: rule.kind.rawValue,
                                name: rule.name
                            ),
                            matchers: (try? CompiledMatcher.compile(
                                selector.matchers.filter { $0.name == "kpi" }
                            )) ?? []
                        )
                    )
                }
            }
        }
        return uses
    }

    private struct RuleUse: Hashable {
        var file: String
        var group: String
        var kind: String
        var name: String
    }

    private static func write(
        _ kpi: KPIDefinition,
        _ definitions: KPIDefinitions,
        _ extents: [ByteText: Extent],
        _ uses: [Use],
        to json: inout JSONWriter
    ) {
        json.beginObject()
        json.key("kpi")
        json.string(kpi.name)
        json.key("type")
        json.string(kpi.type.name)
        write(kpi.place, to: &json)
        json.key("metrics")
        json.beginArray()
        for name in definitions.metricNames(behind: kpi) {
            write(name, definitions.metric(name), extents[ByteText(name)], to: &json)
        }
        json.endArray()
        json.key("used_by")
        json.beginObject()
        json.key("kpis")
        json.strings(definitions.kpis.filter { definitions.innerKPIs(of: $0).contains(kpi) }.map(\.name))
        json.key("rules")
        json.beginArray()
        var seen: Set<RuleUse> = []
        for use in uses where use.matchers.allSatisfy({ $0.matches(kpi.name) }) {
            guard seen.insert(use.rule).inserted else { continue }
            json.beginObject()
            for (key, text) in [
                ("file", use.rule.file), ("group", use.rule.group), ("type", use.rule.kind),
                ("name", use.rule.name),
            ] {
                json.key(key)
                json.string(text)
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        json.endObject()
    }

    private static func write(
        _ name: String,
        _ metric: MetricDefinition?,
        _ extent: Extent?,
        to json: inout JSONWriter
    ) {
        json.beginObject()
        json.key("name")
        json.string(name)
        json.key("defined")
        json.bool(metric != nil)
        if let metric {
            write(metric.place, to: &json)
            json.key("from")
            json.beginObject()
            json.key(metric.source.kindName)
            json.string(metric.source.text)
            json.endObject()
            json.key("agg")
            json.string(metric.aggregation.rawValue)
            json.key("by")
            json.strings(metric.labels)
        }
        if let extent {
            json.key("oldest_timestamp")
            json.decimalSeconds(Timestamp(millis: extent.oldest))
            json.key("watermark_timestamp")
            json.decimalSeconds(Timestamp(millis: extent.newest))
        }
        json.endObject()
    }

    private static func write(_ place: Place, to json: inout JSONWriter) {
        json.key("file")
        json.string(place.file)
        json.key("line")
        json.integer(Int64(place.line))
    }
}
