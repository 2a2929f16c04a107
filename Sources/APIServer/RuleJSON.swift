import Model
import Rules

/// Rules and alerts as the Prometheus API prints them.
enum RuleJSON {
    /// Writes a group with its rules.
    static func write(_ group: RuleGroupStatus, excludesAlerts: Bool, to json: inout JSONWriter) {
        json.beginObject()
        json.key("name")
        json.string(group.name)
        json.key("file")
        json.string(group.file)
        json.key("rules")
        json.beginArray()
        for rule in group.rules { write(rule, excludesAlerts: excludesAlerts, to: &json) }
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

    /// Writes an alert.
    static func write(_ alert: Alert, to json: inout JSONWriter) {
        json.beginObject()
        json.key("labels")
        json.labels(alert.labels)
        json.key("annotations")
        write(alert.annotations, to: &json)
        json.key("state")
        json.string(alert.state.rawValue)
        json.key("activeAt")
        json.string(TimeText.format(alert.activeAt))
        if let since = alert.keepFiringSince {
            json.key("keepFiringSince")
            json.string(TimeText.format(since))
        }
        json.key("value")
        json.string(ValueText.formatScientific(alert.value))
        json.endObject()
    }

    private static func write(_ rule: RuleStatus, excludesAlerts: Bool, to json: inout JSONWriter) {
        json.beginObject()
        if let alerting = rule.alerting {
            json.key("state")
            json.string(alerting.state.rawValue)
        }
        json.key("name")
        json.string(rule.name)
        json.key("query")
        json.string(rule.query)
        if let alerting = rule.alerting {
            json.key("duration")
            json.number(Double(alerting.forMillis) / 1000)
            json.key("keepFiringFor")
            json.number(Double(alerting.keepFiringForMillis) / 1000)
        }
        if rule.alerting != nil || !rule.labels.isEmpty {
            json.key("labels")
            json.labels(rule.labels)
        }
        if let alerting = rule.alerting {
            json.key("annotations")
            write(alerting.annotations, to: &json)
            json.key("alerts")
            if excludesAlerts {
                json.null()
            } else {
                json.beginArray()
                for alert in alerting.alerts { write(alert, to: &json) }
                json.endArray()
            }
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

    private static func write(_ annotations: [Label], to json: inout JSONWriter) {
        json.beginObject()
        for annotation in annotations {
            json.key(annotation.name)
            json.string(annotation.value)
        }
        json.endObject()
    }

    /// The time as text; what never happened has the time that is zero in Go.
    private static func timeText(_ time: Timestamp?) -> String {
        time.map(TimeText.format) ?? "0001-01-01T00:00:00Z"
    }
}
