import Logging
import Model
import Rules
import StrictYAML
import Telemetry

@testable import Outbound

let quietLogger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

extension AlertNotification {
    /// A firing alert with the name `name`, of which the times are seconds.
    init(
        _ name: String,
        labels: KeyValuePairs<String, String> = [:],
        annotations: KeyValuePairs<String, String> = [:],
        from start: Int64 = 1000,
        until end: Int64 = 1240,
        isResolved: Bool = false
    ) {
        self.init(
            labels: Labels([Label("alertname", name)] + labels.map { Label($0.key, $0.value) }),
            annotations: annotations.map { Label($0.key, $0.value) },
            startsAt: Timestamp(millis: start * 1000),
            endsAt: Timestamp(millis: end * 1000),
            generatorURL: "http://sextant:9797/graph?g0.expr=up&g0.tab=1",
            isResolved: isResolved
        )
    }
}

/// What the section `alerting` with this content says.
func alerting(_ text: String, file: String = "dir/sextant.yaml") throws -> AlertingSettings {
    var reader = StrictReader(file: file)
    var settings = AlertingSettings()
    if let root = reader.document(text) { settings = AlertingReader.settings(root, &reader) }
    try reader.finish()
    return settings
}

/// The value of a metric without its labels' order mattering, from all that is registered.
func metric(_ series: String, in registry: Registry) -> String? {
    var out: [UInt8] = []
    registry.render(into: &out)
    let line = String(decoding: out, as: UTF8.self).split(separator: "\n").first {
        $0.hasPrefix(series + " ")
    }
    return line.map { String($0.dropFirst(series.count + 1)) }
}
