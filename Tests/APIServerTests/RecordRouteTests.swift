import KPI
import Model
import Testing

@testable import APIServer

@Suite("Records over HTTP") struct RecordRouteTests {
    private static let now: Int64 = 1_523_059_200_000

    private func run(_ body: @Sendable (TestServer) async throws -> Void) async throws {
        let store = MemoryStore()
        let service = KPIService(
            definitions: try KPIDefinitions.load([
                (
                    path: "a.kpi.yaml",
                    text: """
                    kpi_version: 1
                    metrics:
                      - {name: visits, from: {samples: visits}, by: [page]}
                      - {name: users, from: {samples: users}, aliases: [people]}
                      - {name: load, agg: time_avg, from: {gauge: load}}
                    kpis:
                      - {name: visits, type: simple, metric: visits}
                    """
                )
            ]),
            source: RawAggregates(source: store)
        ) { Timestamp(millis: RecordRouteTests.now) }
        try await TestServer.run(store, adjust: { $0.kpis = service }, body)
    }

    private func post(_ server: TestServer, _ body: String, _ query: String = "") async throws -> (
        Int, String
    ) {
        let answer = try await server.client.send(
            "POST",
            "/analytics/records/\(query)",
            headers: ["Content-Type": "application/x-www-form-urlencoded"],
            body: Array(body.utf8)
        )
        return (answer.statusCode, answer.text)
    }

    private func values(_ server: TestServer, _ name: String, _ period: String, _ start: Int, _ end: Int)
        async throws
        -> String
    {
        let text = try await server.client.get(
            "/analytics/metrics/values/?names=\(name)&period=\(period)&start_timestamp=\(start)&end_timestamp=\(end)"
        ).text
        return text.split(separator: "\"values\":").last.map { String($0.prefix { $0 != "}" }) } ?? text
    }

    @Test("what is pushed again replaces what was there, and unknown metrics are taken")
    func replaces() async throws {
        try await run { server in
            let day = 1_522_886_400
            for value in [5, 7] {
                let (status, text) = try await post(
                    server,
                    #"{"dims":{"date":"2018-04-05","hour":1,"page":"/"},"metrics":{"visits":\#(value),"other":1}}"#
                )
                #expect(status == 200)
                #expect(text == #"{"samples":2,"series":2}"#)
            }
            #expect(try await values(server, "visits", "hour", day, day + 3 * 3600) == "[null,7,null]")
            #expect(try await values(server, "visits", "day", day, day + 86_400) == "[7]")
            #expect(try await server.client.get("/api/v1/label/__name__/values").text.contains("\"other\""))
        }
    }

    @Test("a record of a day is seen by days and not by hours")
    func days() async throws {
        try await run { server in
            let day = 1_522_886_400
            _ = try await post(
                server,
                #"[{"dims":{"date":"2018-04-05"},"metrics":{"users":40}},{"dims":{"date":"2018-04-06"},"metrics":{"users":50}}]"#
            )
            #expect(try await values(server, "users", "hour", day, day + 3 * 3600) == "[null,null,null]")
            #expect(try await values(server, "users", "day", day, day + 2 * 86_400) == "[40,50]")
            #expect(try await values(server, "people", "week", day, day + 86_400) == "[90]")
            let renamed = try await server.client.get("/analytics/metrics/values/?names=people").text
            #expect(renamed.hasPrefix(#"{"warnings":["people is an alias of the metric users"]"#))
            // Hours beside it are hours of their own.
            _ = try await post(server, #"{"dims":{"date":"2018-04-05","hour":1},"metrics":{"users":3}}"#)
            #expect(try await values(server, "users", "hour", day, day + 3 * 3600) == "[null,3,null]")
        }
    }

    @Test("samples within an hour are as many as there are, and a gauge's mean goes by time")
    func withinHour() async throws {
        try await run { server in
            let day = 1_522_886_400
            let body = (0..<13).map { #"{"dims":{"time":\#(day + $0 * 300)},"metrics":{"load":\#($0)}}"# }
            _ = try await post(server, body.joined(separator: "\n"))
            #expect(try await values(server, "load", "hour", day, day + 3600) == "[5.5]")
        }
    }

    @Test("dates are of the zone that is asked for")
    func zones() async throws {
        try await run { server in
            let body = #"{"dims":{"date":"2018-03-25","hour":3},"metrics":{"visits":1}}"#
            _ = try await post(server, body, "?timezone=Europe/Zurich")
            #expect(try await values(server, "visits", "hour", 1_521_939_600, 1_521_943_200) == "[1]")
            let missing = try await post(
                server,
                body.replacing("\"hour\":3", with: "\"hour\":2"),
                "?timezone=Europe/Zurich"
            )
            #expect(missing.0 == 400)
            #expect(missing.1.contains("record 1: dims.hour: 2018-03-25 has no hour 2 in Europe/Zurich"))
            let unknown = try await post(server, body, "?timezone=Europe/Zurick")
            #expect(unknown.0 == 404)
            #expect(unknown.1.contains("unknown_timezone") && unknown.1.contains("Europe/Zurich"))
        }
    }

    @Test("of a body with a fault nothing is stored")
    func faults() async throws {
        try await run { server in
            let (status, text) = try await post(
                server,
                #"[{"dims":{"time":1},"metrics":{"visits":1}},{"dims":{"time":2},"metrics":{"visits":"many"}}]"#
            )
            #expect(status == 400)
            #expect(text.hasPrefix(#"{"error":"bad_data","message":"record 2: metrics.visits is \"many\""#))
            #expect(try await server.client.get("/api/v1/label/__name__/values").text.contains("[]"))
        }
    }
}
