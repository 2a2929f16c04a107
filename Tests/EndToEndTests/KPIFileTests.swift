import Foundation
import Testing

extension EndToEnd {
    @Suite("Files that KPIs and metrics are written to and read from")
    struct KPIFileTests {
        private static let day: Int64 = 1_522_886_400
        private static let definitions = """
            kpi_version: 1
            calendars: {office: {timezone: Europe/Zurich}}
            defaults: {calendar: office}
            metrics:
              - {name: visits, from: {samples: visits}, aliases: [Number of unique visits]}
              - {name: users, agg: last, from: {gauge: users}}
              - {name: later, from: {samples: later_total}}
            kpis:
              - {name: visits, type: simple, metric: visits}
            """

        private func run(_ arguments: [String], _ folder: ScratchFolder, ending: Int32 = 0) async throws
            -> String
        {
            let result = try await Peers.run(Repository.daemon, arguments, in: folder)
            #expect(result.ending == .exited(ending), "\(arguments): \(result.output)")
            return result.output
        }

        @Test("records become tables of hours and days; a column under its former name is the same series")
        func tables() async throws {
            let folder = try ScratchFolder("files")
            try folder.write(KPIFileTests.definitions, to: "rules/shop.kpi.yaml")
            try folder.write(
                "Date,Number of unique visits\n2018-03-22,12780\n",
                to: "old/t.csv"
            )
            try folder.write(#"{"resources": [{"name": "t", "path": "t.csv"}]}"#, to: "old/datapackage.json")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                // Two hours of one day with 5 then 7 visits, and what is known of the day only.
                for value in [5, 7] {
                    let body = (1...2).map {
                        #"{"dims":{"date":"2018-04-05","hour":\#($0)},"metrics":{"visits":\#(value)}}"#
                    }
                    let answer = try await sextant.client.send(
                        "POST",
                        "/analytics/records/",
                        body: Array(body.joined(separator: "\n").utf8)
                    )
                    #expect(answer.status == 200, "\(answer.text)")
                }
                let daily = #"{"dims":{"date":"2018-04-05"},"metrics":{"users":40}}"#
                let answer = try await sextant.client.send(
                    "POST",
                    "/analytics/records?timezone=Europe/Zurich",
                    body: Array(daily.utf8)
                )
                #expect(answer.text == #"{"samples":1,"series":1}"#)
                let text = try await run(
                    [
                        "import", "datapackage", "\(folder.path)/old", "--known", "\(folder.path)/rules",
                        "--url", sextant.baseURL,
                    ],
                    folder
                )
                #expect(text == "nothing new to define: 1 metrics, 1 samples\n")
                let series = try await sextant.client.queryRange(
                    "visits",
                    fromMillis: (KPIFileTests.day - 15 * 86_400) * 1000,
                    toMillis: KPIFileTests.day * 1000 + 7_200_000,
                    stepMillis: 3_600_000
                )
                #expect(series.count == 1)

                let path = "\(folder.path)/values.sqlite"
                let told = try await run(
                    ["export", "--sqlite", path, "--url", sextant.baseURL],
                    folder
                )
                // Between the first and the last visit there are 339 hours and 15 days, most of them 0.
                #expect(told == "\(path): 3 metrics, 339 hourly and 16 daily values\n")
                let rows = try await query(path, folder)
                #expect(
                    rows == """
                        1|visits
                        2|users
                        3|later
                        visits|2018-03-22|0|12780.0
                        visits|2018-04-05|1|7.0
                        visits|2018-04-05|2|7.0
                        visits|2018-03-22|12780.0
                        visits|2018-04-05|14.0
                        users|2018-04-05|40.0

                        """
                )
                let unknown = try await run(
                    ["export", "--sqlite", path, "visit", "--url", sextant.baseURL],
                    folder,
                    ending: 1
                )
                #expect(unknown.contains("the nearest is \"visits\""))
                #expect(try await query(path, folder) == rows)
                // Killed at once: what was acknowledged is there, however old it is.
                sextant.kill()
                try await sextant.start()
                _ = try await run(["export", "--sqlite", path, "--url", sextant.baseURL], folder)
                #expect(try await query(path, folder) == rows)
            }
        }

        /// The rows of the tables that are not 0, by a reader of its own.
        private func query(_ path: String, _ folder: ScratchFolder) async throws -> String {
            let script = """
                import sqlite3, sys
                base = sqlite3.connect(sys.argv[1])
                for sql in ("SELECT id, name FROM Metric ORDER BY id",
                            "SELECT name, date, hour, value FROM HourlyValue JOIN Metric ON id = metric WHERE value <> 0 ORDER BY metric, date, hour",
                            "SELECT name, date, value FROM DailyValue JOIN Metric ON id = metric WHERE value <> 0 ORDER BY metric, date"):
                    for row in base.execute(sql): print(*row, sep="|")
                """
            let result = try await Peers.run("/usr/bin/env", ["python3", "-c", script, path], in: folder)
            #expect(result.ending == .exited(0))
            return result.output
        }

        @Test("the graph of the shipped rules reaches every KPI, from files alone")
        func graph() async throws {
            let folder = try ScratchFolder("graph")
            let text = try await run(
                ["graph", "--format", "json", "\(Repository.root)/rules"],
                folder
            )
            let graph = try JSON(parsing: Array(text.utf8))
            let targets = Set(graph["edges"]?.elements.compactMap { $0["to"]?.string } ?? [])
            let kpis = graph["nodes"]?.elements.filter { $0["kind"]?.string == "kpi" } ?? []
            #expect(kpis.count >= 5)
            for kpi in kpis { #expect(targets.contains(kpi["id"]?.string ?? ""), "\(kpi)") }
            #expect(graph["nodes"]?.elements.contains { $0["kind"]?.string == "alert" } == true)
            #expect(
                try await run(["graph", "/nowhere"], folder, ending: 1).contains("/nowhere: there is no such")
            )
            _ = try await run(["graph", "--format", "svg", "/nowhere"], folder, ending: 2)
        }
    }
}
