import Logging
import Storage

/// What the command line says about the daemon.
struct DaemonOptions: Sendable {
    /// Where it listens.
    var address: ListenAddress
    /// The address under which others reach it, without a slash at the end; links in alerts begin with it.
    var externalURL: String
    /// Where its data are.
    var dataDirectory: String
    /// The configuration file.
    var configurationPath: String?
    /// The rule files, beside those that the configuration names.
    var rulePaths: [String]
    /// The retention file.
    var retentionPath: String?
    /// When a write is acknowledged.
    var durability: Durability
    /// Whether the admin routes work.
    var isAdminAPIEnabled: Bool
    /// What is logged.
    var logLevel: Logger.Level

    /// The options as the API shows them.
    var flags: [(name: String, value: String)] {
        [
            ("config", configurationPath ?? ""), ("data", dataDirectory), ("durability", durability.rawValue),
            ("enable-admin-api", isAdminAPIEnabled ? "true" : "false"), ("external-url", externalURL),
            ("listen", address.text),
            ("log-level", logLevel.rawValue), ("retention", retentionPath ?? ""),
            ("rules", rulePaths.joined(separator: ",")),
        ]
    }
}
