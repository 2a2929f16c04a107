/// Keys of Prometheus's configuration that Sextant does not act on, each with the reason.
///
/// They are errors rather than ignored, so that nobody relies on them.
enum ForeignKeys {
    private static let scraping =
        "Sextant scrapes nothing; let Prometheus or an agent scrape and send by remote write"

    /// At the top of the file.
    static let root: [String: String] = [
        "otlp": "samples come by remote write, text import or push",
        "remote_read": "rules and queries read what is stored here",
        "remote_write": "Sextant forwards no samples; let what sends them send to several places",
        "runtime": "it is about Go's memory management",
        "scrape_config_files": scraping,
        "scrape_configs": scraping,
        "storage": "retention has a file of its own (--retention), and samples may be of any age",
        "tracing": "no traces are made",
    ]

    /// In the section `global`.
    static let global: [String: String] = {
        var keys: [String: String] = [
            "query_log_file": "queries are counted on /metrics and not logged one by one",
            "metric_name_validation_scheme": "names may be any UTF-8, as in Prometheus by default",
            "metric_name_escaping_scheme": "names may be any UTF-8, as in Prometheus by default",
        ]
        let limits = "sextant.limits has the limits on what is sent here"
        for name in [
            "body_size_limit", "sample_limit", "label_limit", "label_name_length_limit",
            "label_value_length_limit", "target_limit",
        ] { keys[name] = limits }
        for name in [
            "always_scrape_classic_histograms", "convert_classic_histograms_to_nhcb", "extra_scrape_metrics",
            "keep_dropped_targets", "scrape_classic_histograms", "scrape_failure_log_file", "scrape_interval",
            "scrape_native_histograms", "scrape_protocols", "scrape_timeout",
        ] { keys[name] = scraping }
        return keys
    }()
}
