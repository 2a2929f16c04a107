import Model
import StrictYAML

/// What a file of settings holds, by its first keys.
package enum DefinitionKind: Hashable, Sendable {
    /// Groups of Prometheus rules, or anything that is no KPI file.
    case rules
    /// KPI definitions.
    case kpis
    /// Both, which is refused: Prometheus would skip or reject one of them.
    case mixed

    /// What the `text` of a file holds; where the text does not say, the file's name does.
    package static func of(_ text: String, file: String = "") -> DefinitionKind {
        var reader = StrictReader(file: file)
        var names: Set<String> = []
        if let root = reader.document(text), case .mapping(let entries) = root.content {
            names = Set(entries.map(\.name))
        }
        let isNamed = file.hasSuffix(".kpi.yaml") || file.hasSuffix(".kpi.yml")
        guard names.contains("kpi_version") || isNamed && !names.contains("groups") else { return .rules }
        return names.contains("groups") ? .mixed : .kpis
    }
}

/// Reads one KPI file, all of it but what needs other files.
struct KPIFile {
    /// A calendar's own and inherited settings, by name.
    var calendars: [Calendar] = []
    var metrics: [DraftMetric] = []
    var kpis: [DraftKPI] = []
    var funnels: [DraftFunnel] = []

    /// A metric whose calendar has not been looked up.
    struct DraftMetric {
        var definition: MetricDefinition
        var calendar: Mention?
    }

    /// A KPI whose calendar has not been looked up.
    struct DraftKPI {
        var definition: KPIDefinition
        var calendar: Mention?
        var period: Mention?
        var periods: [Mention]
        var grainToDate: Mention?
        var displayPeriod: Mention?
        /// The numerator and denominator, which may not be KPIs.
        var parts: [Mention]
    }

    /// A funnel whose calendar has not been looked up.
    struct DraftFunnel {
        var definition: FunnelDefinition
        var calendar: Mention?
    }

    /// A name and where it stands.
    struct Mention {
        var name: String
        var place: Place
    }

    /// Keys that need events, groups of people or pipelines, none of which there are yet, with that reason.
    static func later(_ keys: String...) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: keys.map { ($0, "there are no events, groups and pipelines yet") }
        )
    }

    /// The content of `text`, the file at the path `file`.
    static func parse(_ text: String, file: String, zones: TimeZones) throws(YAMLFileError) -> KPIFile {
        var reading = KPIFileReading(reader: StrictReader(file: file), zones: zones)
        let content = reading.content(text)
        try reading.reader.finish()
        return content
    }
}

/// The reading of one file.
struct KPIFileReading {
    var reader: StrictReader
    let zones: TimeZones
    var defaults = Defaults()

    /// What holds for KPIs of this file that do not say otherwise.
    struct Defaults {
        var calendar: KPIFile.Mention?
        var latenessMillis: Int64 = 0
        var owner: String?
    }

    init(reader: StrictReader, zones: TimeZones) {
        self.reader = reader
        self.zones = zones
    }

    mutating func content(_ text: String) -> KPIFile {
        var content = KPIFile()
        guard let root = reader.document(text) else {
            reader.reportEmpty("holds no KPI definitions")
            return content
        }
        if case .mapping(let entries) = root.content,
            let groups = entries.first(where: { $0.name == "groups" }),
            entries.contains(where: { $0.name == "kpi_version" })
        {
            reader.report(
                "rule groups and KPI definitions need files of their own, or Prometheus would skip one of them",
                at: groups.key
            )
            return content
        }
        let known = ["kpi_version", "defaults", "calendars", "metrics", "kpis", "funnels"]
        guard
            let fields = reader.fields(
                of: root,
                owner: "a KPI file",
                known: known,
                unsupported: KPIFile.later("retentions", "groups", "exclude", "pipelines")
            )
        else { return content }
        checkVersion(fields, root)
        readDefaults(fields)
        content.calendars = calendars(fields)
        for node in reader.list(fields, "metrics") {
            guard let metric = metric(node) else { continue }
            content.metrics.append(KPIFile.DraftMetric(definition: metric, calendar: defaults.calendar))
        }
        for node in reader.list(fields, "kpis") {
            if let kpi = kpi(node) { content.kpis.append(kpi) }
        }
        for node in reader.list(fields, "funnels") {
            if let funnel = funnel(node) { content.funnels.append(funnel) }
        }
        return content
    }

    private mutating func checkVersion(_ fields: YAMLFields, _ root: YAMLNode) {
        guard let node = fields["kpi_version"] else {
            reader.report("a KPI file needs kpi_version: 1", at: root)
            return
        }
        if let version = reader.integer(fields, "kpi_version"), version != 1 {
            reader.report("kpi_version \(version) is not known; known is 1", at: node)
        }
    }

    private mutating func readDefaults(_ fields: YAMLFields) {
        guard let node = fields["defaults"],
            let fields = reader.fields(
                of: node,
                owner: "defaults",
                known: ["calendar", "lateness", "owner"],
                unsupported: KPIFile.later("retention")
            )
        else { return }
        defaults.calendar = mention(fields, "calendar")
        defaults.latenessMillis = reader.durationMillis(fields, "lateness") ?? 0
        defaults.owner = reader.string(fields, "owner")
    }
}
