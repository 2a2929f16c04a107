import APIServer
import Model
import Outbound
import Rules

/// What the file given by `--config` sets; without one, the defaults.
struct Configuration: Hashable, Sendable {
    /// What holds for rule groups that do not say otherwise.
    var ruleDefaults = RuleDefaults()
    /// Labels that identify this daemon to others; they are not added to stored samples.
    var externalLabels = Labels.empty
    /// Where rule files are: files, directories or patterns; relative ones count from the file's own folder.
    var ruleFiles: [String] = []
    /// Where alerts are sent to.
    var alerting = AlertingSettings()
    /// What requests and queries may use up.
    var limits = Configuration.defaultLimits
    /// The names that requests may have as their host, beside those that are always allowed.
    var allowedHosts: [String] = []

    /// The defaults on this machine.
    static var defaultLimits: Limits {
        var limits = Limits.default
        limits.concurrentQueries = 2 * APIConfiguration.coreCount
        return limits
    }
    /// What is done about the past of recording rules.
    var history = HistorySettings()
    /// How often the values of pushed groups are stored again, in milliseconds.
    var pushIntervalMillis: Int64 = 60_000
    /// How long a new retention policy waits that would delete what the one before keeps, in milliseconds.
    var retentionConfirmMillis: Int64 = 600_000
    /// How long a query runs that the log calls slow, in milliseconds; 0: none is.
    var slowQueryMillis: Int64 = 5000
}
