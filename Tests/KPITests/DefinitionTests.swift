import Model
import StrictYAML
import Testing

@testable import KPI

@Suite("KPI definitions") struct DefinitionTests {
    static let example = """
        kpi_version: 1
        defaults: {calendar: business, lateness: 1d, owner: growth@example.org}
        calendars:
          business: {timezone: Europe/Zurich, week_start: monday, fiscal_year_start: "02-01", periods: {sprint: {every: 14d, anchor: 2018-04-05}}}
        metrics:
          - {name: visits,   agg: sum, from: {counter: 'shop_visits_total'}, by: [country]}
          - {name: signups,  agg: sum, from: {counter: 'shop_signups_total{env!="test"}'}, by: [country], first_sample: auto}
          - {name: orders,   agg: sum, from: {counter: 'shop_orders_total{env="prod"}'}, by: [country]}
          - {name: revenue,  agg: sum, from: {samples: 'order_value_usd'}, by: [country], unit: usd}
          - {name: members,  agg: last, from: {gauge: 'chat_members'}}
          - {name: errors,   agg: sum, from: {promql: 'sum(increase(http_requests_total{code=~"5.."}[5m]))'}}
        kpis:
          - {name: total_revenue, type: simple, metric: revenue, unit: usd, display_name: Total revenue}
          - name: aov
            type: ratio
            numerator: revenue
            denominator: orders
            unit: usd
            display_name: Average order value
          - name: signup_rate
            type: ratio
            numerator: signups
            denominator: visits
            unit: percentage
            period: sprint
            target: {above: 0.6}
            north_star: true
          - {name: revenue_mtd, type: cumulative, metric: revenue, grain_to_date: month, unit: usd}
          - {name: revenue_growth, type: derived, expr: "revenue / offset(revenue, 1) - 1", unit: ratio, period: month}
          - {name: orders_per_day, type: per_day_average, metric: orders, unit: count, period: sprint}
        funnels:
          - {name: shop, kind: counter, base: visits, steps: [signups, orders]}
        """

    static func load(_ text: String) throws(YAMLFileError) -> KPIDefinitions {
        try KPIDefinitions.load([(path: "a.kpi.yaml", text: text)])
    }

    /// The problems of a file as texts.
    private func problems(_ text: String) -> [String] {
        do {
            _ = try DefinitionTests.load(text)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    /// The only problem of a file with these sections.
    private func problem(_ sections: String) -> String {
        problems("kpi_version: 1\n" + sections).joined(separator: "\n")
    }

    @Test("the example of the documentation loads")
    func example() throws {
        let definitions = try DefinitionTests.load(DefinitionTests.example)
        #expect(
            definitions.metrics.map(\.name) == [
                "visits", "signups", "orders", "revenue", "members", "errors",
            ]
        )
        #expect(definitions.kpis.count == 6)
        let rate = try #require(definitions.kpi("signup_rate"))
        #expect(rate.defaultPeriod == .named("sprint"))
        #expect(rate.calendar.zone.name == "Europe/Zurich")
        #expect(rate.latenessMillis == 86_400_000)
        #expect(rate.owner == "growth@example.org")
        #expect(rate.target == KPITarget(direction: .above, value: 0.6))
        #expect(rate.isNorthStar)
        #expect(definitions.kpi("aov")?.defaultPeriod == .day)
        #expect(definitions.metricNames(behind: rate) == ["signups", "visits"])
        let growth = try #require(definitions.kpi("revenue_growth"))
        #expect(definitions.metricNames(behind: growth) == ["revenue"])
        #expect(definitions.metric("members")?.aggregation == .last)
        #expect(definitions.funnel("shop")?.allSteps == ["visits", "signups", "orders"])
    }

    @Test(
        "defaults hold for their file, calendars for all, and files come in the order of their names"
    )
    func files() throws {
        let first = """
            kpi_version: 1
            calendars: {ny: {timezone: America/New_York}}
            defaults: {lateness: 2h}
            kpis: [{name: a, type: simple, metric: m}]
            """
        let second = """
            kpi_version: 1
            metrics: [{name: m, from: {samples: x}}]
            kpis: [{name: b, type: simple, metric: m, calendar: ny, periods: [week, month]}]
            """
        let definitions = try KPIDefinitions.load([("b.kpi.yaml", second), ("a.kpi.yaml", first)])
        #expect(definitions.kpis.map(\.name) == ["a", "b"])
        #expect(definitions.kpis.map(\.latenessMillis) == [7_200_000, 0])
        #expect(definitions.kpi("b")?.calendar.zone.name == "America/New_York")
        #expect(definitions.kpi("b")?.defaultPeriod == .week)
        #expect(definitions.kpi("a")?.calendar == Calendar())
    }

    @Test("a KPI may have a metric's name, and an undefined metric is no load error")
    func namespaces() throws {
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics: [{name: revenue, from: {samples: x}}]
            kpis:
              - {name: revenue, type: simple, metric: revenue}
              - {name: lost, type: simple, metric: nowhere}
              - {name: double, type: derived, expr: "2 * revenue + lost"}
            """
        )
        #expect(definitions.missingMetrics(of: try #require(definitions.kpi("lost"))) == ["nowhere"])
        #expect(
            definitions.metricNames(behind: try #require(definitions.kpi("double"))) == [
                "revenue", "nowhere",
            ]
        )
    }

    @Test("aggregations have the defaults of their source")
    func aggregations() throws {
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics:
              - {name: a, from: {counter: x}}
              - {name: b, from: {samples: x}}
              - {name: c, from: {gauge: x}}
              - {name: d, from: {promql: 'sum(x)'}}
              - {name: e, agg: time_avg, from: {gauge: x}, labels: [l]}
            """
        )
        #expect(definitions.metrics.map(\.aggregation) == [.sum, .sum, .last, .sum, .timeAverage])
        #expect(definitions.metric("e")?.labels == ["l"])
    }

