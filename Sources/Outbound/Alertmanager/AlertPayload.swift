import Rules

/// The body of `POST /api/v2/alerts`.
///
/// Source: Alertmanager's OpenAPI description, version 2; fields and their order as Prometheus writes them.
enum AlertPayload {
    /// The body that tells of `alerts`.
    static func body(of alerts: [AlertNotification]) -> [UInt8] {
        var json = JSONText()
        json.raw("[")
        for (index, alert) in alerts.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{")
            if !alert.annotations.isEmpty {
                json.raw("\"annotations\":")
                json.object(alert.annotations)
                json.raw(",")
            }
            json.raw("\"endsAt\":")
            json.string(InstantText.format(alert.endsAt))
            json.raw(",\"startsAt\":")
            json.string(InstantText.format(alert.startsAt))
            if !alert.generatorURL.isEmpty {
                json.raw(",\"generatorURL\":")
                json.string(alert.generatorURL)
            }
            json.raw(",\"labels\":")
            json.object(alert.labels)
            json.raw("}")
        }
        json.raw("]")
        return json.bytes
    }
}
