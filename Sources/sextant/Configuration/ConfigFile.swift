import Model
import Outbound
import Rules
import StrictYAML

/// Reads the file given by `--config`, which has the form of Prometheus's configuration.
///
/// Source: Prometheus's documentation of its configuration file. Keys that Sextant does not act on yet are
/// errors, so that nobody relies on them.
enum ConfigFile {
    private static let rootKeys = ["global", "rule_files", "alerting", "sextant"]
    private static let globalKeys = ["evaluation_interval", "rule_query_offset", "external_labels"]

    /// What a file says.
    struct Reading {
        /// What it sets, as far as it can be read.
        var configuration = Configuration()
        /// Other files, but for rule files, whose content counts.
        var files: [String] = []
        /// What is wrong with it.
        var problems: [FileProblem] = []
    }

    /// What `text`, the content of the file at the path `file`, sets; `environment` answers the values of
    /// environment variables.
    ///
    /// - Throws: All problems of the file at once.
    static func parse(
        _ text: String,
        file: String,
        environment: (String) -> String? = Environment.value
    ) throws(YAMLFileError) -> Configuration {
        let reading = read(text, file: file, environment: environment)
        guard reading.problems.isEmpty else { throw YAMLFileError(reading.problems) }
        return reading.configuration
    }

    /// Reads `text`, the content of the file at the path `file`.
    static func read(
        _ text: String,
        file: String,
        environment: (String) -> String? = Environment.value
    ) -> Reading {
        var reader = StrictReader(file: file)
        var configuration = Configuration()
        if let root = reader.document(text),
            let fields = reader.fields(
                of: root,
                owner: "the configuration",
                known: rootKeys,
                unsupported: ForeignKeys.root
            )
        {
            if let global = fields["global"] {
                readGlobal(global, into: &configuration, &reader, environment)
            }
            for node in reader.list(fields, "rule_files") {
                guard let path = reader.string(node, "rule_files") else { continue }
                configuration.ruleFiles.append(FilePath.resolve(path, against: file))
            }
            if let alerting = fields["alerting"] {
                configuration.alerting = AlertingReader.settings(alerting, &reader)
            }
            if let own = fields["sextant"] { OwnSection.read(own, into: &configuration, &reader) }
        }
        var reading = Reading(configuration: configuration, files: reader.files)
        do { try reader.finish() } catch { reading.problems = error.problems }
        return reading
    }

    private static func readGlobal(
        _ node: YAMLNode,
        into configuration: inout Configuration,
        _ reader: inout StrictReader,
        _ environment: (String) -> String?
    ) {
        guard
            let fields = reader.fields(
                of: node,
                owner: "the section global",
                known: globalKeys,
                unsupported: ForeignKeys.global
            )
        else { return }
        if let millis = reader.durationMillis(fields, "evaluation_interval"), millis > 0 {
            configuration.ruleDefaults.evaluationIntervalMillis = millis
        }
        if let millis = reader.durationMillis(fields, "rule_query_offset") {
            configuration.ruleDefaults.queryOffsetMillis = millis
        }
        let labels = reader.labels(fields, "external_labels").map { label in
            Label(label.name, EnvironmentText.expand(label.value, environment))
        }
        configuration.externalLabels = Labels(labels)
    }
}
