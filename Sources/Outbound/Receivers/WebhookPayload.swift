import Model
import Rules

/// The body of a message to a webhook: version 4 of Alertmanager's, grouped by the alert's name.
///
/// Source: Alertmanager's documentation of its webhook receiver.
enum WebhookPayload {
    /// How Go writes the time that is none.
    private static let noTime = "0001-01-01T00:00:00Z"

    /// The body that tells of `alerts`, all of the name `name`.
    static func body(
        of alerts: [ReceiverAlert],
        name: String,
        receiver: String,
        externalURL: String
    ) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"receiver\":")
        json.string(receiver)
        json.raw(",\"status\":")
        json.string(status(alerts.contains(where: \.isFiring)))
        json.raw(",\"alerts\":[")
        for (index, alert) in alerts.enumerated() {
            if index > 0 { json.raw(",") }
            write(alert, to: &json)
        }
        json.raw("],\"groupLabels\":")
        json.object([Label("alertname", name)])
        json.raw(",\"commonLabels\":")
        json.object(common(alerts.map { Array($0.alert.labels) }))
        json.raw(",\"commonAnnotations\":")
        json.object(common(alerts.map(\.alert.annotations)))
        json.raw(",\"externalURL\":")
        json.string(externalURL)
        json.raw(",\"version\":\"4\",\"groupKey\":")
        json.string("{}:{alertname=\(LabelText.quoted(name))}")
        json.raw(",\"truncatedAlerts\":0}")
        return json.bytes
    }

    private static func write(_ told: ReceiverAlert, to json: inout JSONText) {
        let alert = told.alert
        json.raw("{\"status\":")
        json.string(status(told.isFiring))
        json.raw(",\"labels\":")
        json.object(alert.labels)
        json.raw(",\"annotations\":")
        json.object(alert.annotations)
        json.raw(",\"startsAt\":")
        json.string(InstantText.format(alert.startsAt))
        json.raw(",\"endsAt\":")
        json.string(told.isFiring ? noTime : InstantText.format(alert.endsAt))
        json.raw(",\"generatorURL\":")
        json.string(alert.generatorURL)
        json.raw(",\"fingerprint\":")
        json.string(fingerprint(alert.labels))
        json.raw("}")
    }

    private static func status(_ isFiring: Bool) -> String { isFiring ? "firing" : "resolved" }

    /// What all have in common.
    static func common(_ sets: [[Label]]) -> [Label] {
        guard let first = sets.first else { return [] }
        return first.filter { label in sets.dropFirst().allSatisfy { $0.contains(label) } }
    }

    /// The number of a label set by which Alertmanager calls it: FNV-1a of names and values, each with a
    /// byte 255 behind it.
    static func fingerprint(_ labels: Labels) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for label in labels {
            for text in [label.name, label.value] {
                for byte in text.utf8 { add(byte) }
                add(255)
            }
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
