import Foundation
import Model
import Testing

@testable import KPI

@Suite("Exports and imports") struct ExchangeTests {
    /// The sheet of a real package, with the columns that its views use.
    static let sheet = """
        Date,Total new users,Downloads CLI (GA),Number of unique visits
        2018-04-05,66,157,12780
        2018-04-19,93,126,12614
        2018-05-03,83,161,11846
        2018-05-17,81,105,11421
        2018-05-31,81,48,10768
        2018-06-14,97,51,12423
        """
    static let descriptor = """
        {"name": "datahub-metrics", "title": "Datahub metrics",
         "resources": [{"name": "biweekly_stats", "path": "biweekly_stats.csv"}],
         "views": [{"name": "funnels", "title": "Funnels", "resources": [{"name": "biweekly_stats", "transform": [
           {"type": "formula",
            "expressions": ["data['Total new users'] * 100 / data['Total Unique Visitors']",
                            "data['Downloads CLI (GA)'] * 100 / data['Total Unique Visitors']"],
            "asFields": ["Percentage of total new users in the sprint",
                         "Percentage of total CLI downloads from website in the sprint"]}]}],
          "specType": "simple", "spec": {"group": "Date", "series": [], "type": "line", "ySuffix": "%"}}]}
        """

    private func imported(_ descriptor: String = ExchangeTests.descriptor) throws -> DataPackageImport {
        try DataPackageImport(
            descriptor: Array(descriptor.utf8),
            aliases: ["Total Unique Visitors": "Number of unique visits"]
        ) { _ in ExchangeTests.sheet }
    }

    private func service(_ imported: DataPackageImport) throws -> KPIService {
        let source = MemorySource()
        for series in imported.series {
            let samples = zip(series.column.timestamps, series.column.values).map { (Double($0) / 1000, $1) }
            source.set(series.name, [:], samples)
        }
        return KPIService(
            definitions: try DefinitionTests.load(imported.definitions),
            source: RawAggregates(source: source)
        ) { Timestamp(millis: 1_530_144_000_000) }
    }

    /// The percentages of the sheet, rounded as they were published.
    static let percentages: [[Double]] = [
        [0.5164, 0.7373, 0.7007, 0.7092, 0.7522, 0.7808], [1.2285, 0.9989, 1.3591, 0.9194, 0.4458, 0.4105],
    ]

