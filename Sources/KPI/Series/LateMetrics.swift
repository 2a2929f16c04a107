import Matching
import Model

/// The metrics to whose series late samples may come, and the KPIs that are made of them.
struct LateMetrics: Sendable {
    /// A metric with the matchers of one of its selectors.
    private struct Entry: Sendable {
        var metric: MetricDefinition
        var matchers: [CompiledMatcher]
    }

    private var byName: [ByteText: [Entry]] = [:]
    private var others: [Entry] = []
    private var kpis: [ByteText: [KPIDefinition]] = [:]

    /// The metrics of these definitions.
    init(_ definitions: KPIDefinitions) {
        for metric in definitions.metrics {
            for selector in metric.source.selectors {
                // A selector whose regular expression is wrong has been refused when the file was read.
                guard let matchers = try? CompiledMatcher.compile(selector.matchers) else { continue }
                let entry = Entry(metric: metric, matchers: matchers)
                let name = selector.matchers.first { $0.name == Labels.metricName && $0.kind == .equal }
                if let name {
                    byName[ByteText(name.value), default: []].append(entry)
                } else {
                    others.append(entry)
                }
            }
        }
        for kpi in definitions.kpis {
            for name in definitions.metricNames(behind: kpi) { kpis[ByteText(name), default: []].append(kpi) }
        }
    }

    /// Whether there is none.
    var isEmpty: Bool { byName.isEmpty && others.isEmpty }

    /// The metrics that a series belongs to.
    func of(_ labels: Labels) -> [MetricDefinition] {
        let named = labels.metricName.flatMap { byName[ByteText($0)] } ?? []
        return (named + others).filter { entry in entry.matchers.allSatisfy { $0.matches(labels) } }.map(
            \.metric
        )
    }

    /// The KPIs that are made of a metric.
    func kpis(of metric: String) -> [KPIDefinition] { kpis[ByteText(metric)] ?? [] }
}