    @Test(
        "faults are told with their place",
        arguments: [
            ("metrics:\n  - {name: a, agg: avg, from: {gauge: x}}", "3:20", "time_avg"),
            (
                "metrics:\n  - {name: a, agg: last, from: {counter: x}}", "3:20", "does not go with counter"
            ),
            (
                "metrics:\n  - {name: a, from: {counter: x}, first_sample: never}", "3:49",
                "auto, zero or ignore"
            ),
            ("metrics:\n  - {name: a, from: {gauge: x}, first_sample: auto}", "3:47", "counters only"),
            ("metrics:\n  - {name: a, from: {gauge: x, counter: y}}", "3:21", "exactly one"),
            ("metrics:\n  - {name: a, from: {gauge: 'x{'}}", "3:29", "gauge is wrong"),
            ("metrics:\n  - {name: a, from: {promql: 'x[5m]'}}", "3:30", "instant vector"),
            ("metrics:\n  - {name: a, from: {event: login}}", "3:22", "not supported"),
            ("metrics:\n  - {name: a, agg: distinct, from: {samples: x}}", "3:20", "not supported"),
            (
                "metrics:\n  - {name: a, from: {samples: x}}\n  - {name: b, from: {samples: x}}", "4:5",
                "duplicate_definition"
            ),
            (
                "metrics:\n  - {name: a, from: {samples: x}}\n  - {name: a, from: {samples: y}}", "4:5",
                "already defined"
            ),
            ("metrics:\n  - {name: a, from: {samples: x}, by: [period]}", "3:40", "means something else"),
            ("metrics:\n  - {name: '1a', from: {samples: x}}", "3:12", "is no name"),
            ("metrics:\n  - {name: a, form: {samples: x}}", "3:15", "unknown field"),
            ("kpis:\n  - {name: a, type: average, metric: m}", "3:21", "is not known"),
            ("kpis:\n  - {name: a, type: simple, metric: m, expr: x}", "3:46", "does not belong"),
            ("kpis:\n  - {name: a, type: ratio, numerator: m}", "3:5", "needs denominator"),
            ("kpis:\n  - {name: a, type: simple, metric: m, period: fortnight}", "3:48", "is not known"),
            ("kpis:\n  - {name: a, type: simple, metric: m, calendar: c}", "3:50", "is not defined"),
            ("kpis:\n  - {name: a, type: simple, metric: m, lateness: soon}", "3:50", "duration"),
            ("kpis:\n  - {name: a, type: derived, expr: 'x +'}", "3:36", "missing at the end"),
            (
                "kpis:\n  - {name: a, type: derived, expr: b}\n  - {name: b, type: derived, expr: a * 2}",
                ":5", "a -> b -> a"
            ),
            ("kpis:\n  - {name: a, type: derived, expr: a + 1}", "3:5", "a -> a"),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, north_star: true}\n  - {name: b, type: simple, metric: m, north_star: true}",
                "4:5", "only one KPI"
            ),
            (
                "kpis:\n  - {name: a, type: simple, metric: m}\n  - {name: r, type: ratio, numerator: a, denominator: m}",
                "4:39", "a is a KPI"
            ),
            (
                "kpis:\n  - {name: a, type: cumulative, metric: m, window: 7 weeks}", "3:52",
                "local dates such as 7 days"
            ),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, aliases: [b]}\n  - {name: b, type: simple, metric: m}",
                "3:5", "already a name"
            ),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, target: {above: 1, below: 2}}", "3:48",
                "either above or below"
            ),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, display: {show: [avg, maks]}}", "3:62",
                "does not know \"maks\"; known are avg, max, min, last; the nearest is \"max\""
            ),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, display: {chart: bars}}", "3:57",
                "does not know \"bars\"; known are line, bar; the nearest is \"bar\""
            ),
            ("kpis:\n  - {name: a, type: simple, metric: m, display: {show: [max, max]}}", "3:62", "twice"),
            (
                "kpis:\n  - {name: a, type: simple, metric: m, display: {colour: red}}", "3:50",
                "unknown field"
            ),
            (
                "funnels: [{name: f, kind: counter, base: m, steps: [n], display: {chart: pie}}]", "2:74",
                "line, bar"
            ),
            (
                "metrics:\n  - {name: a, from: {samples: x}, aliases: [b]}\n  - {name: b, from: {samples: y}}",
                "3:5", "the alias b is already a name of the metric b"
            ),
            ("calendars: {c: {timezone: Europe/Zurick}}", "2:27", "\"Europe/Zurich\""),
            ("calendars: {c: {week_start: funday}}", "2:29", "monday"),
            ("calendars: {c: {fiscal_year_start: 02-30}}", "2:36", "month and day"),
            ("calendars: {c: {fiscal_year_start: 02-29}}", "2:36", "every year"),
            ("calendars: {c: {periods: {sprint: {every: 14d}}}}", "2:35", "needs an anchor"),
            (
                "calendars: {c: {periods: {sprint: {every: 14h, anchor: 2018-04-05}}}}", "2:43", "14d or 2w"
            ),
            (
                "calendars: {c: {periods: {sprint: {every: 14d, anchor: 2018-02-30}}}}", "2:56",
                "has to be a date"
            ),
            (
                "calendars: {c: {periods: {week: {every: 14d, anchor: 2018-02-03}}}}", "2:27",
                "something already"
            ),
            ("funnels: [{name: f, kind: counter, base: m, steps: []}]", "2:52", "at least one step"),
            ("funnels: [{name: f, kind: counter, base: m}]", "2:11", "at least one step"),
            ("funnels: [{name: f, kind: counter, base: m, steps: [n, m]}]", "2:56", "given twice"),
            ("funnels: [{name: f, entity: user, steps: [n, m]}]", "2:21", "not supported"),
            ("retentions: []", "2:1", "not supported"),
            ("unknown: 1", "2:1", "unknown field"),
            ("groups: []", "2:1", "files of their own"),
            ("---\nkpi_version: 1", "", "document"),
        ]
    )
    func faults(sections: String, place: String, words: String) {
        let found = problem(sections)
        #expect(found.contains(words), "\(found)")
        #expect(found.contains(place.isEmpty ? "a.kpi.yaml" : "\(place): "), "\(found)")
        #expect(found.hasPrefix("a.kpi.yaml:"), "\(found)")
    }

    @Test("a file without its version, or with another one, is refused")
    func version() {
        #expect(problems("metrics: []").first == "a.kpi.yaml:1:1: a KPI file needs kpi_version: 1")
        #expect(problems("kpi_version: 2").first?.hasPrefix("a.kpi.yaml:1:14: kpi_version 2") == true)
        #expect(problems("").first?.hasPrefix("a.kpi.yaml: ") == true)
    }

    @Test("tells rule files and KPI files apart by their content")
    func kinds() {
        #expect(DefinitionKind.of("groups: []") == .rules)
        #expect(DefinitionKind.of("kpi_version: 1\nkpis: []") == .kpis)
        #expect(DefinitionKind.of("kpi_version: 1\ngroups: []") == .mixed)
        #expect(DefinitionKind.of("{") == .rules)
        #expect(DefinitionKind.of("{", file: "a.kpi.yaml") == .kpis)
        #expect(DefinitionKind.of("groups: []", file: "a.kpi.yaml") == .rules)
    }

    @Test(
        "formulas keep precedence, parentheses and offsets",
        arguments: [
            ("a + b * c", "a + (b * c)"), ("(a + b) * c", "(a + b) * c"), ("a - b - c", "(a - b) - c"),
            ("-a / -2", "(-a) / (-2)"), ("offset(a, 2) / a", "offset(a, 2) / a"),
            ("offset + 1", "offset + 1"),
            ("1.5e-3*x", "0.0015 * x"), ("kpi:a.b", "kpi:a.b"),
        ]
    )
    func formulas(text: String, shown: String) throws {
        #expect(try FormulaReader.parse(text).description == shown)
    }

    @Test(
        "wrong formulas are refused",
        arguments: [
            "", "a +", "a b", "(a", "a)", "offset(a)", "offset(a, b)", "offset(a, -1)", "offset(a, 1.5)",
            "a % b", "1e999",
        ]
    )
    func wrongFormulas(text: String) {
        #expect(throws: FormulaError.self) { try FormulaReader.parse(text) }
    }

    @Test("formulas that would exhaust the stack are refused")
    func deepFormulas() {
        for text in [
            String(repeating: "(", count: 4000) + "a", String(repeating: "-", count: 4000) + "a",
        ] {
            #expect(throws: FormulaError.self) { try FormulaReader.parse(text) }
        }
        #expect(throws: FormulaError.self) {
            try FormulaReader.parse(String(repeating: "a+", count: 4000) + "a")
        }
    }

    @Test("the nearest name is suggested")
    func suggestions() {
        #expect(Suggestion.nearest(to: "signup_rat", among: ["aov", "signup_rate"]) == "signup_rate")
        #expect(Suggestion.nearest(to: "voa", among: ["aov", "signup_rate"]) == "aov")
        #expect(Suggestion.nearest(to: "zzzzzzzz", among: ["aov"]) == "aov")
        #expect(Suggestion.nearest(to: "aov", among: []) == nil)
    }
}
