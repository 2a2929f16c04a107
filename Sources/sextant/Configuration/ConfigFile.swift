import Model
import Rules

/// Reads the file given by `--config`, which has the form of Prometheus's configuration.
///
/// Source: Prometheus's documentation of its configuration file. Keys that Sextant does not act on yet are
/// errors, so that nobody relies on them.
enum ConfigFile {
    private static let rootKeys = ["global", "rule_files", "sextant"]
    private static let unsupportedRootKeys: Set<String> = [
        "alerting", "otlp", "remote_read", "remote_write", "runtime", "scrape_config_files", "scrape_configs",
        "storage", "tracing",
    ]
    private static let globalKeys = ["evaluation_interval", "rule_query_offset", "external_labels"]
    private static let unsupportedGlobalKeys: Set<String> = [
        "always_scrape_classic_histograms", "body_size_limit", "convert_classic_histograms_to_nhcb",
        "extra_scrape_metrics", "keep_dropped_targets", "label_limit", "label_name_length_limit",
        "label_value_length_limit", "metric_name_escaping_scheme", "metric_name_validation_scheme",
        "query_log_file", "sample_limit", "scrape_failure_log_file", "scrape_interval",
        "scrape_native_histograms", "scrape_protocols", "scrape_timeout", "target_limit",
    ]

    /// What the file at `path` sets.
    ///
    /// - Throws: All problems of the file at once.
    static func load(_ path: String) throws(YAMLFileError) -> Configuration {
        try parse(TextFile.read(path), file: path)
    }

    /// What `text`, the content of the file at the path `file`, sets.
    ///
    /// - Throws: All problems of the file at once.
    static func parse(_ text: String, file: String) throws(YAMLFileError) -> Configuration {
        var reader = StrictReader(file: file)
        var configuration = Configuration()
        if let root = reader.document(text),
            let fields = reader.fields(
                of: root,
                owner: "the configuration",
                known: rootKeys,
                unsupported: unsupportedRootKeys
            )
        {
            if let global = fields["global"] { readGlobal(global, into: &configuration, &reader) }
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
        _ reader: inout StrictReader
    ) {
        guard
            let fields = reader.fields(
                of: node,
                owner: "the section global",
                known: globalKeys,
                unsupported: unsupportedGlobalKeys
            )
        else { return }
        if let millis = reader.durationMillis(fields, "evaluation_interval"), millis > 0 {
            configuration.ruleDefaults.evaluationIntervalMillis = millis
        }
        if let millis = reader.durationMillis(fields, "rule_query_offset") {
            configuration.ruleDefaults.queryOffsetMillis = millis
        }
        let labels = reader.labels(fields, "external_labels")
        if let node = fields["external_labels"], labels.contains(where: { $0.value.contains("$") }) {
            reader.report("environment variables in external_labels are not supported yet", at: node)
        }
        configuration.externalLabels = Labels(labels)
    }

    /// A relative path as seen from the folder of `file`.
    private static func resolve(_ path: String, against file: String) -> String {
        guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
        return file[...slash] + path
    }
}
