import Foundation
import KPI
import Rules
import StrictYAML
import Testing

@testable import sextant

@Suite("The graph of definitions") struct DefinitionGraphTests {
    private static let kpis = """
        kpi_version: 1
        metrics:
          - {name: orders, from: {counter: shop_orders_total}}
          - {name: visits, from: {samples: 'site:visits:sum'}}
          - {name: errors, from: {promql: 'sum(rate(errors_total[5m])) / 2'}}
        kpis:
          - {name: rate, type: ratio, numerator: orders, denominator: visits, unit: percentage}
          - {name: growth, type: derived, expr: "rate / offset(rate, 1) - errors"}
          - {name: lost, type: simple, metric: nowhere}
        funnels:
          - {name: shop, kind: counter, base: visits, steps: [orders]}
        """
    private static let rules = """
        groups:
          - name: g
            rules:
              - {record: 'site:visits:sum', expr: 'sum(visits_total)'}
              - {record: 'kpi:rate', expr: 'kpi{kpi="rate"}'}
              - {alert: RateLow, expr: 'kpi:rate < 1'}
              - {alert: AnyLate, expr: 'kpi_complete{kpi=~"r.*|g.*"} == 0'}
              - {alert: FunnelLow, expr: 'kpi_funnel_conversion_percent{funnel="shop"} < 1'}
              - {alert: Unrelated, expr: 'up == 0'}
        """

    private func graph() throws -> DefinitionGraph {
        DefinitionGraph(
            try KPIDefinitions.load([("a.kpi.yaml", DefinitionGraphTests.kpis)]),
            try RuleFile.parse(DefinitionGraphTests.rules, file: "a.yml")
        )
    }

    @Test("goes from sources to metrics, KPIs, funnels, rules and alerts")
    func edges() throws {
        let graph = try graph()
        let edges = Set(
            graph.edges.map { "\(graph.nodes[$0.from].name) > \(graph.nodes[$0.to].name)" }
        )
        #expect(
            edges == [
                "counter: shop_orders_total > orders", "samples: site:visits:sum > visits",
                "promql: sum(rate(errors_total[5m])) / 2 > errors", "orders > rate", "visits > rate",
                "rate > growth", "errors > growth", "nowhere > lost", "visits > shop", "orders > shop",
                "site:visits:sum > samples: site:visits:sum", "rate > kpi:rate", "kpi:rate > RateLow",
                "rate > AnyLate", "growth > AnyLate", "shop > FunnelLow",
            ]
        )
        #expect(graph.nodes.filter(\.isMissing).map(\.name) == ["nowhere"])
        #expect(!graph.nodes.contains { $0.name == "Unrelated" })
        // Every KPI is reached from a source or from what is missing.
        for (place, node) in graph.nodes.enumerated() where node.kind == .kpi {
            #expect(graph.edges.contains { $0.to == place }, "\(node.name)")
        }
    }

    @Test("is written as Graphviz, Mermaid and JSON read it")
    func texts() throws {
        let graph = try graph()
        let dot = graph.text(.dot)
        #expect(
            dot.hasPrefix(
                "digraph kpis {\n  rankdir=LR;\n  n0 [shape=cylinder, label=\"source\\ncounter: shop_orders_total\"];\n"
            )
        )
        #expect(dot.contains("style=dashed"))
        #expect(dot.hasSuffix(";\n}\n"))
        let mermaid = graph.text(.mermaid)
        #expect(mermaid.hasPrefix("flowchart LR\n  n0[(\"counter: shop_orders_total\")]\n  n1[\"orders\"]\n"))
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(graph.text(.json).utf8)) as? [String: [[String: Any]]]
        )
        #expect(json["nodes"]?.count == graph.nodes.count)
        #expect(json["edges"]?.count == graph.edges.count)
        let names = json["nodes"]?.compactMap { $0["name"] as? String } ?? []
        #expect(names == graph.nodes.map(\.name))
    }

    @Test("names with special characters do not break the text")
    func quoting() throws {
        let graph = DefinitionGraph(
            try KPIDefinitions.load([
                ("a.kpi.yaml", "kpi_version: 1\nmetrics: [{name: m, from: {samples: 'x{a=\"\\\\\"}'}}]")
            ]),
            []
        )
        #expect(graph.nodes[0].name == "samples: x{a=\"\\\\\"}")
        #expect(graph.text(.dot).contains("x{a=\\\"\\\\\\\\\\\"}"))
        #expect(graph.text(.mermaid).contains("x{a=#34;#92;#92;#34;}"))
    }
}
