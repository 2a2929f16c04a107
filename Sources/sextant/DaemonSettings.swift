import Model
import PromQL
import Rules

/// What the daemon's files say; they are read together, so that a reload takes all of them or none.
struct DaemonSettings: Sendable {
    /// The configuration.
    var configuration = Configuration()
    /// The text of the configuration file.
    var configurationText = ""
    /// The rule groups.
    var groups: [RuleGroup] = []
    /// How long samples are kept.
    var retention = RetentionPolicy.keepForever

    /// Reads the files that `options` name; blocks while it does.
    ///
    /// - Throws: All that is wrong with any of them.
    static func load(_ options: DaemonOptions) throws(YAMLFileError) -> DaemonSettings {
        var settings = DaemonSettings()
        var problems: [FileProblem] = []
        do throws(YAMLFileError) {
            if let path = options.configurationPath {
                settings.configurationText = try TextFile.read(path)
                settings.configuration = try ConfigFile.parse(settings.configurationText, file: path)
            }
        } catch {
            problems += error.problems
        }
        do throws(YAMLFileError) {
            settings.groups = try RuleFiles.load(settings.configuration.ruleFiles + options.rulePaths)
        } catch {
            problems += error.problems
        }
        do throws(YAMLFileError) {
            if let path = options.retentionPath { settings.retention = try RetentionFile.load(path) }
        } catch {
            problems += error.problems
        }
        guard problems.isEmpty else { throw YAMLFileError(problems) }
        return settings
    }

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
