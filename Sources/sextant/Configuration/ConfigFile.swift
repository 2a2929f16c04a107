import Model
import Rules
import StrictYAML

/// Reads the file given by `--config`, which has the form of Prometheus's configuration.
///
/// Source: Prometheus's documentation of its configuration file. Keys that Sextant does not act on yet are
/// errors, so that nobody relies on them.
enum ConfigFile {
    private static let rootKeys = ["global", "rule_files", "sextant"]
    private static let globalKeys = ["evaluation_interval", "rule_query_offset", "external_labels"]

    /// What `text`, the content of the file at the path `file`, sets; `environment` answers the values of
    /// environment variables.
    ///
    /// - Throws: All problems of the file at once.
    static func parse(
        _ text: String,
        file: String,
        environment: (String) -> String? = Environment.value
    ) throws(YAMLFileError) -> Configuration {
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
                configuration.ruleFiles.append(resolve(path, against: file))
            }
            if let own = fields["sextant"] { OwnSection.read(own, into: &configuration, &reader) }
        }
        try reader.finish()
        return configuration
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

    /// A relative path as seen from the folder of `file`.
    private static func resolve(_ path: String, against file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
