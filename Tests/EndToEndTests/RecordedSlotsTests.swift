import Foundation
import Testing

extension EndToEnd {
    @Suite("Recorded slots", .enabled(if: Peers.areAvailable, "\(Peers.absence)"))
    struct RecordedSlotsTests {
        /// How many slots are compared; the environment may ask for more.
        private static let slotCount =
            ProcessInfo.processInfo.environment["SEXTANT_TEST_SLOTS"].flatMap { Int64($0) } ?? 40
        /// No group has a longer interval, in milliseconds.
        private static let longestInterval: Int64 = 1000

        /// Sums are over whole numbers: the order in which fractions of several series are added, and so the
        /// last bit of their sum, is not defined.
        private static let rules = """
            groups:
            - name: numbers
              interval: 500ms
              rules:
              - {record: 'r:sum', expr: sum by (shop) (orders_total)}
              - {record: 'r:rate', expr: 'rate(orders_total[7s])', labels: {unit: per_second}}
              - {record: 'r:share', expr: 'r:sum / ignoring (shop) group_left sum(r:sum)'}
              - {record: 'r:high', expr: orders_total > 400, labels: {shop: ''}}
              - record: 'r:quantile'
                expr: 'histogram_quantile(0.9, sum by (le) (increase(took_bucket[10s])))'
              - {record: 'r:best', expr: 'topk(1, orders_total)'}
              - {record: 'r:scalar', expr: scalar(sum(orders_total)) * 2}
              - {record: 'r:absent', expr: 'absent(orders_total{shop="c"})'}
              - {record: 'r:nan', expr: 'special'}
              - {record: 'r:failing', expr: 'orders_total * on () orders_total'}
              - {record: 'r:twice', expr: 'label_replace(orders_total, "shop", "x", "", "")'}
            - name: limited
              limit: 2
              interval: 1s
              query_offset: 700ms
              labels: {team: data}
              rules:
              - {record: 'r:limited', expr: 'orders_total % 5 > 2'}
              - {record: 'r:delayed', expr: 'sum_over_time(r:sum[3s])', labels: {team: kpi}}
            - name: alerts
              interval: 1s
              rules:
              - {alert: Busy, expr: orders_total % 50 > 20, for: 3s, keep_firing_for: 2s}
              - {alert: Odd, expr: 'r:sum % 2 == 1', labels: {v: '{{ $value }}'}}
              - {record: 'r:alerts', expr: 'count by (alertname, alertstate) (ALERTS)'}

            """

        /// How often the comparison begins anew because a busy machine made one of the two miss slots.
        private static let roundCount = 4

        @Test(
            "hold what Prometheus records there, its times, its ends and its alerts",
            .timeLimit(.minutes(20))
        )
        func sameSlots() async throws {
            for _ in 1...Self.roundCount where try await round() { return }
            Issue.record("slots were missed in each of \(Self.roundCount) rounds: the machine is too busy")
        }

        /// Whether both evaluated all slots, and so could be compared.
        ///
        /// Each says itself what it missed: a slot that is missing and was not counted is a difference.
        private func round() async throws -> Bool {
            let folder = try ScratchFolder("slots")
            let file = try folder.write(Self.rules, to: "rules.yml")
            let prometheus = try await PrometheusServer(
                configuration: "rule_files: ['\(file)']\n",
                flags: ["--web.enable-remote-write-receiver"]
            )
            defer { prometheus.kill() }
            return try await withDaemon(["--rules", file], folder: folder) { sextant in
                // Both have evaluated all groups often enough to write ALERTS before there is any data.
                try await Task.sleep(for: .milliseconds(4 * Self.longestInterval))
                let start = nowMillis() + 3000
                let end = start + Self.slotCount * Self.longestInterval
                let request = Self.data(from: start, to: end)
                for client in [prometheus.client, sextant.client] {
                    let answer = try await request.send(to: client)
                    try #require(answer.status == 204, "\(answer.text)")
                }
                try await eventually("the last slot", within: Double(end - start) / 1000 + 60) {
                    guard nowMillis() > end + 2 * Self.longestInterval else { throw NotYet("too early") }
                }
                let missed = [
                    try await Self.total("prometheus_rule_group_iterations_missed_total", prometheus.client),
                    try await Self.total("sextant_rule_group_iterations_missed_total", sextant.client),
                ]
                guard missed == [0, 0] else {
                    print("Prometheus and Sextant missed \(missed) slots: once more")
                    return false
                }
                try await compare(prometheus, sextant, start, end)
                return true
            }
        }

