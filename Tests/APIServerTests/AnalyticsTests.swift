import KPI
import Model
import Testing

@testable import APIServer
@testable import Rules

@Suite("The analytics API") struct AnalyticsTests {
    private static let day: Int64 = 86_400_000
    /// 28 March 2021.
    private static let start: Int64 = 1_616_889_600_000

    private static let definitions = """
        kpi_version: 1
        calendars:
          utc: {periods: {sprint: {every: 14d, anchor: 2021-03-28}}}
        defaults: {calendar: utc, owner: growth@example.org}
        metrics:
          - {name: direct_revenue, from: {samples: direct_revenue_usd}, by: [country]}
          - {name: count_sessions_w_purchases, from: {samples: purchase_sessions}}
          - {name: purchases, from: {samples: purchases}}
          - {name: sessions, from: {samples: sessions}}
          - {name: total_revenue, from: {samples: revenue_usd}}
        kpis:
          - name: direct_revenue
            type: simple
            metric: direct_revenue
            display_name: Direct Revenue
            unit: usd
            description: Revenue of recommended items, bought within 48 hours of the click.
            aliases: [recommended_revenue]
          - name: total_revenue
            type: simple
            metric: total_revenue
            display_name: Total Revenue
            unit: usd
          - name: conversion_rate
            type: ratio
            numerator: purchases
            denominator: sessions
            unit: percentage
            target: {above: 2}
            period: sprint
        funnels:
          - {name: shop, kind: counter, base: sessions, steps: [purchases]}
        """

    private static func load(_ text: String) throws -> KPIDefinitions {
        try KPIDefinitions.load([(path: "shop.kpi.yaml", text: text)])
    }

    /// A store in which the KPIs have the values that the API's documentation shows.
    private static func store() -> MemoryStore {
        let store = MemoryStore()
        func put(_ name: String, _ labels: KeyValuePairs<String, String>, _ values: [Double]) {
            store.put(
                Labels([Label(Labels.metricName, name)] + labels.map { Label($0.key, $0.value) }),
                values.enumerated().map { (start + Int64($0.offset) * day + 3_600_000, $0.element) }
            )
        }
        put("direct_revenue_usd", ["country": "FR"], [4000, 0, 1200, 3000, 3500, 2650, 3000])
        put("direct_revenue_usd", ["country": "CH"], [500, 0, 0, 200, 0, 0, 0])
        put("purchase_sessions", [:], [30, 0, 20, 25, 20, 15, 20])
        put("purchases", [:], [1656, 175, 140, 161, 238, 210, 210])
        put("sessions", [:], [138_000, 7000, 7000, 7000, 7000, 7000, 7000])
        put("revenue_usd", [:], [1])
        return store
    }

    private func run(
        _ text: String = AnalyticsTests.definitions,
        now: Int64 = AnalyticsTests.start + 8 * AnalyticsTests.day,
        _ body: @Sendable (TestServer) async throws -> Void
    ) async throws {
        let store = AnalyticsTests.store()
        let service = KPIService(
            definitions: try AnalyticsTests.load(text),
            source: RawAggregates(source: store)
        ) { Timestamp(millis: now) }
        try await TestServer.run(
            store,
            adjust: {
                $0.kpis = service
                $0.source = KPISource(store, service)
            },
            body
        )
    }

    private func get(_ server: TestServer, _ target: String) async throws -> String {
        try await server.client.get(target).text
    }

