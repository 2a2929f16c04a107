import Testing

extension EndToEnd {
    @Suite("What is kept")
    struct RestartTests {
        private static let hour: Int64 = 3_600_000

        @Test("answers the same after a flush, a stop, a start, a kill and a start")
        func restart() async throws {
            try await withDaemon(["--enable-admin-api"]) { sextant in
                let now = nowMillis()
                try await write(until: now, to: sextant.client)
                let before = try await answers(of: sextant.client, nowMillis: now)
                for (name, answer) in before { #expect(answer.count > 40, "\(name): \(answer)") }

                #expect(try await sextant.client.send("POST", "/api/v1/admin/tsdb/flush").status / 100 == 2)
                #expect(try await answers(of: sextant.client, nowMillis: now) == before)
                #expect(try await sextant.stop() == .exited(0))
                try await sextant.start()
                #expect(try await answers(of: sextant.client, nowMillis: now) == before)
                sextant.kill()
                try await sextant.start()
                #expect(try await answers(of: sextant.client, nowMillis: now) == before)
            }
        }

        @Test("is what was written last, however old, before and after a restart")
        func lastWriteWins() async throws {
            try await withDaemon(["--enable-admin-api"]) { sextant in
                let old = nowMillis() - 400 * 24 * RestartTests.hour
                for (value, flushes) in [(1.0, true), (2.5, true), (-3, false), (7, false)] {
                    var request = RemoteWrite()
                    request.add(["__name__": "corrected"], [.init(millis: old, value: value)])
                    #expect(try await request.send(to: sextant.client).status == 204)
                    #expect(try await sextant.client.value(of: "corrected", atMillis: old) == value)
                    if flushes {
                        #expect(
                            try await sextant.client.send("POST", "/api/v1/admin/tsdb/flush").status / 100
                                == 2
                        )
                        #expect(try await sextant.client.value(of: "corrected", atMillis: old) == value)
                    }
                }
                sextant.kill()
                try await sextant.start()
                #expect(try await sextant.client.value(of: "corrected", atMillis: old) == 7)
                #expect(
                    try await sextant.client.value(of: "count_over_time(corrected[1h])", atMillis: old + 1)
                        == 1
                )
            }
        }

        @Test("expires as retention.yaml says: gone from queries and from the disk, the rest stays")
        func retention() async throws {
            let folder = try ScratchFolder("retention")
            let file = try folder.write(
                """
                default: {raw: forever}
                rules:
                  - match: '{__name__="short_lived"}'
                    raw: 2h

                """,
                to: "retention.yaml"
            )
            let day = 24 * RestartTests.hour
            let now = nowMillis()
            let times = (0..<2000).map { now - 3 * day + Int64($0) * 1000 }
            func writeBoth(_ client: HTTPClient) async throws {
                var random = SeededGenerator(seed: 5)
                for (name, seriesCount) in [("short_lived", 40), ("long_lived", 2)] {
                    for series in 0..<seriesCount {
                        var request = RemoteWrite()
                        request.add(
                            ["__name__": name, "series": "\(series)"],
                            times.map { .init(millis: $0, value: Double.random(in: 0...1, using: &random)) }
                                + [.init(millis: now - 60_000, value: 1)]
                        )
                        #expect(try await request.send(to: client).status == 204)
                    }
                }
                #expect(try await client.send("POST", "/api/v1/admin/tsdb/flush").status / 100 == 2)
            }
            let shortCount = "sum(count_over_time(short_lived[4d]))"
            let longCount = "sum(count_over_time(long_lived[4d]))"

            // First without retention: nothing expires, and the data take their room.
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                try await writeBoth(sextant.client)
                #expect(try await sextant.client.value(of: shortCount) == Double(40 * 2001))
                #expect(try await sextant.stop() == .exited(0))
            }
            let bytesBefore = folder.byteCount(below: "data/segments")
            // 80,000 random doubles cannot take less than this. The log, which is rolled by size, is left
            // out.
            #expect(bytesBefore > 40 * 2000 * 6)

            try folder.write("sextant: {retention_confirm: 0s}\n", to: "sextant.yaml")
            let arguments = [
                "--enable-admin-api", "--retention", file, "--config", "\(folder.path)/sextant.yaml",
            ]
            try await withDaemon(arguments, folder: folder) { sextant in
                try await eventually("the end of the old samples", within: 180, everyMillis: 500) {
                    let left = try await sextant.client.value(of: shortCount)
                    guard left == 40 else { throw NotYet("\(left) samples of short_lived") }
                    let bytes = folder.byteCount(below: "data/segments")
                    guard bytes < bytesBefore / 4 else { throw NotYet("\(bytes) of \(bytesBefore) bytes") }
                }
                #expect(try await sextant.client.value(of: longCount) == Double(2 * 2001))
                sextant.kill()
                try await sextant.start()
                #expect(try await sextant.client.value(of: shortCount) == 40)
                #expect(try await sextant.client.value(of: longCount) == Double(2 * 2001))
            }
        }

        /// Counters and gauges over three windows, by remote write and by text import.
        private func write(until now: Int64, to client: HTTPClient) async throws {
            var request = RemoteWrite()
            for path in ["/", "/cart", "/pay"] {
                let samples = (0..<1200).map { index in
                    RemoteWrite.Sample(
                        millis: now - Int64(1200 - index) * 15_000,
                        value: Double(index * index % 977)
                    )
                }
                request.add(["__name__": "restart_requests_total", "path": path, "code": "200"], samples)
            }
            #expect(try await request.send(to: client).status == 204)
            var text =
                "# HELP restart_temperature_celsius A gauge.\n# TYPE restart_temperature_celsius gauge\n"
            for index in 0..<600 {
                let time = now - Int64(600 - index) * 30_000
                text += "restart_temperature_celsius{room=\"north \\\"1\\\"\"} \(Double(index) / 8) \(time)\n"
                text += "restart_temperature_celsius{room=\"süd\"} -\(index).25 \(time + 7)\n"
            }
            let answer = try await client.send(
                "POST",
                "/api/v1/import/prometheus",
                headers: [("Content-Type", "text/plain; version=0.0.4")],
                body: Array(text.utf8)
            )
            #expect(answer.status / 100 == 2, "\(answer.text)")
        }

        private func answers(of client: HTTPClient, nowMillis now: Int64) async throws -> [String: String] {
            let end = HTTPClient.seconds(now)
            let range = [
                ("start", HTTPClient.seconds(now - 5 * RestartTests.hour)), ("end", end), ("step", "61"),
            ]
            var answers: [String: String] = [:]
            for expression in [
                "{__name__=~\"restart_.*\"}", "rate(restart_requests_total[5m])",
                "sum by (code) (increase(restart_requests_total[1h]))",
                "max_over_time(restart_temperature_celsius[7m])",
            ] {
                answers[expression] = try await client.get(
                    "/api/v1/query_range",
                    [("query", expression)] + range
                ).text
            }
            for expression in ["restart_temperature_celsius[6h]", "restart_requests_total[6h]"] {
                answers[expression] = try await client.get(
                    "/api/v1/query",
                    [("query", expression), ("time", end)]
                ).text
            }
            let ours = [("match[]", "{__name__=~\"restart_.*\"}")]
            for path in ["series", "labels", "label/path/values", "label/room/values"] {
                answers[path] = try await client.get("/api/v1/\(path)", ours).text
            }
            return answers
        }
    }
}