    @Test("a package with formula views becomes KPIs with the published percentages")
    func golden() throws {
        let service = try service(try imported())
        var request = ReportRequest()
        request.start = 1_522_886_400_000
        request.end = 1_530_144_000_000
        let report = try service.report(request, budget: .unlimited())
        #expect(report.frames.period == .named("sprint"))
        #expect(
            report.entries.map(\.row.kpi.name) == [
                "percentage_of_total_new_users_in_the_sprint",
                "percentage_of_total_cli_downloads_from_website_in_the_sprint",
            ]
        )
        for (entry, expected) in zip(report.entries, ExchangeTests.percentages) {
            #expect(entry.row.values.map { (($0 ?? 0) * 10_000).rounded() / 10_000 } == expected)
        }
    }

    @Test("the exported view gives the same numbers again")
    func roundTrip() throws {
        let first = try service(try imported())
        let files = try first.export([], period: nil, name: "datahub-metrics", budget: .unlimited())
        #expect(files.map(\.path) == ["sprint_stats.csv", "datapackage.json"])
        #expect(
            files[0].content.hasPrefix(
                "Date,Percentage of total new users in the sprint,"
                    + "Percentage of total CLI downloads from website in the sprint,"
                    + "total_new_users,number_of_unique_visits,downloads_cli_ga\r\n2018-04-05,0.5164319248826291,"
            )
        )
        #expect(try first.export([], period: nil, name: "datahub-metrics", budget: .unlimited()) == files)
        let again = try DataPackageImport(descriptor: Array(files[1].content.utf8)) { path in
            files.first { $0.path == path }?.content ?? ""
        }
        let second = try service(again)
        var request = ReportRequest()
        request.start = 1_522_886_400_000
        request.end = 1_530_144_000_000
        let before = try first.report(request, budget: .unlimited())
        let after = try second.report(request, budget: .unlimited())
        #expect(before.entries.map(\.row.values) == after.entries.map(\.row.values))
    }

    @Test("what is declared as bars is a view of bars, percentages with their sign")
    func charts() throws {
        let source = MemorySource()
        source.set("a", [:], [(0, 3)])
        source.set("b", [:], [(0, 6)])
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics: [{name: a, from: {samples: a}}, {name: b, from: {samples: b}}]
            kpis:
              - {name: rate, type: ratio, numerator: a, denominator: b, unit: percentage}
              - name: share
                type: ratio
                numerator: a
                denominator: b
                unit: percentage
                display: {chart: bar}
              - {name: total, type: simple, metric: b, unit: usd, display: {chart: bar}}
              - {name: quiet, type: simple, metric: a}
            funnels:
              - {name: f, kind: counter, base: b, steps: [a], display: {chart: bar}}
            """
        )
        let service = KPIService(definitions: definitions, source: RawAggregates(source: source)) {
            Timestamp(millis: 2 * 86_400_000)
        }
        let files = try service.export([], period: nil, name: "p", budget: .unlimited())
        let descriptor = try #require(files.last)
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(descriptor.content.utf8)) as? [String: Any]
        )
        let views = try #require(json["views"] as? [[String: Any]])
        let told = views.map { view in
            let spec = view["spec"] as? [String: Any]
            return [
                view["name"] as? String ?? "", spec?["type"] as? String ?? "",
                spec?["ySuffix"] as? String ?? "",
                (spec?["series"] as? [String])?.joined(separator: ";") ?? "",
            ]
        }
        #expect(
            told == [
                ["daily_stats_percentages", "line", "%", "rate in percent"],
                ["daily_stats_percentages_bar", "bar", "%", "share in percent"],
                ["daily_stats_total", "bar", "", "total"],
                ["daily_stats_f", "bar", "%", "Percentage of a"],
            ]
        )
        let panels = Dashboard.json(definitions).text
        #expect(panels.contains("\"drawStyle\": \"bars\""))
    }

    @Test("an export that runs again has the same bytes; late data change their row alone")
    func again() throws {
        let source = MemorySource()
        source.set("a", [:], (0..<5).map { (Double($0) * 86_400 + 60, Double($0) / 3) })
        let definitions = try DefinitionTests.load(
            """
            kpi_version: 1
            metrics: [{name: a, from: {samples: a}}]
            kpis: [{name: sum, type: simple, metric: a, display_name: 'All, of a'}]
            """
        )
        let service = KPIService(definitions: definitions, source: RawAggregates(source: source)) {
            Timestamp(millis: 5 * 86_400_000)
        }
        func table() throws -> [String] {
            let files = try service.export([], period: nil, name: "p", budget: .unlimited())
            return files[0].content.split(separator: "\r\n").map(String.init)
        }
        let first = try table()
        #expect(first.prefix(2) == ["Date,\"All, of a\"", "1970-01-01,0"])
        #expect(try table() == first)
        source.set("a", [:], [(2 * 86_400 + 90, 4)])
        let second = try table()
        #expect(second.count == 6)
        #expect(zip(first, second).enumerated().filter { $0.element.0 != $0.element.1 }.map(\.offset) == [3])
        #expect(second[3] == "1970-01-03,4.666666666666667")
    }

    /// Definitions in which the columns of the sheet have other names by now.
    private static let known = """
        kpi_version: 1
        metrics:
          - name: unique_visitors
            from: {samples: 'site_visits{host="www"}'}
            aliases: [Number of unique visits, total_unique_visitors]
          - {name: total_new_users, from: {samples: new_users}}
          - {name: downloads, from: {samples: downloads_total}}
        kpis:
          - {name: downloads_shown, type: simple, metric: downloads, aliases: [Downloads CLI (GA)]}
          - name: user_rate
            type: ratio
            numerator: total_new_users
            denominator: unique_visitors
            unit: percentage
            aliases: [Percentage of total new users in the sprint]
        """

    @Test("columns that known metrics had as names become more of their series")
    func known() throws {
        let known = try DefinitionTests.load(ExchangeTests.known)
        let package = try DataPackageImport(
            descriptor: Array(ExchangeTests.descriptor.utf8),
            known: known
        ) { _ in ExchangeTests.sheet }
        #expect(package.series.map(\.name) == ["new_users", "site_visits{host=\"www\"}", "downloads_total"])
        #expect(package.series[1].column.values == [12780, 12614, 11846, 11421, 10768, 12423])
        #expect(package.exposition.hasPrefix("new_users 66 1522886400000\n"))
        // What is new goes by the names that there are.
        #expect(!package.definitions.contains("\nmetrics:"))
        #expect(
            package.definitions.contains(
                "{name: percentage_of_total_cli_downloads_from_website_in_the_sprint, type: ratio, "
                    + "numerator: downloads, denominator: unique_visitors,"
            )
        )
        #expect(!package.definitions.contains("percentage_of_total_new_users"))
        // The same table under its new name, without views: one series.
        let later = try DataPackageImport(
            descriptor: Array(
                #"{"resources": [{"name": "t", "path": "t.csv"}, {"name": "n", "path": "n.csv"}]}"#.utf8
            ),
            known: known
        ) { path in
            path == "t.csv"
                ? "Date,unique_visitors,Number of unique visits\n2018-06-28,7,\n2018-06-14,12423,12423\n"
                : "Name\nx\n"
        }
        #expect(later.definitions.isEmpty)
        #expect(later.series.map(\.name) == ["site_visits{host=\"www\"}"])
        #expect(later.series[0].column.values == [12423, 7])
    }

    @Test("a renamed column is written down as an alias")
    func alias() throws {
        let definitions = try DefinitionTests.load(try imported().definitions)
        #expect(definitions.metric(formerly: "Total Unique Visitors")?.name == "number_of_unique_visits")
    }

    @Test(
        "what known definitions do not go with is told",
        arguments: [
            (
                "Date,unique_visitors,Number of unique visits\n2018-06-28,7,8\n",
                "has both 7 and 8 for 2018-06-28"
            ), ("Date,c\n2018-06-28,7\n", "is the metric c, which is made of counter c_total"),
            ("Date,Comment\n2018-06-28,7\n", "no column of a metric that is known"),
        ]
    )
    func knownFaults(sheet: String, message: String) throws {
        let known = try DefinitionTests.load(
            ExchangeTests.known.replacing(
                "metrics:",
                with: "metrics:\n  - {name: c, from: {counter: c_total}}"
            )
        )
        do {
            _ = try DataPackageImport(
                descriptor: Array(#"{"resources": [{"name": "t", "path": "t.csv"}]}"#.utf8),
                known: known
            ) { _ in sheet }
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("the descriptor names types that fit, never any")
    func descriptor() throws {
        let files = try service(try imported()).export([], period: nil, name: "p", budget: .unlimited())
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(files[1].content.utf8)) as? [String: Any]
        )
        let resources = try #require(json["resources"] as? [[String: Any]])
        let schema = try #require(resources[0]["schema"] as? [String: Any])
        let fields = try #require(schema["fields"] as? [[String: String]])
        #expect(
            fields.compactMap { $0["type"] } == ["date", "number", "number", "integer", "integer", "integer"]
        )
        let views = try #require(json["views"] as? [[String: Any]])
        let spec = try #require(views[0]["spec"] as? [String: Any])
        #expect(spec["ySuffix"] as? String == "%")
    }

    @Test(
        "what is wrong with a package is told",
        arguments: [
            (
                "Total new users", "Total old users",
                "has no column \"Total old users\"; the nearest is \"Total new users\""
            ),
            ("\"Percentage of total new users in the sprint\",", "", "2 expressions and 1 asFields"),
            ("\"views\"", "\"vews\"", "no view with a formula"),
            ("{\"name\": \"datahub", "[", "no descriptor"),
            ("[{\"name\": \"biweekly_stats\", \"path\"", "[{\"name\": \"x\", \"path\"", "which there is not"),
            ("* 100 /", "% 100 /", "is wrong"),
        ]
    )
    func faults(part: String, other: String, message: String) {
        do {
            _ = try imported(ExchangeTests.descriptor.replacing(part, with: other))
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains(message), "\(error)")
        }
    }

    @Test("tables are read as RFC 4180 has them")
    func csv() {
        #expect(CSVText.rows("a,\"b,\"\"c\"\r\n\"d\ne\",\n") == [["a", "b,\"c"], ["d\ne", ""]])
        #expect(CSVText.rows("a,b") == [["a", "b"]])
        #expect(CSVText.rows("a,\"b") == nil)
        #expect(CSVText.field("a,\"b\"") == "\"a,\"\"b\"\"\"")
    }

    @Test("a dashboard has a panel for each KPI and funnel, with Grafana's units")
    func dashboard() throws {
        let definitions = try DefinitionTests.load(DefinitionTests.example)
        let text = Dashboard.json(definitions).text
        let json = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let panels = try #require(json["panels"] as? [[String: Any]])
        #expect(panels.count == 7)
        #expect(panels[0]["title"] as? String == "signup_rate")
        let units = panels.map { panel in
            let config = panel["fieldConfig"] as? [String: Any]
            let defaults = config?["defaults"] as? [String: Any]
            return defaults?["unit"] as? String ?? ""
        }
        #expect(
            units == [
                "percent", "currencyUSD", "currencyUSD", "currencyUSD", "percentunit", "short", "percent",
            ]
        )
        #expect(text.contains("\"kpi{kpi=\\\"signup_rate\\\",period=\\\"sprint\\\"}\""))
    }

    @Test("a difference of definitions tells which history changes and by how much")
    func differences() throws {
        let source = MemorySource()
        source.set("x", ["a": "1"], [(0, 10), (86_400, 10)])
        source.set("x", ["a": "2"], [(86_400, 5)])
        func definitions(_ selector: String, _ more: String) throws -> KPIDefinitions {
            try DefinitionTests.load(
                """
                kpi_version: 1
                metrics: [{name: m, from: {samples: '\(selector)'}}, {name: n, from: {gauge: x}}]
                kpis: [{name: a, type: simple, metric: m}, {name: b, type: simple, metric: n}, \(more)]
                """
            )
        }
        let service = KPIService(definitions: .none, source: RawAggregates(source: source)) {
            Timestamp(millis: 2 * 86_400_000)
        }
        let found = try service.differences(
            from: try definitions("x{a=\"1\"}", "{name: old, type: simple, metric: n}"),
            to: try definitions("x", "{name: new, type: simple, metric: n}"),
            budget: .unlimited()
        )
        #expect(found.map(\.name) == ["a", "b", "new", "old"])
        #expect(found.map(\.kind) == [.changed, .same, .added, .removed])
        #expect(found[0].buckets.map(\.bucket.start) == [86_400_000])
        #expect(found[0].buckets.map(\.old) == [10])
        #expect(found[0].buckets.map(\.new) == [15])
        #expect(found[0].oldAggregate == 20)
        #expect(found[0].newAggregate == 25)
        #expect(found[0].largestRelativeChange == 0.5)
    }
}