    @Test("values have the documented shape and numbers")
    func values() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/kpis/values/?start_timestamp=1616962929.0&end_timestamp=1617408001"
                    + "&kpis=conversion_rate&kpis=direct_revenue&kpis=direct_revenue&period=day"
            )
            #expect(
                text == #"{"start_timestamps":[1616889600.0,1616976000.0,1617062400.0,1617148800.0,"#
                    + #"1617235200.0,1617321600.0,1617408000.0],"kpis":["#
                    + #"{"kpi":"direct_revenue","aggregate":18050,"values":[4500,0,1200,3200,3500,2650,3000]},"#
                    + #"{"kpi":"conversion_rate","aggregate":1.55,"values":[1.2,2.5,2,2.3,3.4,3,3]}]}"#
            )
        }
    }

    @Test("the range asked is covered by the fewest buckets")
    func cover() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/kpis/values?start_timestamp=1616962929.0&end_timestamp=1617400199&kpis=total_revenue"
            )
            #expect(
                text.contains(
                    "\"start_timestamps\":[1616889600.0,1616976000.0,1617062400.0,1617148800.0,1617235200.0,1617321600.0]"
                )
            )
            let one = try await get(
                server,
                "/analytics/kpis/values/?start_timestamp=1616976000&end_timestamp=1616976000&kpis=direct_revenue"
            )
            #expect(one.contains("\"start_timestamps\":[1616976000.0]"))
        }
    }

    @Test("without times the answer goes from the first data to now")
    func defaults() async throws {
        try await run { server in
            let text = try await get(server, "/analytics/kpis/values/?kpis=direct_revenue")
            #expect(text.hasPrefix("{\"start_timestamps\":[1616889600.0,"))
            #expect(text.contains("\"values\":[4500,0,1200,3200,3500,2650,3000,null]"))
            let all = try await get(server, "/analytics/kpis/values/")
            #expect(
                all.hasPrefix(
                    "{\"warnings\":[\"the KPIs have different default periods; the answer is by day\"]"
                )
            )
        }
    }

    @Test("status and configurations have the documented shapes, in the order of declaration")
    func status() async throws {
        try await run { server in
            let revenue =
                #"{"name":"direct_revenue","metadata":{"display_name":"Direct Revenue","unit":"usd","#
                + #""description":"Revenue of recommended items, bought within 48 hours of the click."},"#
                + #""metrics":["direct_revenue"]}"#
            let total =
                #"{"name":"total_revenue","metadata":{"display_name":"Total Revenue","unit":"usd"},"#
                + #""metrics":["total_revenue"]}"#
            let names = "?kpis=total_revenue&kpis=direct_revenue"
            let answer1 = try await get(server, "/analytics/kpis/status/" + names)
            #expect(
                answer1
                    == #"{"statuses":[{"status":"missing_data","kpi":\#(revenue)},{"status":"missing_data","kpi":\#(total)}]}"#
            )
            let answer2 = try await get(server, "/analytics/kpis/configs/" + names)
            #expect(
                answer2
                    == #"{"kpis":[\#(revenue),\#(total)]}"#
            )
            let extended = try await get(server, "/analytics/kpis/configs/?extended=1&kpis=conversion_rate")
            #expect(
                extended.contains(
                    #""metrics":["purchases","sessions"],"type":"ratio","version":1,"period":"sprint","#
                        + #""timezone":"UTC","owner":"growth@example.org","target":{"above":2},"#
                )
            )
        }
        try await run(now: AnalyticsTests.start + 7 * AnalyticsTests.day - 1) { server in
            let text = try await get(
                server,
                "/analytics/kpis/status/?kpis=direct_revenue&kpis=conversion_rate"
            )
            #expect(text.contains("\"status\":\"ok\",\"kpi\":{\"name\":\"direct_revenue\""))
        }
    }

    @Test("metrics have values and no aggregate")
    func metrics() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/metrics/values/?names=count_sessions_w_purchases&names=direct_revenue"
                    + "&start_timestamp=1616962929.0&end_timestamp=1617408001"
            )
            #expect(
                text.hasSuffix(
                    #""metrics":[{"name":"direct_revenue","values":[4500,0,1200,3200,3500,2650,3000]},"#
                        + #"{"name":"count_sessions_w_purchases","values":[30,0,20,25,20,15,20]}]}"#
                )
            )
        }
    }

    @Test("funnels have counts and conversions in percent")
    func funnels() async throws {
        try await run { server in
            let answer3 = try await get(server, "/analytics/funnels/configs/")
            #expect(
                answer3
                    == #"{"funnels":[{"name":"shop","kind":"counter","base":"sessions","steps":["purchases"]}]}"#
            )
            let answer4 = try await get(
                server,
                "/analytics/funnels/values/?funnels=shop&start_timestamp=1616889600&end_timestamp=1616976001"
            )
            #expect(
                answer4
                    == #"{"start_timestamps":[1616889600.0,1616976000.0],"funnels":[{"funnel":"shop","#
                    + #""kind":"counter","steps":[{"step":1,"name":"sessions","values":[138000,7000],"#
                    + #""aggregate":145000,"from_first":{"values":[100,100],"aggregate":100},"#
                    + #""from_previous":{"values":[null,null],"aggregate":null}},"#
                    + #"{"step":2,"name":"purchases","values":[1656,175],"aggregate":1831,"#
                    + #""from_first":{"values":[1.2,2.5],"aggregate":1.2627586206896553},"#
                    + #""from_previous":{"values":[1.2,2.5],"aggregate":1.2627586206896553}}]}]}"#
            )
        }
    }

    @Test("extended=1 adds ends, states, versions and the parts of ratios")
    func extended() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/kpis/values/?kpis=conversion_rate&period=day&extended=1"
                    + "&start_timestamp=1617321600&end_timestamp=1617580800"
            )
            #expect(
                text == #"{"start_timestamps":[1617321600.0,1617408000.0,1617494400.0],"#
                    + #""end_timestamps":[1617408000.0,1617494400.0,1617580800.0],"kpis":[{"#
                    + #""kpi":"conversion_rate","aggregate":3,"values":[3,3,null],"#
                    + #""complete":[true,false,false],"state":["final","closed","closed"],"version":1,"#
                    + #""numerator":[210,210,null],"denominator":[7000,7000,null]}]}"#
            )
        }
    }

    @Test("a breakdown has one entry per label value")
    func breakdown() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/kpis/values/?kpis=direct_revenue&by=country&start_timestamp=1616889600&end_timestamp=1616889600"
            )
            #expect(
                text.hasSuffix(
                    #""kpis":[{"kpi":"direct_revenue","labels":{"country":"CH"},"aggregate":500,"values":[500]},"#
                        + #"{"kpi":"direct_revenue","labels":{"country":"FR"},"aggregate":4000,"values":[4000]}]}"#
                )
            )
        }
    }

    @Test("a window ends with each bucket, the aggregate stays")
    func window() async throws {
        try await run { server in
            let text = try await get(
                server,
                "/analytics/kpis/values/?kpis=direct_revenue&window=2d&start_timestamp=1616976000&end_timestamp=1617148800"
            )
            #expect(text.contains("\"aggregate\":1200,\"values\":[4500,1200]"))
        }
    }

    @Test("comma-separated values have one line per bucket and one column per KPI")
    func csv() async throws {
        try await run { server in
            let reply = try await server.client.get(
                "/analytics/kpis/values/?period=day&format=csv&timezone=Europe/Zurich"
                    + "&start_timestamp=1616889600&end_timestamp=1616889600&kpis=direct_revenue&kpis=conversion_rate"
            )
            #expect(reply["Content-Type"] == "text/csv; charset=utf-8")
            #expect(
                reply.text == "start_timestamp,end_timestamp,start,direct_revenue,conversion_rate\r\n"
                    + "1616886000,1616968800,2021-03-28T00:00:00+01:00,4500,1.2\r\n"
            )
        }
    }

    @Test(
        "what is wrong with a request is told with its code and value",
        arguments: [
            ("kpis/values/?kpis=conversion_rat", 404, "unknown_kpi", "\\\"conversion_rate\\\""),
            ("kpis/status/?kpis=x", 404, "unknown_kpi", "\\\"x\\\""),
            ("metrics/values/?names=session", 404, "unknown_metric", "\\\"sessions\\\""),
            ("funnels/values/?funnels=shap", 404, "unknown_funnel", "\\\"shop\\\""),
            ("kpis/values/?kpis=direct_revenue&period=sprnt", 404, "unknown_period", "\\\"sprint\\\""),
            ("kpis/values/?timezone=Europe/Zurick", 404, "unknown_timezone", "Europe/Zurich"),
            ("kpis/values/?kpis=direct_revenue&version=2", 404, "unknown_version", "it has 1"),
            ("kpis/values/?start_timestamp=2&end_timestamp=1", 400, "bad_data", "start_timestamp 2 is after"),
            ("kpis/values/?start_timestamp=nan", 400, "bad_data", "\\\"nan\\\""),
            ("kpis/values/?start_timestamp=inf", 400, "bad_data", "\\\"inf\\\""),
            ("kpis/values/?start_timestamp=", 400, "bad_data", "\\\"\\\""),
            ("kpis/values/?end_timestamp=soon", 400, "bad_data", "\\\"soon\\\""),
            ("kpis/values/?end_timestamp=1616962929000", 400, "bad_data", "1616962929000"),
            ("kpis/values/?period=hour&start_timestamp=0", 400, "bad_data", "such as day"),
            (
                "kpis/values/?period=hour&start_timestamp=0&end_timestamp=39600001", 400, "bad_data",
                "more than 11000 buckets of the period hour"
            ),
            ("kpis/values/?kpis=conversion_rate&by=country", 400, "bad_data", "\\\"country\\\""),
            ("kpis/values/?window=7+weeks", 400, "bad_data", "7 weeks"),
            ("kpis/values/?extended=2", 400, "bad_data", "\\\"2\\\""),
            ("kpis/values/?format=xml", 400, "bad_data", "\\\"xml\\\""),
            ("kpis/values/?group=staff", 400, "bad_data", "group"),
            ("annotations/?from=x", 400, "bad_data", "\\\"x\\\""),
        ]
    )
    func refusals(target: String, statusCode: Int, code: String, words: String) async throws {
        try await run { server in
            let reply = try await server.client.get("/analytics/" + target)
            #expect(reply.statusCode == statusCode, "\(reply.text)")
            #expect(reply.text.hasPrefix("{\"error\":\"\(code)\",\"message\":\""), "\(reply.text)")
            #expect(reply.text.contains(words), "\(reply.text)")
        }
    }

    @Test("11,000 buckets are one answer, however many KPIs are asked")
    func mostBuckets() async throws {
        try await run { server in
            let reply = try await server.client.get(
                "/analytics/kpis/values/?period=hour&start_timestamp=0&end_timestamp=39600000"
            )
            #expect(reply.statusCode == 200)
            #expect(reply.text.contains("39596400.0],\"kpis\":[{\"kpi\":\"direct_revenue\""))
        }
    }

    @Test("a KPI without its metric is a conflict if it is named, and a warning if all are asked")
    func missingConfig() async throws {
        let text = AnalyticsTests.definitions.replacing("metric: total_revenue", with: "metric: nowhere")
        try await run(text) { server in
            let reply = try await server.client.get("/analytics/kpis/values/?kpis=total_revenue")
            #expect(reply.statusCode == 409)
            #expect(
                reply.text.hasPrefix(
                    "{\"error\":\"missing_config\",\"message\":\"the KPI total_revenue needs"
                )
            )
            #expect(reply.text.contains("\\\"nowhere\\\""))
            let all = try await get(server, "/analytics/kpis/values/?period=day")
            #expect(all.hasPrefix("{\"warnings\":[\"missing_config: "))
            let status = try await get(server, "/analytics/kpis/status/?kpis=total_revenue")
            #expect(status.hasPrefix("{\"statuses\":[{\"status\":\"missing_config\""))
        }
    }

    @Test("before the first data there are nulls and a warning; a former name is told of")
    func warnings() async throws {
        try await run { server in
            let early = try await get(
                server,
                "/analytics/kpis/values/?kpis=direct_revenue&start_timestamp=0&end_timestamp=1"
            )
            #expect(early.hasPrefix("{\"warnings\":[\"outside_retention"))
            #expect(early.hasSuffix("\"aggregate\":null,\"values\":[null]}]}"))
            let alias = try await get(server, "/analytics/kpis/configs/?kpis=recommended_revenue")
            #expect(
                alias.hasPrefix(
                    "{\"warnings\":[\"recommended_revenue is an alias of the KPI direct_revenue\"]"
                )
            )
        }
    }

    @Test("lineage tells where numbers come from and which rules use them")
    func lineage() async throws {
        let store = AnalyticsTests.store()
        let service = KPIService(
            definitions: try AnalyticsTests.load(AnalyticsTests.definitions),
            source: RawAggregates(source: store)
        ) { TestServer.now }
        let rule = RuleStatus(
            name: "Low",
            query: "kpi{kpi=~\"conv.*\",state=\"final\"} < 1",
            labels: .empty,
            health: .ok,
            evaluationSeconds: 0,
            alerting: AlertingStatus(
                forMillis: 0,
                keepFiringForMillis: 0,
                annotations: [],
                state: .inactive,
                alerts: []
            )
        )
        let group = RuleGroupStatus(
            name: "g",
            file: "f.yml",
            intervalMillis: 60_000,
            limit: 0,
            evaluationSeconds: 0,
            rules: [rule]
        )
        try await TestServer.run(
            store,
            adjust: {
                $0.kpis = service
                $0.ruleGroups = { [group] }
            }
        ) { server in
            let text = try await get(server, "/analytics/lineage/?kpi=conversion_rate")
            #expect(
                text.hasPrefix(
                    #"{"kpis":[{"kpi":"conversion_rate","type":"ratio","file":"shop.kpi.yaml","line":"#
                )
            )
            #expect(
                text.contains(
                    #""from":{"samples":"purchases"},"agg":"sum","by":[],"oldest_timestamp":1616893200.0,"#
                )
            )
            #expect(
                text.hasSuffix(
                    #""used_by":{"kpis":[],"rules":[{"file":"f.yml","group":"g","type":"alerting","name":"Low"}]}}]}"#
                )
            )
            let answer5 = try await get(server, "/analytics/lineage/?kpi=direct_revenue")
            #expect(
                answer5.hasSuffix("\"rules\":[]}}]}")
            )
        }
    }

    @Test("remarks are taken and found in the shape that Grafana knows")
    func annotations() async throws {
        try await run { server in
            let path = "/analytics/annotations/"
            let first = try await server.client.send(
                "POST",
                path,
                body: Array(#"{"time":5000,"text":"redesign","tags":["release"],"kpi":"total_revenue"}"#.utf8)
            )
            #expect(first.text == #"{"message":"Annotation added","id":1}"#)
            _ = try await server.client.send("POST", path, body: Array(#"{"text":"now"}"#.utf8))
            let answer6 = try await get(server, path + "?to=6000")
            #expect(
                answer6
                    == #"[{"id":1,"time":5000,"timeEnd":5000,"text":"redesign","tags":["release"],"kpi":"total_revenue"}]"#
            )
            let answer7 = try await get(server, path + "?tags=nothing")
            #expect(answer7 == "[]")
            let answer8 = try await get(server, path + "?kpi=direct_revenue")
            #expect(answer8.contains("\"text\":\"now\""))
            for body in ["", "{}", "[]", #"{"text":"x","kpi":"y"}"#, #"{"text":"x","time":5,"timeEnd":4}"#] {
                let reply = try await server.client.send("POST", path, body: Array(body.utf8))
                #expect(reply.statusCode == 400 || reply.statusCode == 404)
            }
        }
    }

    @Test("current values stand on /metrics")
    func exposition() async throws {
        let now = AnalyticsTests.start + 7 * AnalyticsTests.day - 1
        let store = AnalyticsTests.store()
        let service = KPIService(
            definitions: try AnalyticsTests.load(AnalyticsTests.definitions),
            source: RawAggregates(source: store)
        ) { Timestamp(millis: now) }
        // The page goes by the server's clock, which shows a later time.
        let late = KPISource(store, service)
        try await TestServer.run(
            store,
            adjust: {
                $0.kpis = service
                $0.source = late
            }
        ) { server in
            let text = try await get(server, "/metrics")
            #expect(text.contains("# TYPE kpi_info gauge\n"))
            #expect(
                text.contains(
                    "kpi_target{direction=\"above\",kpi=\"conversion_rate\",unit=\"percentage\"} 2\n"
                )
            )
            #expect(text.contains("kpi_watermark_timestamp_seconds{source=\"sessions\"} 1617411600\n"))
            #expect(text.contains("# TYPE kpi_revisions_total counter\n"))
            #expect(
                text.contains(
                    "kpi_complete{kpi=\"conversion_rate\",period=\"sprint\",tz=\"UTC\",unit=\"percentage\"} 0\n"
                )
            )
        }
    }
}
