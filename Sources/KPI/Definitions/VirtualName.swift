/// The names of virtual series and of the labels that are parameters in their selectors.
package enum VirtualName {
    /// The labels of `kpi{...}` that say how it is computed; they take equality only.
    package static let parameters = [
        "period", "window", "tz", "offset", "state", "version", "by", "group",
    ]

    /// How the names of virtual series begin that have a variable rest.
    private static let funnelPrefix = "kpi_funnel_"
    private static let names: Set<String> = [
        "kpi", "kpi_numerator", "kpi_denominator", "kpi_complete", "kpi_status", "kpi_info",
        "kpi_target",
        "kpi_watermark_timestamp_seconds", "kpi_revisions_total",
    ]

    /// Whether samples under that name are computed and cannot be written.
    package static func isVirtual(_ name: String) -> Bool {
        name.hasPrefix("kpi") && (names.contains(name) || name.hasPrefix(funnelPrefix))
    }
}
