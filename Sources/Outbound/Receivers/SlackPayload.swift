import Model
import Rules

/// The body of a message to Slack's incoming webhooks, and to what understands them, such as Mattermost.
enum SlackPayload {
    /// How many alerts are told one by one.
    private static let alertLimit = 20
    /// How long the text about one alert may be, in characters.
    private static let textLimit = 500

    /// The body that tells of `alerts`, all of the name `name`.
    static func body(of alerts: [ReceiverAlert], name: String, channel: String?, username: String?) -> [UInt8]
    {
        let firingCount = alerts.count(where: \.isFiring)
        let title = firingCount > 0 ? "[FIRING:\(firingCount)] \(name)" : "[RESOLVED] \(name)"
        var json = JSONText()
        json.raw("{")
        if let channel {
            json.raw("\"channel\":")
            json.string(channel)
            json.raw(",")
        }
        json.raw("\"username\":")
        json.string(username ?? "Sextant")
        json.raw(",\"attachments\":[{\"color\":")
        json.string(firingCount > 0 ? "danger" : "good")
        json.raw(",\"title\":")
        json.string(escaped(title))
        if let link = alerts.first?.alert.generatorURL, !link.isEmpty {
            json.raw(",\"title_link\":")
            json.string(link)
        }
        json.raw(",\"fallback\":")
        json.string(escaped(title))
        json.raw(",\"text\":")
        json.string(text(alerts))
        json.raw(",\"mrkdwn_in\":[\"text\"]}]}")
        return json.bytes
    }

    /// A line for each alert: what it says, and the labels that tell it from the others.
    private static func text(_ alerts: [ReceiverAlert]) -> String {
        var lines = alerts.prefix(alertLimit).map { told -> String in
            let alert = told.alert
            let words = ["summary", "description", "message"].compactMap { name in
                alert.annotations.first { $0.name == name && !$0.value.isEmpty }?.value
            }.first
            let labels = alert.labels.filter { $0.name != "alertname" }.map { "\($0.name)=\($0.value)" }
            let text = [words, labels.isEmpty ? nil : "(\(labels.joined(separator: ", ")))"].compactMap { $0 }
            let state = told.isFiring ? "" : "resolved: "
            return "• " + state + escaped(String(text.joined(separator: " ").prefix(textLimit)))
        }
        if alerts.count > alertLimit { lines.append("and \(alerts.count - alertLimit) more") }
        return lines.joined(separator: "\n")
    }

    /// Slack reads three characters as its own.
    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
