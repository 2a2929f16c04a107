import Model
import Testing

@testable import sextant

@Suite("The demo's shop")
struct ShopModelTests {
    private static let hourMillis: Int64 = 3_600_000
    private static let dayMillis: Int64 = 24 * hourMillis
    /// A Monday, 00:00 UTC.
    private static let monday = Timestamp(millis: 1_760_918_400_000)

    /// What happened in the hour before `time`, over all sources, in the order of `Shop.counters`.
    private func hour(_ shop: Shop, before time: Timestamp) -> [Int64] {
        (0..<Shop.sourceCount).reduce(into: Array(repeating: 0, count: Shop.counters.count)) { sum, source in
            let events = shop.events(source: source, before: time, millis: Self.hourMillis)
            for index in sum.indices { sum[index] += events[index] }
        }
    }

    private func hours(_ count: Int64, from start: Timestamp) -> [Timestamp] {
        (1...count).map { start.advanced(byMillis: $0 * Self.hourMillis) }
    }

    @Test("counts whole events, never backwards, and no step of the funnel exceeds the one before it")
    func funnel() {
        for seed in UInt64(1)...5 {
            let shop = Shop(seed: seed, opening: Self.monday)
            var counters = ShopCounters(startingAt: Self.monday)
            #expect(counters.totals.joined().allSatisfy { $0 == 0 })
            for millis in [Int64(5000), 60_000, 300_000, 86_400_000] + Array(repeating: 900_000, count: 200) {
                let before = counters
                counters.advance(shop, millis: millis)
                #expect(counters.time == before.time.advanced(byMillis: millis))
                for (old, new) in zip(before.totals, counters.totals) {
                    let events = zip(old, new).map { $1 - $0 }
                    #expect(events.allSatisfy { $0 >= 0 }, "seed \(seed)")
                    #expect(events[0] >= events[1], "seed \(seed): more views than visits")
                    #expect(events[1] >= events[2], "seed \(seed): more checkouts than views")
                    #expect(events[2] >= events[3], "seed \(seed): more orders than checkouts")
                    #expect(events[0] >= events[4], "seed \(seed): more accounts than visits")
                    #expect((events[3] == 0) == (events[5] == 0), "seed \(seed): orders without value")
                }
            }
        }
    }

    @Test("is the same for the same seed, and another for another")
    func seeds() {
        let times = hours(24, from: Self.monday)
        let days = [1, 1, 2].map { seed in
            times.map { hour(Shop(seed: seed, opening: Self.monday), before: $0) }
        }
        #expect(days[0] == days[1])
        #expect(days[0] != days[2])
    }

    @Test("is quiet at night, busiest in the evening, busier on Sundays than on Fridays, and grows")
    func rhythm() {
        let shop = Shop(seed: 3, opening: Self.monday)
        var byHour = Array(repeating: Int64(0), count: 24)
        var byWeekday = Array(repeating: Int64(0), count: 7)
        var weeks: [Int64] = []
        for (index, time) in hours(12 * 7 * 24, from: Self.monday).enumerated() {
            let visits = hour(shop, before: time)[0]
            byHour[index % 24] += visits
            byWeekday[index / 24 % 7] += visits
            if index % 168 == 0 { weeks.append(0) }
            weeks[index / 168] += visits
        }
        #expect(byHour[17] > 5 * byHour[2], "\(byHour)")
        #expect(byHour[17] == byHour.max() || byHour[18] == byHour.max(), "\(byHour)")
        #expect(Double(byWeekday[6]) > 1.1 * Double(byWeekday[4]), "\(byWeekday)")
        #expect(Double(weeks[11]) > 1.3 * Double(weeks[0]), "\(weeks)")
    }

