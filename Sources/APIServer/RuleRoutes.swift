import Model
import Rules

/// The routes about rules.
enum RuleRoutes {
    /// The rule groups with the state of their rules.
    @Sendable static func rules(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let kind: RuleStatus.Kind?
        switch parameters["type"].lowercased() {
        case "": kind = nil
        case "alert": kind = .alerting
        case "record": kind = .recording
        default:
            throw .invalid("type", "not supported value \(LabelText.quoted(parameters["type"]))")
        }
        let names = Set(parameters.all("rule_name[]").map(ByteText.init))
        let groupNames = Set(parameters.all("rule_group[]").map(ByteText.init))
        let files = Set(parameters.all("file[]").map(ByteText.init))
        let isFiltered = kind != nil || !names.isEmpty
        return .json(
            Envelope.success { json in
                json.beginObject()
                json.key("groups")
                json.beginArray()
                for group in backend.ruleGroups() {
                    guard groupNames.isEmpty || groupNames.contains(ByteText(group.name)),
                        files.isEmpty || files.contains(ByteText(group.file))
                    else { continue }
                    let rules = group.rules.filter { rule in
                        (kind == nil || rule.kind == kind)
                            && (names.isEmpty || names.contains(ByteText(rule.name)))
                    }
                    if isFiltered && rules.isEmpty { continue }
                    write(group, rules, to: &json)
                }
                json.endArray()
                json.endObject()
            }
        )
    }

    /// The active alerts; alerting rules are not evaluated, so there are none.
    @Sendable static func alerts(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        .json(
            Envelope.success { json in
                json.beginObject()
                json.key("alerts")
                json.strings([])
                json.endObject()
            }
        )
    }

    private static func write(_ group: RuleGroupStatus, _ rules: [RuleStatus], to json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(group.name)
        json.key("file")
        json.string(group.file)
        json.key("rules")
        json.beginArray()
        for rule in rules { write(rule, to: &json) }
        json.endArray()
        json.key("interval")
        json.number(Double(group.intervalMillis) / 1000)
        json.key("limit")
        json.integer(Int64(max(0, group.limit)))
        json.key("evaluationTime")
        json.number(group.evaluationSeconds)
        json.key("lastEvaluation")
        json.string(timeText(group.lastEvaluation))
        json.endObject()
    }

    private static func write(_ rule: RuleStatus, to json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(rule.name)
        json.key("query")
        json.string(rule.query)
        if !rule.labels.isEmpty {
            json.key("labels")
            json.labels(rule.labels)
        }
        json.key("health")
        json.string(rule.health.rawValue)
        if let error = rule.lastError {
            json.key("lastError")
            json.string(error)
        }
        json.key("evaluationTime")
        json.number(rule.evaluationSeconds)
        json.key("lastEvaluation")
        json.string(timeText(rule.lastEvaluation))
        json.key("type")
        json.string(rule.kind.rawValue)
        json.endObject()
    }

    /// The time as text; what never happened has the time that is zero in Go.
    private static func timeText(_ time: Timestamp?) -> String {
        time.map(TimeText.format) ?? "0001-01-01T00:00:00Z"
    }
}
