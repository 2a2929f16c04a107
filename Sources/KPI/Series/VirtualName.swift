import Model

/// The names of virtual series and of the labels that are parameters in their selectors.
package enum VirtualName {
    /// The labels of `kpi{...}` that say how it is computed; they take equality only.
    package static let parameters = ["period", "window", "tz", "offset", "state", "version", "by", "group"]

    /// What stands before the name of a sample that arrives under a virtual name.
    package static let exportedPrefix = "exported_"

    private static let funnelPrefix = "kpi_funnel_"

    /// The virtual series, each with what it is.
    static let all: [(name: String, help: String)] = [
        ("kpi", "The value of a KPI over the period that holds the time."),
        ("kpi_complete", "Whether the period has ended and all its data are there."),
        ("kpi_denominator", "The merged denominator of a ratio."),
        (
            "kpi_funnel_conversion_percent",
            "How many took a step, in percent of the first or the previous one."
        ),
        ("kpi_funnel_users", "How many took a step of a funnel."),
        ("kpi_info", "What is known about a KPI."),
        ("kpi_numerator", "The merged numerator of a ratio."),
        ("kpi_revisions_total", "How often late data have changed final periods."),
        ("kpi_status", "Whether a KPI can be computed."),
        ("kpi_target", "What a KPI should reach."),
        ("kpi_watermark_timestamp_seconds", "The time of the newest sample of a metric."),
    ]

    /// The names of those whose current values stand on `/metrics`.
    package static let exposed = all.map(\.name)

    private static let names = Set(all.map(\.name))

    /// Whether samples of that name that come from outside are stored under another.
    static func isReserved(_ name: String) -> Bool {
        isVirtual(name) || ByteText(name) == ByteText(KeptSeries.name)
    }

    /// Whether samples under that name are computed and cannot be written.
    package static func isVirtual(_ name: String) -> Bool {
        name.hasPrefix("kpi") && (names.contains(name) || name.hasPrefix(funnelPrefix))
    }
}
