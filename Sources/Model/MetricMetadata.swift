/// What is known about a metric beside its samples.
public struct MetricMetadata: Hashable, Sendable {
    /// The type of a metric, by the names the Prometheus API prints.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        case counter, gauge, histogram, gaugehistogram, summary, info, stateset, unknown
    }

    /// The name of the metric family, such as `http_requests_total`.
    public var name: String
    /// Its type.
    public var kind: Kind
    /// Its help text; empty when none was given.
    public var help: String
    /// Its unit, such as `seconds`; empty when none was given.
    public var unit: String

    /// Metadata of the family `name`.
    public init(name: String, kind: Kind, help: String = "", unit: String = "") {
        self.name = name
        self.kind = kind
        self.help = help
        self.unit = unit
    }
}
