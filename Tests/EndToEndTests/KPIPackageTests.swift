import Foundation
import Testing

extension EndToEnd {
    @Suite("KPIs of a published package")
    struct KPIPackageTests {
        private static let dayMillis: Int64 = 86_400_000

        /// The sheet behind a published data package: new users, downloads, visits of six sprints.
        private static let sheet: [(users: Double, downloads: Double, visits: Double)] = [
            (66, 157, 12_780), (93, 126, 12_614), (83, 161, 11_846), (81, 105, 11_421), (81, 48, 10_768),
            (97, 51, 12_423),
        ]
        /// The percentages that were published, rounded.
        private static let published: [(users: Double, downloads: Double)] = [
            (0.5164, 1.2285), (0.7373, 0.9989), (0.7007, 1.3591), (0.7092, 0.9194), (0.7522, 0.4458),
            (0.7808, 0.4105),
        ]
        private static let titles = [
            "Percentage of total new users in the sprint",
            "Percentage of total CLI downloads from website in the sprint",
        ]
        private static let names = [
            "percentage_of_total_new_users_in_the_sprint",
            "percentage_of_total_cli_downloads_from_website_in_the_sprint",
        ]
        private static let descriptor = """
            {"name": "datahub-metrics", "title": "Datahub metrics",
             "resources": [{"name": "biweekly_stats", "path": "biweekly_stats.csv"}],
             "views": [{"name": "funnels", "title": "Funnels",
               "resources": [{"name": "biweekly_stats", "transform": [{"type": "formula",
                 "expressions": ["data['Total new users'] * 100 / data['Total Unique Visitors']",
                                 "data['Downloads CLI (GA)'] * 100 / data['Total Unique Visitors']"],
                 "asFields": ["\(titles[0])", "\(titles[1])"]}]}],
               "specType": "simple",
               "spec": {"group": "Date", "series": ["\(titles[0])", "\(titles[1])"], "type": "line", "ySuffix": "%"}}]}
            """

        /// The days since 1970 of the first sprint: as published, or so that the last one holds the present.
        private static func firstDay(isCurrent: Bool) -> Int64 {
            isCurrent ? nowMillis() / dayMillis - 75 : 17_626
        }

        private static func date(_ day: Int64) -> String {
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withFullDate]
            return formatter.string(from: Date(timeIntervalSince1970: Double(day) * 86_400))
        }

