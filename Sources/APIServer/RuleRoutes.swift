import Model
import Rules

/// The routes about rules.
enum RuleRoutes {
    /// The rule groups with the state of their rules.
    @Sendable static func rules(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let filter = try RuleFilter(await exchange.parameters(), exchange.limits)
        let (groups, nextToken) = try filter.apply(to: backend.ruleGroups())
        return .json(
            Envelope.success { json in
                json.beginObject()
                json.key("groups")
                json.beginArray()
                for group in groups {
                    RuleJSON.write(group, excludesAlerts: filter.excludesAlerts, to: &json)
                }
                json.endArray()
                if let nextToken {
                    json.key("groupNextToken")
                    json.string(nextToken)
                }
                json.endObject()
            }
        )
    }

    /// The pending and firing alerts of all rules.
    @Sendable static func alerts(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        .json(
            Envelope.success { json in
                json.beginObject()
                json.key("alerts")
                json.beginArray()
                for rule in backend.ruleGroups().flatMap(\.rules) {
                    for alert in rule.alerting?.alerts ?? [] { RuleJSON.write(alert, to: &json) }
                }
                json.endArray()
                json.endObject()
            }
        )
    }
}
