import Foundation
import Testing

extension EndToEnd {
    @Suite("KPIs over the store")
    struct KPIRangeTests {
        private static let dayMillis: Int64 = 86_400_000

        private static let definitions = """
            kpi_version: 1
            defaults: {calendar: office, lateness: 1h}
            calendars: {office: {timezone: Asia/Kathmandu}}
            metrics:
              - {name: orders, from: {counter: test_orders_total}, by: [shop]}
              - {name: revenue, from: {samples: test_revenue}, by: [shop]}
            kpis:
              - {name: order_value, type: ratio, numerator: revenue, denominator: orders, unit: eur}
              - {name: income, type: simple, metric: revenue}
              - {name: income_ever, type: cumulative, metric: revenue}

            """

        /// What happened in shops, and when, over some weeks up to the present.
        private struct Sales {
            /// For each shop the times of its orders, rising, each with its value.
            var orders: [[(millis: Int64, value: Double)]]
            let start: Int64

            init(seed: UInt64, end: Int64) {
                var random = SeededGenerator(seed: seed)
                let (first, span) = (end - 40 * dayMillis, 40 * dayMillis)
                start = first
                orders = (0..<6).map { _ in
                    let times = Set((0..<700).map { _ in first + Int64.random(in: 0..<span, using: &random) })
                    return times.sorted().map { ($0, Double(Int.random(in: 1...900, using: &random)) / 4) }
                }
            }

            /// A counter of all orders, and one sample per order with its value.
            func request() -> RemoteWrite {
                var request = RemoteWrite()
                for (shop, orders) in orders.enumerated() {
                    let total = [RemoteWrite.Sample(millis: start - 60_000, value: 0)]
                    request.add(
                        ["__name__": "test_orders_total", "shop": "\(shop)"],
                        total
                            + orders.enumerated().map {
                                .init(millis: $0.element.millis, value: Double($0.offset + 1))
                            }
                    )
                    request.add(
                        ["__name__": "test_revenue", "shop": "\(shop)"],
                        orders.map { .init(millis: $0.millis, value: $0.value) }
                    )
                }
                return request
            }

            /// The orders and their value from `from` to before `to`.
            func sums(_ from: Int64, _ to: Int64) -> (orders: Double, revenue: Double) {
                let inside = orders.joined().filter { from <= $0.millis && $0.millis < to }
                return (Double(inside.count), inside.reduce(0) { $0 + $1.value })
            }
        }

