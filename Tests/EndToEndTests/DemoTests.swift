import Foundation
import Testing

extension EndToEnd {
    @Suite("The demo")
    struct DemoTests {
        private static let dayMillis: Int64 = 86_400_000

        @Test("fills a daemon with a shop and its KPIs, twice without harm, and the query command shows them")
        func demo() async throws {
            let folder = try ScratchFolder("demo")
            try await withDaemon(["--rules", "\(Repository.root)/rules"], folder: folder) { sextant in
                let days: Int64 = 4
                let arguments = [
                    "demo", "--url", sextant.baseURL, "--days", "\(days)", "--step", "5m", "--no-live",
                ]
                let began = nowMillis()
                let first = try await Peers.run(Repository.daemon, arguments, in: folder)
                #expect(first.ending == .exited(0), "\(first.output)")
                #expect(first.output.contains("history     100 %"), "\(first.output)")
                #expect(first.output.contains("KPIs        100 %"), "\(first.output)")

                let client = sextant.client
                #expect(try await client.value(of: #"count({__name__=~"shop_.*_total"} >= 0)"#) == 120)
                let visits = try await total("visits", client)
                #expect(visits > 100_000)
                let counts = try await client.query("count_over_time(shop_visits_total[5d])")
                #expect(counts.count == 20)
                let expected = Double(days * 288 + 1)
                #expect(counts.allSatisfy { ($0.points.first?.value ?? 0) >= expected - 1 })
                #expect(try await client.query("resets(shop_revenue_total[5d]) > 0").isEmpty)
                try await checkPast(client, beganMillis: began)

                let second = try await Peers.run(Repository.daemon, arguments, in: folder)
                #expect(second.ending == .exited(0), "\(second.output)")
                #expect(second.output.contains("going on from"), "\(second.output)")
                #expect(try await client.query("resets(shop_revenue_total[5d]) > 0").isEmpty)
                #expect(try await total("visits", client) >= visits)
                try await checkPast(client, beganMillis: began)
                try await checkCommand(sextant, folder)
            }
        }

        @Test("has its whole history also where somebody counted visits from another country before")
        func besideOthers() async throws {
            let folder = try ScratchFolder("demo-beside")
            try await withDaemon([], folder: folder) { sextant in
                var request = RemoteWrite()
                request.add(
                    ["__name__": "shop_visits_total", "channel": "search", "country": "US"],
                    [.init(millis: nowMillis(), value: 2000)]
                )
                #expect(try await request.send(to: sextant.client).status == 204)
                let arguments = [
                    "demo", "--url", sextant.baseURL, "--days", "1", "--step", "5m", "--no-live",
                ]
                let run = try await Peers.run(Repository.daemon, arguments, in: folder)
                #expect(run.ending == .exited(0), "\(run.output)")
                let counts = try await sextant.client.query(
                    #"count_over_time(shop_visits_total{country="DE"}[2d])"#
                )
                #expect(counts.count == 5)
                #expect(counts.allSatisfy { ($0.points.first?.value ?? 0) >= 288 })
            }
        }

        private func total(_ counter: String, _ client: HTTPClient) async throws -> Double {
            try await client.value(of: "sum(shop_\(counter)_total)")
        }

        /// The recorded past is what the rule's expression yields at the same time.
        private func checkPast(_ client: HTTPClient, beganMillis: Int64) async throws {
            for (name, expression) in [
                ("kpi:visits_last_hour", "sum(increase(shop_visits_total[1h]))"),
                (
                    "kpi:funnel_conversion_percent",
                    "100 * sum(increase(shop_orders_total[1h])) / sum(increase(shop_visits_total[1h]))"
                ),
                (
                    #"kpi:funnel_step_last_hour{step="checkout"}"#,
                    "sum(increase(shop_checkouts_total[1h]))"
                ),
            ] {
                let series = try await client.query("\(name)[5d]")
                try #require(series.count == 1, "\(name)")
                let past = series[0].points.filter { $0.millis < beganMillis }
                #expect(past.count >= 4 * 288 - 2, "\(name)")
                for point in [past[10], past[500], past[past.count - 1]] {
                    let value = try await client.value(of: expression, atMillis: point.millis)
                    let recorded = try #require(point.value)
                    #expect(abs(value - recorded) <= 1e-9 * abs(value), "\(name) at \(point.millis)")
                }
            }
        }

        private func checkCommand(_ sextant: Daemon, _ folder: ScratchFolder) async throws {
            func query(_ arguments: String...) async throws -> (lines: [Substring], code: ChildProcess.Ending)
            {
                let done = try await Peers.run(
                    Repository.daemon,
                    ["query", "--url", sextant.baseURL] + arguments,
                    in: folder
                )
                return (done.output.split(separator: "\n"), done.ending)
            }
            let time = HTTPClient.seconds(nowMillis() - DemoTests.dayMillis)
            let step = try await query("sort_desc(kpi:funnel_step_last_hour)", "--time", time)
            #expect(step.code == .exited(0))
            try #require(step.lines.count == 5, "\(step.lines)")
            #expect(step.lines[0].split(separator: " ") == ["metric", "funnel", "step", "value"])
            #expect(Set(step.lines.map(\.count)).count == 1, "values stand on the right: \(step.lines)")
            let names = step.lines.dropFirst().map { $0.split(separator: " ")[2] }
            #expect(names == ["visit", "product_view", "checkout", "order"])

            let plot = try await query("kpi:orders_last_hour", "--range", "3d")
            #expect(plot.code == .exited(0))
            #expect(plot.lines.contains { $0.contains("┤") } && plot.lines.contains { $0.contains("└") })
            #expect(plot.lines.last?.hasPrefix("━ kpi:orders_last_hour") == true, "\(plot.lines)")

            let csv = try await query(
                "kpi:orders_last_hour",
                "--range",
                "1h",
                "--step",
                "30m",
                "--format",
                "csv"
            )
            #expect(csv.lines.first == "__name__,time,value")
            #expect(csv.lines.count == 4, "\(csv.lines)")
            let json = try await query("1+1", "--format", "json")
            #expect(json.lines.first?.contains(#""resultType":"scalar""#) == true)

            let wrong = try await query("sum(up")
            #expect(wrong.code == .exited(2))
            #expect(Array(wrong.lines.suffix(2)) == ["  sum(up", "        ^"], "\(wrong.lines)")
            #expect(try await query("up", "--range", "soon").code == .exited(2))
            #expect(try await query("up", "--time", "yesterday").code == .exited(2))
            let nobody = try await Peers.run(
                Repository.daemon,
                ["query", "up", "--url", "127.0.0.1:\(Ports.free())"],
                in: folder
            )
            #expect(nobody.ending == .exited(1))
            #expect(nobody.output.contains("is a daemon running there?"), "\(nobody.output)")
        }
    }
}
