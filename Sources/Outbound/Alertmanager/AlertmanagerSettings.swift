import Model
import Rules

/// Where alerts go and what they look like then: Prometheus's section `alerting`.
package struct AlertingSettings: Hashable, Sendable {
    /// What is done to the labels of alerts before they are sent to anybody.
    package var relabelling: [RelabelRule] = []
    /// The Alertmanagers, by what they have in common.
    package var alertmanagers: [AlertmanagerSettings] = []
    /// Who is told without an Alertmanager; Prometheus has nothing like it.
    package var receivers: [ReceiverSettings] = []

    /// Nobody is sent anything.
    package init() {}
}

/// Alertmanagers that are talked to in the same way.
package struct AlertmanagerSettings: Hashable, Sendable {
    /// Addresses that have labels in common.
    package struct Targets: Hashable, Sendable {
        /// The addresses, such as `alertmanager:9093`.
        package var addresses: [String]
        /// Labels that `relabelling` sees.
        package var labels: [Label] = []
    }

    /// How many milliseconds a call may take.
    package var timeoutMillis: Int64 = 10_000
    /// `http` or `https`.
    package var scheme = "http"
    /// What the path begins with.
    package var pathPrefix = "/"
    /// How they are talked to.
    package var client = HTTPClientSettings()
    /// Where they are.
    package var targets: [Targets] = []
    /// What picks them and changes their addresses.
    package var relabelling: [RelabelRule] = []
    /// What is done to the labels of alerts that go to them.
    package var alertRelabelling: [RelabelRule] = []

    /// Alertmanagers of which nothing is set.
    package init() {}

    /// Where alerts are posted to, each once, and where they would be but for relabelling.
    package var urls: (active: [String], dropped: [String]) {
        var active: [String] = []
        var dropped: [String] = []
        for group in targets {
            for address in group.addresses {
                var builder = LabelsBuilder()
                builder.set("__scheme__", scheme)
                builder.set("__alerts_path__", AlertmanagerSettings.path(pathPrefix))
                for label in group.labels { builder.set(label.name, label.value) }
                builder.set("__address__", address)
                let labels = builder.build()
                if let kept = relabelling.apply(to: labels), let address = kept["__address__"],
                    !address.contains("/")
                {
                    active.append(AlertmanagerSettings.url(kept))
                } else {
                    dropped.append(AlertmanagerSettings.url(labels))
                }
            }
        }
        var seen: Set<String> = []
        return (active.filter { seen.insert($0).inserted }, dropped)
    }

    private static func url(_ labels: Labels) -> String {
        let path = labels["__alerts_path__"] ?? ""
        let slash = path.hasPrefix("/") ? "" : "/"
        return "\(labels["__scheme__"] ?? "http")://\(labels["__address__"] ?? "")\(slash)\(path)"
    }

    /// The path that alerts are posted to, with one slash between its parts.
    private static func path(_ prefix: String) -> String {
        var parts: [Substring] = []
        for part in prefix.split(separator: "/") where part != "." {
            if part == ".." { parts = parts.dropLast() } else { parts.append(part) }
        }
        return "/" + (parts + ["api", "v2", "alerts"]).joined(separator: "/")
    }
}

extension AlertmanagerSettings {
    /// Whether the two are talked to in the same way and get the same alerts, wherever they are.
    func isSame(as other: AlertmanagerSettings) -> Bool {
        timeoutMillis == other.timeoutMillis && client == other.client
            && alertRelabelling == other.alertRelabelling
    }
}
