import KPI
import Model
import PromQL
import Rules
import StrictYAML

/// What the daemon's files say; they are read together, so that a reload takes all of them or none.
struct DaemonSettings: Sendable {
    /// The configuration.
    var configuration = Configuration()
    /// The text of the configuration file.
    var configurationText = ""
    /// The rule groups.
    var groups: [RuleGroup] = []
    /// The metrics, KPIs and funnels.
    var definitions = KPIDefinitions.none
    /// How long samples are kept.
    var retention = RetentionPolicy.keepForever
    /// What is likely to be a mistake in the files.
    var warnings: [FileProblem] = []

    /// What evaluates queries under these settings.
    var engine: Engine {
        var options = EngineOptions()
        options.limits = configuration.limits
        options.defaultSubqueryStepMillis = configuration.ruleDefaults.evaluationIntervalMillis
        return Engine(options: options)
    }

    /// How long samples are kept by default, as text.
    var retentionText: String {
        retention.defaultRawMillis.map(DurationText.format(millis:)) ?? "forever"
    }
}
