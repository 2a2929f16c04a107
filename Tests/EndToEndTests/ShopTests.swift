import Foundation
import Testing

extension EndToEnd {
    @Suite("The example shop")
    struct ShopTests {
        @Test(
            "has the ratios and funnel values of what was pushed, on the query API and on /metrics"
        )
        func kpis() async throws {
            let folder = try ScratchFolder("shop")
            let shipped = try String(contentsOfFile: "\(Repository.root)/rules/shop.yml", encoding: .utf8)
            try #require(shipped.contains("interval: 1m\n"))
            try folder.write(
                shipped.replacingOccurrences(of: "interval: 1m\n", with: "interval: 1s\n"),
                to: "rules/shop.yml"
            )
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                let business = ShopBusiness(nowMillis: nowMillis())
                #expect(try await business.request().send(to: sextant.client).status == 204)
                let pushed = nowMillis()
                try await eventually("five evaluations over the pushed counters", within: 120) {
                    let points = try await sextant.client.query("kpi:funnel_conversion_percent[10m]")
                        .first?.points.filter { $0.millis > pushed }
                    guard let points, points.count >= 5 else {
                        throw NotYet("\(points?.count ?? 0) evaluations")
                    }
                }
                let page = try await sextant.client.get("/metrics").text
                for (name, labels) in ShopBusiness.results {
                    let series = try await sextant.client.query("\(selector(name, labels))[10m]")
                    try #require(series.count == 1, "\(name) \(labels)")
                    let points = series[0].points.filter { $0.millis > pushed }
                    #expect(points.count >= 4, "\(name) \(labels)")
                    for point in points {
                        #expect(point.millis % 1000 == points[0].millis % 1000, "\(name): not on its slots")
                        let expected = business.value(name, labels, atMillis: point.millis)
                        let value = try #require(point.value)
                        #expect(
                            abs(value - expected) <= 1e-9 * abs(expected),
                            "\(name) \(labels) at \(point.millis)"
                        )
                    }
                    let exposed = page.split(separator: "\n").filter {
                        $0.hasPrefix("\(selector(name, labels)) ")
                    }
                    try #require(exposed.count == 1, "\(name) \(labels) on /metrics: \(exposed)")
                    let text = exposed[0].split(separator: " ").last.map(String.init)
                    #expect(series[0].points.contains { $0.text == text }, "\(exposed)")
                }
            }
        }

        @Test("has shipped rules that the daemon loads and evaluates without an error")
        func shippedRules() async throws {
            let folder = try ScratchFolder("shipped-rules")
            try await withDaemon(["--rules", "\(Repository.root)/rules"], folder: folder) { sextant in
                let answer = try JSON(parsing: await sextant.client.get("/api/v1/rules").body)
                let groups = answer["data"]?["groups"]?.elements ?? []
                #expect(groups.compactMap { $0["name"]?.string } == ["shop-kpis", "shop"])
                for rule in groups.first?["rules"]?.elements ?? [] {
                    #expect(rule["type"] == .string("alerting"))
                    #expect(rule["lastError"]?.string ?? "" == "")
                    // They ask for whole periods, whose data have all come.
                    let query = rule["query"]?.string ?? ""
                    #expect(query.contains("offset=\"-1\""), "\(query)")
                    #expect(query.contains("state=\"final\"") || query.contains("kpi_complete{"), "\(query)")
                }
                let rules = groups.last?["rules"]?.elements ?? []
                let names = Set(rules.compactMap { $0["name"]?.string })
                #expect(names.isSuperset(of: ShopBusiness.results.map(\.name)))
                for rule in rules {
                    #expect(rule["type"] == .string("recording"))
                    #expect(rule["lastError"]?.string ?? "" == "")
                }
            }
        }

        @Test(
            "has shipped rules that pass promtool's check and their own unit tests",
            .enabled(if: Peers.areAvailable, "\(Peers.absence)")
        )
        func promtoolRules() async throws {
            let folder = try ScratchFolder("promtool-rules")
            let rules = "\(Repository.root)/rules"
            let check = try await Peers.promtool(["check", "rules", "\(rules)/shop.yml"], in: folder)
            #expect(check.ending == .exited(0), "\(check.output)")
            let test = try await Peers.promtool(
                ["test", "rules", "\(rules)/tests/shop_test.yml"],
                in: folder
            )
            #expect(test.ending == .exited(0), "\(test.output)")
        }

        /// A series as both a selector and an exposition line write it: labels in the order of their names.
        private func selector(_ name: String, _ labels: [String: String]) -> String {
            guard !labels.isEmpty else { return name }
            let pairs = labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
            return "\(name){\(pairs.joined(separator: ","))}"
        }
    }
}

/// A shop whose every event is known, counted every 15 s for more than an hour back and some minutes ahead.
///
/// Its numbers are computed here from the events, not from the counters.
private struct ShopBusiness {
    /// The results of the shipped rules that are checked.
    static let results: [(name: String, labels: [String: String])] = [
        ("kpi:visits_last_hour", [:]), ("kpi:signups_last_hour", [:]), ("kpi:orders_last_hour", [:]),
        ("kpi:revenue_last_hour", [:]), ("kpi:signup_percent", [:]), ("kpi:average_order_value", [:]),
        ("kpi:signup_percent_by_channel", ["channel": "ads"]),
        ("kpi:signup_percent_by_channel", ["channel": "mail"]),
        ("kpi:funnel_step_last_hour", ["funnel": "purchase", "step": "visit"]),
        ("kpi:funnel_step_last_hour", ["funnel": "purchase", "step": "product_view"]),
        ("kpi:funnel_step_last_hour", ["funnel": "purchase", "step": "checkout"]),
        ("kpi:funnel_step_last_hour", ["funnel": "purchase", "step": "order"]),
        ("kpi:funnel_step_percent", ["funnel": "purchase", "step": "product_view"]),
        ("kpi:funnel_step_percent", ["funnel": "purchase", "step": "checkout"]),
        ("kpi:funnel_step_percent", ["funnel": "purchase", "step": "order"]),
        ("kpi:funnel_conversion_percent", ["funnel": "purchase"]),
    ]