        @Test(
            "have one number on every surface: API, CSV, PromQL, /metrics and the exported view",
            arguments: [false, true]
        )
        func package(isCurrent: Bool) async throws {
            let folder = try ScratchFolder("package")
            let first = KPIPackageTests.firstDay(isCurrent: isCurrent)
            let starts = (0..<6).map { first + Int64($0) * 14 }
            var csv = "Date,Total new users,Downloads CLI (GA),Number of unique visits\n"
            for (start, row) in zip(starts, KPIPackageTests.sheet) {
                csv +=
                    "\(KPIPackageTests.date(start)),\(Int(row.users)),\(Int(row.downloads)),\(Int(row.visits))\n"
            }
            try folder.write(csv, to: "package/biweekly_stats.csv")
            try folder.write(KPIPackageTests.descriptor, to: "package/datapackage.json")
            try folder.write("groups: []\n", to: "rules/none.yml")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                try await run(
                    [
                        "import", "datapackage", "\(folder.path)/package", "--definitions",
                        "\(folder.path)/rules/datahub.kpi.yaml", "--rename",
                        "Total Unique Visitors=Number of unique visits", "--url", sextant.baseURL,
                    ],
                    folder
                )
                try await eventually("the imported definitions", within: 30) {
                    let text = try await sextant.client.get("/analytics/kpis/configs/").text
                    guard text.contains(KPIPackageTests.names[1]) else { throw NotYet(text) }
                }
                let expected = [
                    KPIPackageTests.sheet.map { 100 * $0.users / $0.visits },
                    KPIPackageTests.sheet.map { 100 * $0.downloads / $0.visits },
                ]
                #expect(expected[0].map(KPIPackageTests.rounded) == KPIPackageTests.published.map(\.users))
                #expect(
                    expected[1].map(KPIPackageTests.rounded) == KPIPackageTests.published.map(\.downloads)
                )
                try await checkAPI(sextant.client, starts, expected)
                try await checkQueries(sextant.client, starts, expected)
                try await checkExport(sextant, folder, starts, expected)
                guard isCurrent else { return }
                let page = try await sextant.client.get("/metrics").text
                for (name, values) in zip(KPIPackageTests.names, expected) {
                    let line =
                        "\nkpi{kpi=\"\(name)\",period=\"sprint\",tz=\"UTC\",unit=\"percentage\"} "
                    let text = try #require(page.components(separatedBy: line).dropFirst().first)
                    #expect(text.split(separator: "\n").first.flatMap { Double($0) } == values[5])
                }
            }
        }

        private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }

        private func checkAPI(_ client: HTTPClient, _ starts: [Int64], _ expected: [[Double]]) async throws {
            let parameters = [
                ("start_timestamp", "\(starts[0] * 86_400)"),
                ("end_timestamp", "\((starts[5] + 14) * 86_400)"),
            ]
            let answer = try JSON(
                parsing: await client.get("/analytics/kpis/values/", parameters).body
            )
            #expect(
                answer["start_timestamps"]?.elements.map { $0.number.flatMap { Double($0) } }
                    == starts.map { Double($0 * 86_400) }
            )
            let kpis = answer["kpis"]?.elements ?? []
            #expect(kpis.compactMap { $0["kpi"]?.string } == KPIPackageTests.names)
            for (kpi, values) in zip(kpis, expected) {
                #expect(kpi["values"]?.elements.map { $0.number.flatMap { Double($0) } } == values)
            }
            let table = try await client.get("/analytics/kpis/values/", parameters + [("format", "csv")]).text
            let rows = table.split(whereSeparator: \.isNewline).dropFirst().map {
                $0.split(separator: ",").suffix(2).map { Double($0) }
            }
            #expect(rows == (0..<6).map { [expected[0][$0], expected[1][$0]] })
        }

        private func checkQueries(_ client: HTTPClient, _ starts: [Int64], _ expected: [[Double]])
            async throws
        {
            for (name, values) in zip(KPIPackageTests.names, expected) {
                for (start, value) in zip(starts, values) {
                    for offset in [0, 86_400_000, 14 * KPIPackageTests.dayMillis - 1] {
                        let time = start * KPIPackageTests.dayMillis + offset
                        #expect(try await client.value(of: "kpi{kpi=\"\(name)\"}", atMillis: time) == value)
                    }
                }
                let series = try await client.queryRange(
                    "kpi{kpi=\"\(name)\",period=\"sprint\"}",
                    fromMillis: starts[0] * KPIPackageTests.dayMillis,
                    toMillis: starts[5] * KPIPackageTests.dayMillis,
                    stepMillis: 14 * KPIPackageTests.dayMillis
                )
                #expect(series.count == 1 && series[0].points.map(\.value) == values)
            }
        }

        private func checkExport(
            _ sextant: Daemon,
            _ folder: ScratchFolder,
            _ starts: [Int64],
            _ expected: [[Double]]
        ) async throws {
            let out = "\(folder.path)/out"
            try await run(["export", "kpis", "--datapackage", out, "--url", sextant.baseURL], folder)
            let text = try String(contentsOfFile: "\(out)/sprint_stats.csv", encoding: .utf8)
            let rows = text.split(whereSeparator: \.isNewline).map {
                $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            }
            // The last sprint is left out as long as it is open.
            let ended = starts.filter { ($0 + 14) * KPIPackageTests.dayMillis <= nowMillis() }
            #expect(rows.dropFirst().prefix(ended.count).map { $0[0] } == ended.map(KPIPackageTests.date))
            let titles = rows[0]
            func column(_ title: String) throws -> [Double?] {
                let index = try #require(titles.firstIndex(of: title), "\(titles)")
                return rows.dropFirst().prefix(ended.count).map { Double($0[index]) }
            }
            let package = try JSON(
                parsing: Array(FileManager.default.contents(atPath: "\(out)/datapackage.json") ?? Data())
            )
            let transform = package["views"]?.elements.first?["resources"]?.elements.first?["transform"]
            let expressions = transform?.elements.first?["expressions"]?.elements.compactMap(\.string) ?? []
            #expect(
                transform?.elements.first?["asFields"]?.elements.compactMap(\.string)
                    == KPIPackageTests.titles.map { "\($0) in percent" }
            )
            #expect(expressions.count == 2)
            for (index, expression) in expressions.enumerated() {
                let wanted = Array(expected[index].prefix(ended.count))
                #expect(try column(KPIPackageTests.titles[index]) == wanted)
                // The expression is `data['A'] * 100 / data['B']`.
                let names = expression.components(separatedBy: "'")
                try #require(names.count == 5 && names[2] == "] * 100 / data[", "\(expression)")
                let values = zip(try column(names[1]), try column(names[3])).map { part, whole in
                    part.flatMap { part in whole.map { part * 100 / $0 } }
                }
                #expect(values == wanted)
            }
        }

        private func run(_ arguments: [String], _ folder: ScratchFolder) async throws {
            let result = try await Peers.run(Repository.daemon, arguments, in: folder)
            #expect(result.ending == .exited(0), "\(arguments): \(result.output)")
        }
    }
}
