import Model
import Rules
import StrictYAML

/// Reads Prometheus's section `alerting`.
package enum AlertingReader {
    private static let alertmanagerKeys =
        [
            "static_configs", "file_sd_configs", "scheme", "path_prefix", "timeout", "api_version",
            "relabel_configs", "alert_relabel_configs",
        ] + HTTPClientReader.keys
    private static let unsupportedKeys: [String: String] = {
        var keys = HTTPClientReader.unsupported
        let discoveries = [
            "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce",
            "hetzner",
            "http", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad",
            "openstack", "ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni",
            "vultr",
        ]
        for name in discoveries {
            keys[name + "_sd_configs"] = "Alertmanagers are found by static_configs and file_sd_configs"
        }
        return keys
    }()

    /// What `node` says.
    package static func settings(_ node: YAMLNode, _ reader: inout StrictReader) -> AlertingSettings {
        var settings = AlertingSettings()
        let keys = ["alert_relabel_configs", "alertmanagers"]
        guard let fields = reader.fields(of: node, owner: "the section alerting", known: keys) else {
            return settings
        }
        settings.relabelling = RelabelReader.rules(fields, "alert_relabel_configs", &reader)
        for node in reader.list(fields, "alertmanagers") {
            guard
                let fields = reader.fields(
                    of: node,
                    owner: "an entry of alertmanagers",
                    known: alertmanagerKeys,
                    unsupported: unsupportedKeys
                )
            else { continue }
            settings.alertmanagers.append(alertmanager(fields, &reader))
        }
        return settings
    }

    private static func alertmanager(
        _ fields: YAMLFields,
        _ reader: inout StrictReader
    ) -> AlertmanagerSettings {
        var settings = AlertmanagerSettings()
        if let millis = reader.durationMillis(fields, "timeout") {
            if millis <= 0 { reader.report("timeout must not be 0", at: fields["timeout"] ?? fields.node) }
            settings.timeoutMillis = millis
        }
        if let scheme = reader.string(fields, "scheme") {
            if scheme != "http" && scheme != "https" {
                reader.report("scheme has to be http or https", at: fields["scheme"] ?? fields.node)
            }
            settings.scheme = scheme
        }
        if let version = reader.string(fields, "api_version"), version != "v2" {
            let given = LabelText.quoted(version)
            reader.report("api_version has to be v2, not \(given)", at: fields["api_version"] ?? fields.node)
        }
        settings.pathPrefix = reader.string(fields, "path_prefix") ?? "/"
        settings.client = HTTPClientReader.settings(fields, &reader)
        settings.relabelling = RelabelReader.rules(fields, "relabel_configs", &reader)
        settings.alertRelabelling = RelabelReader.rules(fields, "alert_relabel_configs", &reader)
        for node in reader.list(fields, "static_configs") {
            if let targets = TargetReader.targets(node, &reader) { settings.targets.append(targets) }
        }
        for node in reader.list(fields, "file_sd_configs") {
            settings.targets += TargetReader.fileTargets(node, &reader)
        }
        return settings
    }
}