    @Test("has believable ratios on an ordinary day, more visits in a campaign, few orders in an incident")
    func ratios() {
        let shop = Shop(seed: 1, opening: Self.monday)
        func sum(_ times: [Timestamp]) -> [Double] {
            times.reduce(into: Array(repeating: 0, count: 6)) { sum, time in
                for (index, count) in hour(shop, before: time).enumerated() { sum[index] += Double(count) }
            }
        }
        func day(_ day: Int64, hours range: ClosedRange<Int64> = 1...24) -> [Double] {
            let start = Self.monday.advanced(byMillis: day * Self.dayMillis)
            return sum(range.map { start.advanced(byMillis: $0 * Self.hourMillis - 1) })
        }
        let usual = day(7)
        #expect((2...8).contains(100 * usual[3] / usual[0]), "orders of visits: \(usual)")
        #expect((1...5).contains(100 * usual[4] / usual[0]), "accounts of visits: \(usual)")
        #expect((25...80).contains(usual[5] / 100 / usual[3]), "euros an order: \(usual)")
        // A Monday like day 7 but for two weeks of growth.
        #expect(day(14)[0] > day(7)[0])
        #expect(day(13)[0] > 1.25 * day(6)[0], "a campaign on a Sunday")
        let incident = day(21, hours: 11...16)
        let before = day(20, hours: 11...16)
        #expect(incident[3] / incident[2] < 0.3 * before[3] / before[2], "\(incident) \(before)")
    }

    @Test("writes counters as text, and goes on from what a daemon answers of it")
    func continues() throws {
        let shop = Shop(seed: 1, opening: Self.monday)
        var counters = ShopCounters(startingAt: Self.monday)
        counters.advance(shop, millis: 3 * Self.dayMillis)
        var text = ShopText()
        text.add(counters)
        #expect(text.sampleCount == 120)
        let lines = String(decoding: text.text(), as: UTF8.self).split(separator: "\n")
        #expect(lines[0] == "# HELP shop_visits_total Visits of the shop.")
        #expect(lines[1] == "# TYPE shop_visits_total counter")
        #expect(lines.count == 120 + 12)
        var known: [APISeries] = []
        for source in 0..<Shop.sourceCount {
            for counter in Shop.counters.indices {
                let labels = ShopCounters.labels(source: source, counter: counter)
                let line = try #require(lines.first { $0.hasPrefix(SeriesText.format(labels) + " ") })
                let words = line.split(separator: " ")
                #expect(words.last == "\(counters.time.millis)")
                known.append(
                    APISeries(labels: labels, points: [APIPoint(time: .min, text: String(words[1]))])
                )
            }
        }
        #expect(ShopCounters(known, at: counters.time).totals == counters.totals)
    }

    @Test("knows which rules are about it, also by way of other rules")
    func rules() {
        let all = [
            RuleAnswer(name: "other:up", query: "sum(up)"),
            RuleAnswer(name: "channel:visits", query: "sum by (channel) (increase(shop_visits_total[1h]))"),
            RuleAnswer(name: "kpi:visits", query: "sum(channel:visits)"),
            RuleAnswer(name: "kpi:up_by_two", query: "2 * other:up"),
            RuleAnswer(name: "kpi:broken", query: "sum(shop_visits_total"),
        ]
        #expect(RecordedPast.shopRules(all).map(\.name) == ["channel:visits", "kpi:visits"])
    }

    @Test("writes what a rule makes of its series, but not where there are samples")
    func recorded() {
        let rule = RuleAnswer(name: "kpi:step", query: "x", labels: ["step": "a\"b", "gone": ""])
        let points = [1000, 2000, 3000].map { APIPoint(time: Timestamp(millis: $0), text: "0.1") }
        let series = [APISeries(labels: ["__name__": "x", "gone": "1", "channel": "ads"], points: points)]
        let (text, count) = RecordedPast.exposition(of: series, rule: rule, except: [Timestamp(millis: 2000)])
        #expect(count == 2)
        #expect(
            String(decoding: text, as: UTF8.self)
                == "kpi:step{channel=\"ads\",step=\"a\\\"b\"} 0.1 1000\n"
                + "kpi:step{channel=\"ads\",step=\"a\\\"b\"} 0.1 3000\n"
        )
        #expect(RecordedPast.selector(of: rule) == "kpi:step{gone=\"\",step=\"a\\\"b\"}")
    }
}
