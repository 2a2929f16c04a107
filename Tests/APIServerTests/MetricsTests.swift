import Model
import Testing

@testable import APIServer
@testable import Rules

@Suite struct MetricsTests {
    private static let now = TestServer.now.millis

    private static func kpis(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") && $0.contains("kpi:") }
    }

    @Test("the latest value of each KPI is shown, unless it is stale or old")
    func showsKPIs() async throws {
        let store = MemoryStore()
        store.put(Labels(["__name__": "kpi:b", "shop": "eu\"1\""]), [(Self.now - 1000, 1), (Self.now, 2.5)])
        store.put(Labels(["__name__": "kpi:b", "shop": "us"]), [(Self.now - 299_999, 3)])
        store.put(Labels(["__name__": "kpi:a_percent"]), [(Self.now - 60_000, .nan)])
        store.put(Labels(["__name__": "kpi:old"]), [(Self.now - 300_000, 3)])
        store.put(Labels(["__name__": "kpi:gone"]), [(Self.now - 60_000, 1), (Self.now, StaleMarker.value)])
        store.put(Labels(["__name__": "kpi:future"]), [(Self.now + 1, 1)])
        store.put(Labels(["__name__": "up"]), [(Self.now, 1)])
        try await TestServer.run(store) { server in
            let reply = try await server.client.get("/metrics")
            #expect(
                reply["Content-Type"]
                    == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
            )
            #expect(
                Self.kpis(reply.text) == [
                    "kpi:a_percent NaN", "kpi:b{shop=\"eu\\\"1\\\"\"} 2.5", "kpi:b{shop=\"us\"} 3",
                ]
            )
            #expect(reply.text.contains("# TYPE kpi:b gauge\n"))
            #expect(reply.text.contains("# TYPE sextant_http_requests_total counter\n") == false)
            let again = try await server.client.get("/metrics").text
            #expect(again.contains("sextant_http_requests_total{code=\"200\",handler=\"/metrics\"} 1\n"))
            #expect(again.contains("sextant_http_request_duration_seconds_count{handler=\"/metrics\"} 1\n"))
        }
    }

    @Test("a series with the name of a KPI that the rules do not record is not shown")
    func hidesCopies() async throws {
        let store = MemoryStore()
        store.put(Labels(["__name__": "kpi:x", "job": "a"]), [(Self.now, 1)])
        // What comes back from a Prometheus that scraped the page.
        store.put(Labels(["__name__": "kpi:x", "exported_job": "a", "job": "sextant"]), [(Self.now, 1)])
        try await TestServer.run(store) { server in
            let text = try await server.client.get("/metrics").text
            #expect(Self.kpis(text) == ["kpi:x{job=\"a\"} 1"])
        }
    }

    @Test("a KPI whose rule is evaluated seldom is shown for two intervals")
    func looksBack() async throws {
        let store = MemoryStore()
        store.put(Labels(["__name__": "kpi:daily"]), [(Self.now - 170_000_000, 1)])
        let group = RuleGroupStatus(
            name: "g",
            file: "f",
            intervalMillis: 86_400_000,
            limit: 0,
            lastEvaluation: nil,
            evaluationSeconds: 0,
            rules: []
        )
        try await TestServer.run(store, adjust: { $0.ruleGroups = { [group] } }) { server in
            let text = try await server.client.get("/metrics").text
            #expect(Self.kpis(text) == ["kpi:daily 1"])
        }
    }

    @Test("names that the classic format cannot express are escaped, or quoted on demand")
    func escapesNames() async throws {
        let store = MemoryStore()
        store.put(Labels(["__name__": "kpi:sign.ups", "my label": "x"]), [(Self.now, 1)])
        try await TestServer.run(store) { server in
            let plain = try await server.client.get("/metrics").text
            #expect(Self.kpis(plain) == ["kpi:sign_ups{my_label=\"x\"} 1"])
            let accept =
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,*/*;q=0.1"
            let reply = try await server.client.get("/metrics", headers: ["Accept": accept])
            #expect(
                reply["Content-Type"] == "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"
            )
            #expect(Self.kpis(reply.text) == ["{\"kpi:sign.ups\",\"my label\"=\"x\"} 1"])
        }
    }

    @Test("when the store cannot be read the daemon's own metrics are still shown")
    func survivesReadErrors() async throws {
        try await TestServer.run(MemoryStore(.init(readError: .unavailable("bad disk")))) { server in
            _ = try await server.client.get("/metrics")
            let reply = try await server.client.get("/metrics")
            #expect(reply.statusCode == 200)
            #expect(reply.text.contains("sextant_kpi_read_failures_total 2\n"))
        }
    }
}
