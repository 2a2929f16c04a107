import Model
import Rules
import StrictYAML

/// One reading of the daemon's files, with what they looked like just before.
struct SettingsReading: Sendable {
    /// What they say, or all that is wrong with any of them.
    let result: Result<DaemonSettings, YAMLFileError>
    /// What they looked like; a file that changes while it is read will look different.
    let stamps: FileStamps

    /// Reads the files that `options` name; blocks while it does.
    init(_ options: DaemonOptions) {
        var settings = DaemonSettings()
        var stamps = FileStamps()
        var problems: [FileProblem] = []
        do throws(YAMLFileError) {
            if let path = options.configurationPath {
                stamps.add([path])
                let text = try TextFile.read(path)
                let reading = ConfigFile.read(text, file: path)
                if reading.problems.isEmpty { settings.configurationText = SecretMask.masked(text) }
                settings.configuration = reading.configuration
                stamps.add(reading.files)
                problems += reading.problems
            }
        } catch {
            problems += error.problems
        }
        do throws(YAMLFileError) {
            let paths = settings.configuration.ruleFiles + options.rulePaths
            stamps.add(paths)
            settings.groups = try RuleFiles.load(paths)
        } catch {
            problems += error.problems
        }
        do throws(YAMLFileError) {
            settings.definitions = try KPIFiles.load(settings.configuration.ruleFiles + options.rulePaths)
        } catch {
            problems += error.problems
        }
        do throws(YAMLFileError) {
            if let path = options.retentionPath {
                stamps.add([path])
                let content = try RetentionFile.read(path)
                settings.retention = content.policy
                settings.warnings += content.warnings
            }
        } catch {
            problems += error.problems
        }
        result = problems.isEmpty ? .success(settings) : .failure(YAMLFileError(problems))
        self.stamps = stamps
    }
}
