import Foundation
import Testing

extension EndToEnd {
    @Suite("Kept values of promql metrics")
    struct KeptValuesTests {
        private static let hour: Int64 = 3_600_000

        private static let definitions = """
            kpi_version: 1
            metrics:
              - {name: hits, from: {promql: 'sum by (shop) (sum_over_time(test_hits[5m]))'}, by: [shop]}
              - {name: plain, from: {samples: test_hits}}
            kpis:
              - {name: hits_kpi, type: simple, metric: hits}
              - {name: plain_kpi, type: simple, metric: plain}

            """

        private func write(_ client: HTTPClient, _ times: [Int64], _ shop: String = "a") async throws {
            let lines = times.map { "test_hits{shop=\"\(shop)\"} 1 \($0)\n" }.joined()
            let answer = try await client.send("POST", "/api/v1/import/prometheus", body: Array(lines.utf8))
            #expect(answer.status / 100 == 2, "\(answer.text)")
        }

        private func values(_ client: HTTPClient, _ kpi: String, _ from: Int64, _ to: Int64) async throws
            -> [Double?]
        {
            let answer = try await client.get(
                "/analytics/kpis/values/",
                [
                    ("kpis", kpi), ("period", "hour"), ("start_timestamp", "\(from / 1000)"),
                    ("end_timestamp", "\(to / 1000)"),
                ]
            )
            let json = try JSON(parsing: answer.body)
            let values = json["kpis"]?.elements.first?["values"]?.elements ?? []
            return values.map { $0.number.flatMap(Double.init) }
        }

        @Test("are computed ahead by a backfill, and right after kills and late samples")
        func backfill() async throws {
            let folder = try ScratchFolder("kept")
            try folder.write(KeptValuesTests.definitions, to: "rules/test.kpi.yaml")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                let end = nowMillis() / Self.hour * Self.hour - Self.hour
                let start = end - 50 * Self.hour
                try await write(sextant.client, Array(stride(from: start, to: end + Self.hour, by: 60_000)))

                let asked = try await sextant.client.postForm(
                    "/analytics/backfills/",
                    [("kpis", "hits_kpi"), ("names", "plain"), ("start_timestamp", "\(start / 1000)")]
                )
                #expect(asked.status == 202, "\(asked.text)")
                let id = try #require(JSON(parsing: asked.body)["id"]?.string)
                try await eventually("the end of the backfill") {
                    let job = try JSON(
                        parsing: await sextant.client.get("/analytics/backfills/\(id)/").body
                    )
                    guard job["state"]?.string == "done" else { throw NotYet("\(job)") }
                    #expect(job["progress"]?.number == "1")
                    let metrics = job["metrics"]?.elements ?? []
                    #expect(metrics.map { $0["name"]?.string } == ["hits", "plain"])
                    #expect(metrics.first?["computed"]?.number.flatMap(Int.init) ?? 0 >= 600)
                }
                for kpi in ["hits_kpi", "plain_kpi"] {
                    let found = try await values(sextant.client, kpi, start, end)
                    #expect(found == Array(repeating: 60, count: 50), "\(kpi)")
                }
                let count = "count({__name__=~\"kpi_metric.*\"}) or vector(0)"
                #expect(try await sextant.client.value(of: count) == 0)
                #expect(try await sextant.client.query("last_over_time(kpi_metric_value[3h])").count == 2)

                for round in 1...3 {
                    let late = start + Int64(round) * 7 * Self.hour + 1
                    try await write(sextant.client, [late], "b")
                    sextant.kill()
                    try await sextant.start()
                    let found = try await values(sextant.client, "hits_kpi", start, end)
                    #expect(found == (try await values(sextant.client, "plain_kpi", start, end)))
                    #expect(found[round * 7] == 61)
                }

                let page = try await sextant.client.get("/metrics").text
                let computed = page.split(separator: "\n")
                    .first { $0.hasPrefix("sextant_kpi_buckets_computed_total ") }
                    .flatMap { Int($0.split(separator: " ")[1]) }
                #expect((1..<60).contains(computed ?? 0), "\(computed ?? -1)")

                let list = try JSON(parsing: await sextant.client.get("/analytics/backfills/").body)
                #expect(list["backfills"]?.elements.map { $0["id"]?.string } == [id])
                let over = try await sextant.client.send("DELETE", "/analytics/backfills/\(id)/")
                #expect(try JSON(parsing: over.body)["state"]?.string == "done")
                for (names, status) in [
                    ([("kpis", "hit_kpi")], 404), ([], 400),
                    ([("names", "hits"), ("start_timestamp", "99999999999")], 400),
                ] as [([(String, String)], Int)] {
                    let answer = try await sextant.client.postForm("/analytics/backfills/", names)
                    #expect(answer.status == status, "\(answer.text)")
                }
                for method in ["GET", "DELETE"] {
                    let answer = try await sextant.client.send(method, "/analytics/backfills/12x/")
                    #expect(answer.status == 404 && answer.text.contains("unknown_backfill"))
                }
            }
        }
    }
}