        /// The sum of a family's samples on `/metrics`, which must be there.
        private static func total(_ family: String, _ client: HTTPClient) async throws -> Double {
            let page = try await client.get("/metrics").text
            let lines = page.split(separator: "\n").filter { $0.hasPrefix(family) }
            try #require(!lines.isEmpty, "\(family) is not on /metrics")
            return lines.reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? .nan) }
        }

        /// Compares all samples of the recorded series.
        private func compare(
            _ prometheus: PrometheusServer,
            _ sextant: Daemon,
            _ start: Int64,
            _ end: Int64
        ) async throws {
            let selector = "{__name__=~\"r:.*|ALERTS.*\"}"
            let seconds = (end - start) / 1000
            var sampleCount = 0
            let raw = "\(selector)[\(seconds)s]"
            let wanted = try await Self.series(prometheus.client.query(raw, atMillis: end))
            let found = try await Self.series(sextant.client.query(raw, atMillis: end))
            #expect(Set(wanted.keys) == Set(found.keys))
            for (labels, points) in wanted {
                sampleCount += points.count
                let other = found[labels] ?? []
                #expect(points == other, "\(labels): \(Self.difference(points, other))")
            }
            #expect(wanted.count > 25 && sampleCount > Int(Self.slotCount) * 20)
            let names = Set(wanted.keys.compactMap { $0["__name__"] })
            #expect(names.isSuperset(of: ["r:quantile", "r:limited", "r:alerts", "ALERTS_FOR_STATE"]))
            // Series end where the staleness marker is, which only the evaluation between slots shows.
            for shift in [Int64(0), 250] {
                let times = (start + shift, end + shift)
                let ranges = try await [prometheus.client, sextant.client].asyncMap { client in
                    try await Self.series(
                        client.queryRange(
                            selector,
                            fromMillis: times.0,
                            toMillis: times.1,
                            stepMillis: 250
                        )
                    )
                }
                for (labels, points) in ranges[0] {
                    let other = ranges[1][labels] ?? []
                    #expect(points == other, "\(labels): \(Self.difference(points, other))")
                }
                #expect(ranges[0].count == ranges[1].count)
            }
            let health = try await [prometheus.client, sextant.client].asyncMap { client in
                let groups = try JSON(parsing: await client.get("/api/v1/rules").body)["data"]?["groups"]
                return (groups?.elements ?? []).flatMap { $0["rules"]?.elements ?? [] }.map {
                    "\($0["name"]?.string ?? ""): \($0["health"]?.string ?? "") \($0["lastError"]?.string ?? "")"
                }
            }
            #expect(health[0] == health[1])
            print(
                "\(wanted.count) series and \(sampleCount) samples over \(Self.slotCount) slots are the same"
            )
        }

        private static func difference(_ one: [QueriedSeries.Point], _ other: [QueriedSeries.Point]) -> String
        {
            let missing = Set(one).subtracting(other).sorted { $0.millis < $1.millis }
            let extra = Set(other).subtracting(one).sorted { $0.millis < $1.millis }
            return "missing \(missing.prefix(5)), too many \(extra.prefix(5))"
        }

        private static func series(
            _ answer: [QueriedSeries]
        ) -> [[String: String]: [QueriedSeries.Point]] {
            Dictionary(answer.map { ($0.labels, $0.points) }, uniquingKeysWith: +)
        }

        /// What both are given: shops that come and go, with and without staleness markers.
        private static func data(from start: Int64, to end: Int64) -> RemoteWrite {
            let stale = Double(bitPattern: 0x7ff0_0000_0000_0002)
            var request = RemoteWrite()
            for (shop, slope) in [("a", 3.0), ("b", 7), ("c", 11)] {
                var samples: [RemoteWrite.Sample] = []
                var value = 0.0
                for (index, millis) in stride(from: start, to: end, by: 333).enumerated() {
                    value = value > 900 ? 0 : value + slope
                    switch (shop, index % 40) {
                    case ("b", 20): samples.append(.init(millis: millis, value: stale))
                    case ("b", 21...30): break
                    default: samples.append(.init(millis: millis, value: value))
                    }
                    // The last one ends in the middle and never comes back.
                    if shop == "c", millis > (start + end) / 2 {
                        samples.append(.init(millis: millis + 1, value: stale))
                        break
                    }
                }
                request.add(["__name__": "orders_total", "shop": shop], samples)
            }
            for (le, slope) in [("0.1", 1.0), ("1", 4), ("+Inf", 5)] {
                let samples = stride(from: start, to: end, by: 1000).enumerated().map {
                    RemoteWrite.Sample(millis: $1, value: Double($0) * slope)
                }
                request.add(["__name__": "took_bucket", "le": le], samples)
            }
            let special = [0, -0.0, .nan, .infinity, -.infinity, .leastNonzeroMagnitude, 1e308, 0.1]
            let samples = stride(from: start, to: end, by: 700).enumerated().map {
                RemoteWrite.Sample(millis: $1, value: special[$0 % special.count])
            }
            request.add(["__name__": "special"], samples)
            return request
        }
    }
}

extension Array {
    /// As `map`, one element after the other.
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows
        -> [Result]
    {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