        @Test("give over 1,000 random ranges what the API and a recount of the samples give")
        func randomRanges() async throws {
            let folder = try ScratchFolder("ranges")
            try folder.write(KPIRangeTests.definitions, to: "rules/test.kpi.yaml")
            let seed = UInt64.random(in: 0..<1_000_000)
            print("seed \(seed)")
            // Hours begin a quarter past in Kathmandu.
            let hour: Int64 = 3_600_000
            let end = nowMillis() / hour * hour - 45 * 60_000
            let sales = Sales(seed: seed, end: end)
            var random = SeededGenerator(seed: seed + 1)
            let arguments = ["--rules", "\(folder.path)/rules", "--enable-admin-api"]
            try await withDaemon(arguments, folder: folder) { sextant in
                #expect(try await sales.request().send(to: sextant.client).status == 204)
                for round in 0..<1000 {
                    // Half of them after a flush, so that segments are read, too.
                    if round == 500 {
                        #expect(
                            try await sextant.client.send("POST", "/api/v1/admin/tsdb/flush").status < 300
                        )
                    }
                    let length =
                        hour * Int64.random(in: 1...(round.isMultiple(of: 4) ? 900 : 60), using: &random)
                    let to = end - hour * Int64.random(in: 0...(40 * 24 - length / hour), using: &random)
                    let (orders, revenue) = sales.sums(to - length, to)
                    let wanted = orders > 0 ? revenue / orders : nil
                    let query = "kpi{kpi=\"order_value\",window=\"\(length / 1000)s\"}"
                    let found = try await sextant.client.query(query, atMillis: to).first?.points[0].value
                    let answer = try JSON(
                        parsing: await sextant.client.get(
                            "/analytics/kpis/values/",
                            [
                                ("kpis", "order_value"), ("period", "hour"),
                                ("start_timestamp", "\((to - length) / 1000)"),
                                ("end_timestamp", "\(to / 1000)"),
                            ]
                        ).body
                    )
                    let aggregate = answer["kpis"]?.elements.first?["aggregate"]?.number.flatMap {
                        Double($0)
                    }
                    let isRight =
                        KPIRangeTests.isNear(found, wanted) && KPIRangeTests.isNear(aggregate, wanted)
                    try #require(
                        isRight,
                        "seed \(seed), \(to - length) to \(to): \(String(describing: (found, aggregate, wanted)))"
                    )
                    #expect(answer["start_timestamps"]?.elements.count == Int(length / hour))
                }
            }
        }

        private static func isNear(_ value: Double?, _ wanted: Double?) -> Bool {
            guard let value, let wanted else { return value == nil && wanted == nil }
            return abs(value - wanted) <= 1e-12 * abs(wanted)
        }

        @Test("change everywhere at once with samples 20 days late, and stay revised over a restart")
        func lateData() async throws {
            let folder = try ScratchFolder("late")
            try folder.write(KPIRangeTests.definitions, to: "rules/test.kpi.yaml")
            let now = nowMillis()
            var sales = Sales(seed: 7, end: now - 1000)
            // Local days begin at 18:15 UTC.
            let shift: Int64 = 20_700_000
            let day =
                (now + shift) / KPIRangeTests.dayMillis * KPIRangeTests.dayMillis - shift - 20
                * KPIRangeTests.dayMillis
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                #expect(try await sales.request().send(to: sextant.client).status == 204)
                let before = try await surfaces(sextant, folder, day)
                #expect(before.matches(sales, day))
                #expect(before.state == "final" && before.revisions == 0)
                sales.orders[2].append((day + 5_000_000, 1_000_000.5))
                var late = RemoteWrite()
                late.add(
                    ["__name__": "test_revenue", "shop": "2"],
                    [.init(millis: day + 5_000_000, value: 1_000_000.5)]
                )
                #expect(try await late.send(to: sextant.client).status == 204)
                var after = try await surfaces(sextant, folder, day)
                // The counter of orders was not corrected.
                #expect(after.matches(sales, day, uncountedOrders: 1), "\(after)")
                #expect(after.state == "revised" && after.revisions == 1)
                #expect(try await sextant.stop() == .exited(0))
                try await sextant.start()
                after = try await surfaces(sextant, folder, day)
                #expect(after.matches(sales, day, uncountedOrders: 1), "\(after)")
                #expect(after.state == "revised" && after.revisions == 1)
            }
        }

        /// The value of a day on each surface.
        private struct Surfaces {
            var api: Double?
            var table: Double?
            var query: Double?
            var window: Double?
            var alertInput: Double?
            var exported: Double?
            var everOnMetrics: Double?
            var state: String?
            var revisions: Double?

            func matches(_ sales: Sales, _ day: Int64, uncountedOrders: Double = 0) -> Bool {
                let (orders, revenue) = sales.sums(day, day + dayMillis)
                let ever = sales.sums(.min, .max).revenue
                let values = [api, table, query, window, alertInput, exported]
                return values.allSatisfy { isNear($0, revenue / (orders - uncountedOrders)) }
                    && isNear(everOnMetrics, ever)
            }
        }

        private func surfaces(_ sextant: Daemon, _ folder: ScratchFolder, _ day: Int64) async throws
            -> Surfaces
        {
            let client = sextant.client
            var surfaces = Surfaces()
            let parameters = [
                ("kpis", "order_value"), ("start_timestamp", "\(day / 1000)"),
                ("end_timestamp", "\((day + KPIRangeTests.dayMillis) / 1000)"), ("extended", "1"),
            ]
            let answer = try JSON(parsing: await client.get("/analytics/kpis/values/", parameters).body)
            let kpi = answer["kpis"]?.elements.first
            surfaces.api = kpi?["values"]?.elements.first?.number.flatMap { Double($0) }
            surfaces.state = kpi?["state"]?.elements.first?.string
            let table = try await client.get("/analytics/kpis/values/", parameters + [("format", "csv")]).text
            surfaces.table = table.split(whereSeparator: \.isNewline).dropFirst().first.flatMap {
                $0.split(separator: ",").last.flatMap { Double($0) }
            }
            surfaces.query = try await client.value(of: "kpi{kpi=\"order_value\"}", atMillis: day + 1000)
            surfaces.window = try await client.value(
                of: "kpi{kpi=\"order_value\",window=\"24h\"}",
                atMillis: day + KPIRangeTests.dayMillis
            )
            surfaces.alertInput = try await client.value(
                of: "kpi{kpi=\"order_value\",offset=\"-20\",state=\"final\"} > 0"
            )
            surfaces.revisions = try await client.value(of: "kpi_revisions_total{kpi=\"order_value\"}")
            try await run(
                ["export", "kpis", "--datapackage", "\(folder.path)/out", "--url", sextant.baseURL],
                folder
            )
            let exported = try String(contentsOfFile: "\(folder.path)/out/daily_stats.csv", encoding: .utf8)
            let rows = exported.split(whereSeparator: \.isNewline).map { $0.split(separator: ",") }
            // 20 days before the present one there are 19 whole ones behind it.
            surfaces.exported = rows.dropLast(19).last.flatMap { $0.count > 1 ? Double($0[1]) : nil }
            let page = try await client.get("/metrics").text
            let line = page.split(separator: "\n").first { $0.hasPrefix("kpi{kpi=\"income_ever\"") }
            surfaces.everOnMetrics = line?.split(separator: " ").last.flatMap { Double($0) }
            return surfaces
        }

        private func run(_ arguments: [String], _ folder: ScratchFolder) async throws {
            let result = try await Peers.run(Repository.daemon, arguments, in: folder)
            #expect(result.ending == .exited(0), "\(arguments): \(result.output)")
        }
    }
}
