import KPI
import Matching
import Model
import PromQL
import Rules

/// What numbers are made of and what is made of them: series, metrics, KPIs, funnels, and rules that read
/// them.
struct DefinitionGraph {
    /// What a node is.
    enum Kind: String, CaseIterable {
        case source, metric, kpi, funnel, record, alert
    }

    /// One thing.
    struct Node: Hashable {
        var kind: Kind
        /// Its name; a selector or an expression for a source.
        var name: String
        /// Where it is defined; nil for a source, and for a metric that is not defined.
        var file: String?
        var line: Int?
        /// Whether something needs it and nothing defines it.
        var isMissing = false
    }

    /// The nodes: sources first, then what is made of them.
    private(set) var nodes: [Node] = []
    /// From what something is made of to what is made of it, by the places of the nodes.
    private(set) var edges: [(from: Int, to: Int)] = []

    private var places: [String: Int] = [:]
    private var known: Set<[Int]> = []

    /// The graph of these definitions, and of the rules that read them or that they are made of.
    init(_ definitions: KPIDefinitions, _ groups: [RuleGroup]) {
        for metric in definitions.metrics {
            let source = add(Node(kind: .source, name: "\(metric.source.kindName): \(metric.source.text)"))
            connect(source, add(metric))
        }
        for kpi in definitions.kpis { _ = add(kpi) }
        for kpi in definitions.kpis { connect(kpi, definitions) }
        for funnel in definitions.funnels {
            let place = add(
                Node(kind: .funnel, name: funnel.name, file: funnel.place.file, line: funnel.place.line)
            )
            for step in funnel.allSteps { connect(metric(step, definitions), place) }
        }
        connect(groups, definitions)
    }

    // MARK: - Nodes

    private mutating func add(_ node: Node) -> Int {
        // Rules of one name are several things if they stand at several places.
        let key = "\(node.kind.rawValue) \(node.name) \(node.file ?? ""):\(node.line ?? 0)"
        if let place = places[key] { return place }
        places[key] = nodes.count
        nodes.append(node)
        return nodes.count - 1
    }

    private mutating func add(_ metric: MetricDefinition) -> Int {
        add(Node(kind: .metric, name: metric.name, file: metric.place.file, line: metric.place.line))
    }

    private mutating func add(_ kpi: KPIDefinition) -> Int {
        add(Node(kind: .kpi, name: kpi.name, file: kpi.place.file, line: kpi.place.line))
    }

    private mutating func metric(_ name: String, _ definitions: KPIDefinitions) -> Int {
        definitions.metric(name).map { add($0) } ?? add(Node(kind: .metric, name: name, isMissing: true))
    }

    private mutating func connect(_ from: Int, _ to: Int) {
        if from != to, known.insert([from, to]).inserted { edges.append((from, to)) }
    }

    private mutating func connect(_ kpi: KPIDefinition, _ definitions: KPIDefinitions) {
        let place = add(kpi)
        let isDerived = if case .derived = kpi.type { true } else { false }
        for name in kpi.type.names {
            if isDerived, definitions.metric(name) == nil, let inner = definitions.kpi(name) {
                connect(add(inner), place)
            } else {
                connect(metric(name, definitions), place)
            }
        }
    }

    // MARK: - Rules

    /// A rule with what it reads.
    private struct Reader {
        var node: Node
        var selections: [[Matcher]]
        /// Whether it has a place in the graph.
        var isIn = false

        /// Whether it is a rule that records the name that a selector asks for.
        func records(_ matchers: [Matcher]) -> Bool {
            node.kind == .record
                && matchers.contains {
                    $0.name == Labels.metricName && $0.kind == .equal
                        && ByteText($0.value) == ByteText(node.name)
                }
        }
    }

    private mutating func connect(_ groups: [RuleGroup], _ definitions: KPIDefinitions) {
        var readers = groups.flatMap { group in
            group.rules.map { rule in
                var selections: [[Matcher]] = []
                rule.expr.forEachSelector { selector, _ in selections.append(selector.matchers) }
                let kind: Kind = if case .recording = rule.kind { .record } else { .alert }
                let node = Node(kind: kind, name: rule.name, file: group.file, line: rule.line)
                return Reader(node: node, selections: selections)
            }
        }
        for index in readers.indices {
            for matchers in readers[index].selections {
                for from in virtual(matchers, definitions) {
                    readers[index].isIn = true
                    connect(from, add(readers[index].node))
                }
            }
        }
        // What a metric is made of may be recorded by a rule.
        for metric in definitions.metrics {
            let source = add(Node(kind: .source, name: "\(metric.source.kindName): \(metric.source.text)"))
            for selector in metric.source.selectors {
                for index in readers.indices where readers[index].records(selector.matchers) {
                    readers[index].isIn = true
                    connect(add(readers[index].node), source)
                }
            }
        }
        // Rules may read what rules in the graph record, and so on.
        var isGrowing = true
        while isGrowing {
            isGrowing = false
            for recorder in readers where recorder.isIn && recorder.node.kind == .record {
                for index in readers.indices {
                    guard readers[index].selections.contains(where: recorder.records) else { continue }
                    isGrowing = isGrowing || !readers[index].isIn
                    readers[index].isIn = true
                    connect(add(recorder.node), add(readers[index].node))
                }
            }
        }
    }

    /// The KPIs or funnels that a selector of virtual series reads.
    private mutating func virtual(_ matchers: [Matcher], _ definitions: KPIDefinitions) -> [Int] {
        guard let name = matchers.first(where: { $0.name == Labels.metricName && $0.kind == .equal })?.value,
            VirtualName.isVirtual(name)
        else { return [] }
        let isFunnel = name.hasPrefix("kpi_funnel_")
        // A rule in force was checked, and so were its regular expressions.
        let conditions =
            (try? CompiledMatcher.compile(matchers.filter { $0.name == (isFunnel ? "funnel" : "kpi") })) ?? []
        guard !isFunnel else {
            return definitions.funnels.filter { funnel in conditions.allSatisfy { $0.matches(funnel.name) } }
                .map { add(Node(kind: .funnel, name: $0.name, file: $0.place.file, line: $0.place.line)) }
        }
        return definitions.kpis.filter { kpi in conditions.allSatisfy { $0.matches(kpi.name) } }.map {
            add($0)
        }
    }
}
