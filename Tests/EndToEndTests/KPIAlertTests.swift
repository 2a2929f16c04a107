import Foundation
import Testing

extension EndToEnd {
    @Suite("Alerts on KPIs")
    struct KPIAlertTests {
        private static let hourMillis: Int64 = 3_600_000

        @Test(
            "reach a real Alertmanager for whole periods, never for open or unfinished ones",
            .enabled(if: AlertmanagerServer.isAvailable, "\(AlertmanagerServer.absence)"),
            .timeLimit(.minutes(10))
        )
        func alertmanager() async throws {
            let folder = try ScratchFolder("kpi-alerts")
            let now = nowMillis()
            // A zone in which it is about noon, so that no day ends during the test.
            let hours = 12 - now / KPIAlertTests.hourMillis % 24
            let zone = "Etc/GMT" + (hours > 0 ? "-\(hours)" : "+\(-hours)")
            let today =
                (now + hours * KPIAlertTests.hourMillis) / 86_400_000 * 86_400_000
                - hours * KPIAlertTests.hourMillis
            try folder.write(KPIAlertTests.definitions(zone), to: "rules/shops.kpi.yaml")
            try folder.write(KPIAlertTests.rules, to: "rules/alerts.yml")
            let port = Ports.free()
            try folder.write(
                """
                rule_files: [rules]
                alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:\(port)']}]}]}

                """,
                to: "sextant.yaml"
            )
            let alertmanager = try await AlertmanagerServer(in: folder, port: port)
            let client = alertmanager.client
            try await withDaemon(["--config", "\(folder.path)/sextant.yaml"], folder: folder) { sextant in
                let yesterday = today - 12 * KPIAlertTests.hourMillis
                var write = RemoteWrite()
                // What was bad yesterday, what is bad today only, and what is bad as far as data have come.
                let orders: [String: [(millis: Int64, count: Double)]] = [
                    "north": [(yesterday, 1), (now, 50)], "south": [(yesterday, 50), (now, 1)],
                    "west": [(yesterday, 1)],
                ]
                for (shop, orders) in orders {
                    write.add(
                        ["__name__": "test_orders", "shop": shop],
                        orders.map { .init(millis: $0.millis, value: $0.count) }
                    )
                    write.add(
                        ["__name__": "test_visits", "shop": shop],
                        orders.map { .init(millis: $0.millis, value: 1000) }
                    )
                }
                #expect(try await write.send(to: sextant.client).status == 204)
                let alert = try await alerts(client, are: ["north"])[0]
                #expect(alert["labels"]?["period"] == .string("day"))
                #expect(alert["annotations"]?["summary"] == .string("0.1 % of yesterday's visits"))
                // Some more evaluations bring no other alert.
                let evaluated = try await lastEvaluation(sextant.client)
                try await eventually("three more evaluations") {
                    let last = try await lastEvaluation(sextant.client)
                    guard last > evaluated + 2500 else { throw NotYet("\(last)") }
                }
                #expect(try await shown(client).map(\.shop) == ["north"])
                let text = try await sextant.client.get("/api/v1/alerts").text
                #expect(!text.contains("south") && !text.contains("west"))

                // Late orders of the north; the west's data go on, so that its yesterday is final.
                var late = RemoteWrite()
                late.add(
                    ["__name__": "test_orders", "shop": "north"],
                    [.init(millis: yesterday + 1000, value: 90)]
                )
                for name in ["orders", "visits"] {
                    late.add(
                        ["__name__": "test_\(name)", "shop": "west"],
                        [.init(millis: nowMillis(), value: 100)]
                    )
                }
                #expect(try await late.send(to: sextant.client).status == 204)
                _ = try await alerts(client, are: ["west"])
            }
        }

        private static func definitions(_ zone: String) -> String {
            var text = """
                kpi_version: 1
                defaults: {calendar: local, lateness: 1h}
                calendars: {local: {timezone: \(zone)}}

                """
            let shops = ["north", "south", "west"]
            text += "metrics:\n"
            for shop in shops {
                for name in ["orders", "visits"] {
                    text += "  - {name: \(shop)_\(name), from: {samples: 'test_\(name){shop=\"\(shop)\"}'}}\n"
                }
            }
            text += "kpis:\n"
            for shop in shops {
                text += "  - {name: \(shop), type: ratio, numerator: \(shop)_orders, "
                text += "denominator: \(shop)_visits, unit: percentage}\n"
            }
            return text
        }

        private static let rules = """
            groups:
            - name: kpis
              interval: 1s
              rules:
              - alert: OrderRateLow
                expr: kpi{period="day", offset="-1", state="final"} < 3
                annotations: {summary: "{{ $value }} % of yesterday's visits"}
              - alert: OpenDay
                expr: kpi{period="day", state="final"} < 3

            """

        /// The alerts that Alertmanager has, once they are those of these KPIs.
        private func alerts(_ client: HTTPClient, are kpis: [String]) async throws -> [JSON] {
            try await eventually("the alerts \(kpis)", within: 120) {
                let found = try await shown(client)
                guard found.map(\.shop) == kpis else { throw NotYet("\(found.map(\.shop))") }
                return found.map(\.alert)
            }
        }

        private func shown(_ client: HTTPClient) async throws -> [(shop: String, alert: JSON)] {
            try JSON(parsing: await client.get("/api/v2/alerts?active=true").body).elements.map {
                ($0["labels"]?["kpi"]?.string ?? "", $0)
            }.sorted { $0.0 < $1.0 }
        }

        /// When the group was evaluated last, in milliseconds.
        private func lastEvaluation(_ client: HTTPClient) async throws -> Int64 {
            let answer = try JSON(parsing: await client.get("/api/v1/rules").body)
            let text = answer["data"]?["groups"]?.elements.first?["lastEvaluation"]?.string ?? ""
            let formatter = ISO8601DateFormatter()
            let date = formatter.date(from: String(text.prefix(19)) + "Z")
            return Int64((date?.timeIntervalSince1970 ?? 0) * 1000)
        }

        @Test(
            "that are shipped pass promtool and vmalert as they stand",
            .enabled(if: Peers.has("vmalert") && Peers.has("promtool"), "no promtool and vmalert here")
        )
        func shipped() async throws {
            let folder = try ScratchFolder("shipped-alerts")
            let file = "\(Repository.root)/rules/shop-alerts.yml"
            let check = try await Peers.promtool(["check", "rules", file], in: folder)
            #expect(
                check.ending == .exited(0) && check.output.contains("SUCCESS: 5 rules"),
                "\(check.output)"
            )
            let dryRun = try await Peers.run(
                Peers.program("vmalert"),
                ["-dryRun", "-rule=\(file)"],
                in: folder
            )
            #expect(dryRun.ending == .exited(0), "\(dryRun.output)")
        }
    }
}
