import Model
import PromQL
import StrictYAML
import Testing

@testable import Rules

/// The shop of `rules/`, its numbers computed by hand.
@Suite struct ExampleRulesTests {
    private static let rootPath = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    private static let start: Int64 = 1_700_000_040_000

    private let store = MemoryStore()

    /// Two hours of a counter, a sample each minute, that rises by `perMinute` evenly.
    private func count(_ name: String, _ channel: String, _ country: String, perMinute: Double) {
        let labels = Labels(["__name__": name, "channel": channel, "country": country])
        for minute in 0...120 {
            store.set(labels, Self.start + Int64(minute) * 60_000, Double(minute) * perMinute)
        }
    }

    /// What the rules yield two hours after the start, all series that begin with `kpi:`.
    private func kpis() async throws -> [String: Double] {
        let groups = try RuleFiles.load([Self.rootPath + "/rules"])
        let shop = try #require(groups.first { $0.name == "shop" })
        let context = RuleContext(
            query: Engine().ruleQuery(over: store),
            sink: store,
            blocking: DirectRunner(),
            clock: ManualClock(0),
            logger: quietLogger
        )
        let runner = RuleGroupRunner(shop, defaults: RuleDefaults(), state: nil, context: context)
        let end = Self.start + 7_200_000
        await runner.iterate(at: Timestamp(millis: end))
        for rule in runner.status.rules {
            #expect(rule.health == .ok, "\(rule.name): \(rule.lastError ?? "")")
        }
        return store.values(atMillis: end).filter { $0.key.hasPrefix("kpi:") }
    }

    @Test("Ratio, average order value and funnel equal the computation by hand")
    func numbers() async throws {
        // In an hour: 3000 + 1800 + 1200 visits, 120 + 60 accounts, and so on.
        count("shop_visits_total", "search", "DE", perMinute: 50)
        count("shop_visits_total", "search", "FR", perMinute: 30)
        count("shop_visits_total", "mail", "DE", perMinute: 20)
        for (name, search, mail) in [
            ("signups", 2.0, 1.0), ("product_views", 50, 10), ("checkouts", 9, 3), ("orders", 4, 2),
            ("revenue", 100, 80),
        ] {
            count("shop_\(name)_total", "search", "DE", perMinute: search)
            count("shop_\(name)_total", "mail", "DE", perMinute: mail)
        }
        let expected: [String: Double] = [
            "kpi:visits_last_hour": 6000,
            "kpi:signups_last_hour": 180,
            "kpi:orders_last_hour": 360,
            "kpi:revenue_last_hour": 10_800,
            "kpi:signup_percent": 3,
            #"kpi:signup_percent_by_channel{channel="mail"}"#: 5,
            #"kpi:signup_percent_by_channel{channel="search"}"#: 2.5,
            "kpi:average_order_value": 30,
            #"kpi:funnel_step_last_hour{funnel="purchase", step="visit"}"#: 6000,
            #"kpi:funnel_step_last_hour{funnel="purchase", step="product_view"}"#: 3600,
            #"kpi:funnel_step_last_hour{funnel="purchase", step="checkout"}"#: 720,
            #"kpi:funnel_step_last_hour{funnel="purchase", step="order"}"#: 360,
            #"kpi:funnel_step_percent{funnel="purchase", step="product_view"}"#: 60,
            #"kpi:funnel_step_percent{funnel="purchase", step="checkout"}"#: 20,
            #"kpi:funnel_step_percent{funnel="purchase", step="order"}"#: 50,
            #"kpi:funnel_conversion_percent{funnel="purchase"}"#: 6,
        ]
        let kpis = try await kpis()
        #expect(Set(kpis.keys) == Set(expected.keys))
        for (series, value) in expected {
            let found = kpis[series] ?? .nan
            #expect(abs(found - value) <= 1e-9 * value, "\(series) is \(found), expected \(value)")
        }
    }

    @Test("A shop that nobody visits has totals of 0 and no ratios")
    func nothing() async throws {
        for name in ["visits", "signups", "product_views", "checkouts", "orders", "revenue"] {
            count("shop_\(name)_total", "search", "DE", perMinute: 0)
        }
        let kpis = try await kpis()
        #expect(kpis.values.allSatisfy { $0 == 0 })
        #expect(kpis.keys.allSatisfy { $0.contains("_last_hour") })
        #expect(kpis.count == 8)
    }

    @Test("The page about the example explains every result")
    func documented() throws {
        let page = try TextFile.read(Self.rootPath + "/rules/README.md")
        let groups = try RuleFiles.load([Self.rootPath + "/rules"])
        for name in Set(groups.flatMap(\.rules).map(\.name)) where name.hasPrefix("kpi:") {
            #expect(page.contains("`\(name)`"), "\(name)")
        }
    }
}