    private static let pushMillis: Int64 = 15_000
    private static let hourMillis: Int64 = 3_600_000
    private static let pushCount = 320
    private static let channels = ["ads", "mail"]
    private static let countries = ["DE", "GR"]
    private static let counters = ["visits", "signups", "product_views", "checkouts", "orders", "revenue"]

    /// One counter of one channel and country: what happened in the 15 s before each push.
    private struct Source {
        let counter: String
        let channel: String
        let country: String
        let events: [Double]
    }

    private let firstMillis: Int64
    private let sources: [Source]

    init(nowMillis: Int64) {
        // The last push lies five minutes ahead, so that no evaluation of the test lacks its newest samples.
        firstMillis = nowMillis + 300_000 - Int64(ShopBusiness.pushCount - 1) * ShopBusiness.pushMillis
        var random = SeededGenerator(seed: 2)
        var sources: [Source] = []
        for channel in ShopBusiness.channels {
            for country in ShopBusiness.countries {
                var events = [String: [Double]]()
                for _ in 0..<ShopBusiness.pushCount {
                    let visits = Int.random(in: 5...60, using: &random)
                    let views = Int.random(in: 2...visits, using: &random)
                    let checkouts = Int.random(in: 0...views, using: &random)
                    let orders = Int.random(in: 0...checkouts, using: &random)
                    let signups = Int.random(in: 0...visits / 4, using: &random)
                    let cents = (0..<orders).map { _ in Int.random(in: 499...25_000, using: &random) }
                    for (counter, count) in zip(
                        ShopBusiness.counters,
                        [visits, signups, views, checkouts, orders]
                    ) {
                        events[counter, default: []].append(Double(count))
                    }
                    events["revenue", default: []].append(Double(cents.reduce(0, +)) / 100)
                }
                for counter in ShopBusiness.counters {
                    sources.append(
                        Source(
                            counter: counter,
                            channel: channel,
                            country: country,
                            events: events[counter] ?? []
                        )
                    )
                }
            }
        }
        self.sources = sources
    }

    /// The counters as the shop pushes them.
    ///
    /// They are old and high, but one program was restarted in between and
    /// counts from zero again.
    func request() -> RemoteWrite {
        var request = RemoteWrite()
        for source in sources {
            let restartsAt =
                source.channel == "ads" && source.country == "GR" ? ShopBusiness.pushCount / 2 : -1
            var total = 100_000.0
            let samples = source.events.enumerated().map { index, count in
                total = index == restartsAt ? count : total + count
                return RemoteWrite.Sample(millis: pushTime(index), value: total)
            }
            let name = "shop_\(source.counter)_total"
            request.add(["__name__": name, "channel": source.channel, "country": source.country], samples)
        }
        return request
    }

    /// The value of a rule's result at a time, from the events alone.
    func value(_ name: String, _ labels: [String: String], atMillis time: Int64) -> Double {
        func lastHour(_ counter: String, channel: String? = nil) -> Double {
            increase(counter, channel: channel, atMillis: time)
        }
        let steps = [
            "visit": "visits", "product_view": "product_views", "checkout": "checkouts", "order": "orders",
        ]
        let before = ["product_view": "visits", "checkout": "product_views", "order": "checkouts"]
        switch name {
        case "kpi:visits_last_hour": return lastHour("visits")
        case "kpi:signups_last_hour": return lastHour("signups")
        case "kpi:orders_last_hour": return lastHour("orders")
        case "kpi:revenue_last_hour": return lastHour("revenue")
        case "kpi:signup_percent": return 100 * lastHour("signups") / lastHour("visits")
        case "kpi:signup_percent_by_channel":
            let channel = labels["channel"]
            return 100 * lastHour("signups", channel: channel) / lastHour("visits", channel: channel)
        case "kpi:average_order_value": return lastHour("revenue") / lastHour("orders")
        case "kpi:funnel_step_last_hour": return lastHour(steps[labels["step"] ?? ""] ?? "")
        case "kpi:funnel_step_percent":
            let step = labels["step"] ?? ""
            return 100 * lastHour(steps[step] ?? "") / lastHour(before[step] ?? "")
        case "kpi:funnel_conversion_percent": return 100 * lastHour("orders") / lastHour("visits")
        default: return .nan
        }
    }

    /// What PromQL's `increase` over an hour says: the events between the first and the last push inside the
    /// hour, scaled from the time between these two to the whole hour.
    private func increase(_ counter: String, channel: String?, atMillis time: Int64) -> Double {
        let inside = (0..<ShopBusiness.pushCount).filter { index in
            pushTime(index) > time - ShopBusiness.hourMillis && pushTime(index) <= time
        }
        guard let first = inside.first, let last = inside.last, last > first else { return .nan }
        var total = 0.0
        for source in sources where source.counter == counter && (channel == nil || source.channel == channel)
        {
            total += source.events[(first + 1)...last].reduce(0, +)
        }
        let covered = Double(pushTime(last) - pushTime(first))
        return total * Double(ShopBusiness.hourMillis) / covered
    }

    private func pushTime(_ index: Int) -> Int64 {
        firstMillis + Int64(index) * ShopBusiness.pushMillis
    }
}
