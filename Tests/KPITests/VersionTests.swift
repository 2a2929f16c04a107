import Model
import Testing

@testable import KPI

@Suite("Versions of KPIs") struct VersionTests {
    private func definitions(_ metric: String, _ kpi: String) throws -> KPIDefinitions {
        try DefinitionTests.load("kpi_version: 1\nmetrics: [\(metric)]\nkpis: [\(kpi)]")
    }

    @Test("grow by one with each change of the KPI or of a metric behind it, and not with its texts")
    func counting() throws {
        let metric = "{name: m, from: {samples: x}}"
        let kpi = "{name: a, type: simple, metric: m}"
        let first = try definitions(metric, kpi)
        var versions = KPIVersions(first, at: Timestamp(millis: 0))
        let current = try #require(first.kpi("a"))
        #expect(versions.number(of: current) == 1)
        for (metric, kpi, number) in [
            (metric, kpi, 1), (metric, "{name: a, type: simple, metric: m, description: d, owner: o}", 1),
            ("{name: m, from: {samples: y}}", kpi, 2),
            (metric, "{name: a, type: per_day_average, metric: m}", 3),
            (metric, "{name: a, type: per_day_average, metric: m, period: week}", 4), (metric, kpi, 5),
        ] {
            versions.replace(by: try definitions(metric, kpi), at: Timestamp(millis: 1000))
            #expect(versions.number(of: current) == number)
        }
        #expect(versions.version(2, of: current)?.definitions.metric("m")?.source.text == "y")
        #expect(versions.version(1, of: current)?.definitions.metric("m")?.source.text == "x")
        #expect(versions.version(6, of: current) == nil)
    }

    @Test("a change of a KPI behind a derived one changes that, too")
    func derived() throws {
        func text(_ inner: String) -> String {
            """
            kpi_version: 1
            metrics: [{name: m, from: {samples: x}}, {name: n, from: {samples: y}}]
            kpis:
              - {name: inner, type: ratio, numerator: m, denominator: n\(inner)}
              - {name: outer, type: derived, expr: 2 * inner}
            """
        }
        let first = try DefinitionTests.load(text(""))
        var versions = KPIVersions(first, at: Timestamp(millis: 0))
        versions.replace(by: try DefinitionTests.load(text(", unit: percentage")), at: Timestamp(millis: 0))
        #expect(versions.number(of: try #require(first.kpi("outer"))) == 2)
    }

    @Test("definitions are written so that they read back the same")
    func text() throws {
        let extra = """

              - name: quoted
                type: derived
                expr: -(aov + 2) / offset(total_revenue, 3)
                fill: 0.5
                caveats: ["a \\"quote\\"", "line\\nend"]
                periods: [week, month]
                target: {below: 3}
                aliases: [old_name]
                lateness: 90m
                description: 'ünïcode: {x}'
              - {name: rolling, type: cumulative, metric: revenue, window: 7 days}
              - {name: elapsed, type: cumulative, metric: revenue, window: 36h}
            """
        let text = DefinitionTests.example.replacing("\nfunnels:", with: extra + "\nfunnels:")
        let first = try DefinitionTests.load(text)
        let second = try DefinitionTests.load(first.text)
        #expect(second.text == first.text)
        for (left, right) in zip(first.kpis, second.kpis) {
            #expect(KPIIdentity(left, in: first) == KPIIdentity(right, in: second))
            var moved = right
            moved.place = left.place
            #expect(moved == left)
        }
        #expect(first.funnels.map(\.allSteps) == second.funnels.map(\.allSteps))
    }

    @Test("what earlier runs knew goes on counting")
    func past() throws {
        let old = try definitions("{name: m, from: {samples: x}}", "{name: a, type: simple, metric: m}")
        let first = KPIVersions(old, at: Timestamp(millis: 5))
        let kept = first.all.compactMap {
            KPIVersion(kpi: $0.kpi.name, number: $0.number, since: $0.since, text: $0.definitions.text)
        }
        #expect(kept.count == 1)
        let new = try definitions("{name: m, from: {samples: y}}", "{name: a, type: simple, metric: m}")
        let second = KPIVersions(new, at: Timestamp(millis: 9), past: kept)
        let kpi = try #require(new.kpi("a"))
        #expect(second.all(of: kpi).map(\.number) == [1, 2])
        #expect(KPIVersions(old, at: Timestamp(millis: 9), past: kept).number(of: kpi) == 1)
    }
}
