import Model
import Outbound
import Rules
import StrictYAML

/// Reads the section `sextant` of the configuration: what Prometheus has no key for.
///
/// Each key has one line in `keys` and one in `read`.
enum OwnSection {
    private static let keys = [
        "allowed_hosts", "history", "limits", "push_interval", "receivers", "retention_confirm",
        "slow_query_log_threshold",
    ]

    /// Takes over what `node` sets.
    static func read(_ node: YAMLNode, into configuration: inout Configuration, _ reader: inout StrictReader)
    {
        guard let fields = reader.fields(of: node, owner: "the section sextant", known: keys) else { return }
        for host in reader.list(fields, "allowed_hosts") {
            if let name = reader.string(host, "allowed_hosts") { configuration.allowedHosts.append(name) }
        }
        if let millis = reader.durationMillis(fields, "push_interval"), millis > 0 {
            configuration.pushIntervalMillis = millis
        }
        if let millis = reader.durationMillis(fields, "retention_confirm") {
            configuration.retentionConfirmMillis = millis
        }
        if let millis = reader.durationMillis(fields, "slow_query_log_threshold"), millis >= 0 {
            configuration.slowQueryMillis = millis
        }
        if let history = fields["history"] {
            HistorySection.read(history, into: &configuration.history, &reader)
        }
        configuration.alerting.receivers = ReceiverReader.receivers(fields, "receivers", &reader)
        if let limits = fields["limits"] { readLimits(limits, into: &configuration.limits, &reader) }
    }

    private static func readLimits(
        _ node: YAMLNode,
        into limits: inout Limits,
        _ reader: inout StrictReader
    ) {
        let known = Limits.entries.map(\.name)
        guard let fields = reader.fields(of: node, owner: "the limits", known: known) else { return }
        for entry in Limits.entries {
            guard let node = fields[entry.name] else { continue }
            let number: Int? =
                switch entry.unit {
                case .bytes: reader.byteCount(fields, entry.name)
                case .count: reader.integer(fields, entry.name)
                case .time: reader.durationMillis(fields, entry.name).flatMap { Int(exactly: $0) }
                }
            guard let number else { continue }
            guard entry.range.contains(number) else {
                let (least, most) = (entry.range.lowerBound, entry.range.upperBound)
                let range = "\(text(least, entry.unit)) to \(text(most, entry.unit))"
                reader.report(
                    "\(entry.name) has to be from \(range), not \(text(number, entry.unit))",
                    at: node
                )
                continue
            }
            limits[keyPath: entry.path] = number
        }
    }

    private static func text(_ number: Int, _ unit: Limits.Unit) -> String {
        switch unit {
        case .bytes: ByteCountText.format(number)
        case .count: String(number)
        case .time: DurationText.format(millis: Int64(number))
        }
    }
}
