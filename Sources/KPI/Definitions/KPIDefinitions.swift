import Model

/// All metrics, KPIs and funnels that are in force, in the order of declaration.
package struct KPIDefinitions: Sendable {
    /// The metrics.
    package let metrics: [MetricDefinition]
    /// The KPIs.
    package let kpis: [KPIDefinition]
    /// The funnels.
    package let funnels: [FunnelDefinition]
    /// The calendars.
    package let calendars: [Calendar]

    private let metricIndex: [ByteText: Int]
    private let kpiIndex: [ByteText: Int]

    /// No definitions.
    package static let none = KPIDefinitions()

    /// Definitions whose names are unique and whose references were checked.
    init(
        metrics: [MetricDefinition] = [],
        kpis: [KPIDefinition] = [],
        funnels: [FunnelDefinition] = [],
        calendars: [Calendar] = []
    ) {
        self.metrics = metrics
        self.kpis = kpis
        self.funnels = funnels
        self.calendars = calendars
        metricIndex = KPIDefinitions.index(metrics.map(\.name))
        var kpiIndex = KPIDefinitions.index(kpis.map(\.name))
        for (index, kpi) in kpis.enumerated() {
            for alias in kpi.aliases where kpiIndex[ByteText(alias)] == nil {
                kpiIndex[ByteText(alias)] = index
            }
        }
        self.kpiIndex = kpiIndex
    }

    /// Whether there is nothing.
    package var isEmpty: Bool { metrics.isEmpty && kpis.isEmpty && funnels.isEmpty }

    /// The metric called `name`.
    package func metric(_ name: String) -> MetricDefinition? {
        metricIndex[ByteText(name)].map { metrics[$0] }
    }

    /// The metric that was called `name` before.
    package func metric(formerly name: String) -> MetricDefinition? {
        metrics.first { $0.aliases.contains { ByteText($0) == ByteText(name) } }
    }

    /// The KPI called `name`, now or formerly.
    package func kpi(_ name: String) -> KPIDefinition? {
        kpiIndex[ByteText(name)].map { kpis[$0] }
    }

    /// The funnel called `name`.
    package func funnel(_ name: String) -> FunnelDefinition? {
        funnels.first { ByteText($0.name) == ByteText(name) }
    }

    /// The place of a KPI in the order of declaration.
    package func position(ofKPI name: String) -> Int? { kpiIndex[ByteText(name)] }

    /// The names of the metrics behind a KPI, through derived ones, in order of first mention, each once; the
    /// undefined ones too.
    package func metricNames(behind kpi: KPIDefinition) -> [String] {
        // Only derived ones may mention KPIs.
        guard case .derived = kpi.type else { return kpi.type.names }
        var names: [String] = []
        var seen: Set<ByteText> = []
        var open: [String] = kpi.type.names.reversed()
        var visited: Set<ByteText> = [ByteText(kpi.name)]
        while let name = open.popLast() {
            if metric(name) == nil, let inner = self.kpi(name) {
                guard visited.insert(ByteText(inner.name)).inserted else { continue }
                if case .derived = inner.type {
                    open += inner.type.names.reversed()
                } else {
                    for name in inner.type.names where seen.insert(ByteText(name)).inserted {
                        names.append(name)
                    }
                }
            } else if seen.insert(ByteText(name)).inserted {
                names.append(name)
            }
        }
        return names
    }

    /// The names of metrics that a KPI needs and that are not defined.
    package func missingMetrics(of kpi: KPIDefinition) -> [String] {
        metricNames(behind: kpi).filter { metric($0) == nil }
    }

    private static func index(_ names: [String]) -> [ByteText: Int] {
        var index: [ByteText: Int] = [:]
        for (position, name) in names.enumerated() where index[ByteText(name)] == nil {
            index[ByteText(name)] = position
        }
        return index
    }
}
