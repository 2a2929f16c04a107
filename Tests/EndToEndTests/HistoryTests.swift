import Testing

extension EndToEnd {
    @Suite("The past of rules")
    struct HistoryTests {
        private static let rules = """
            groups:
            - name: g
              interval: 1s
              rules:
              - {record: "kpi:total", expr: sum(late_total)}
              - {record: "kpi:twice", expr: 2 * kpi:total}

            """

        /// Imports a sample of `late_total`.
        private func importSample(_ value: Int, atMillis millis: Int64, _ client: HTTPClient) async throws {
            let body = Array("late_total{shop=\"a\"} \(value) \(millis)\n".utf8)
            let answer = try await client.send("POST", "/api/v1/import/prometheus", body: body)
            #expect(answer.status / 100 == 2, "\(answer.text)")
        }

        @Test("is mended when samples come late, and computed by hand, over a kill in between")
        func repairs() async throws {
            let folder = try ScratchFolder("history")
            let file = try folder.write(Self.rules, to: "rules.yml")
            try await withDaemon(["--rules", file], folder: folder) { sextant in
                let start = nowMillis()
                try await eventually("evaluations") {
                    let page = try await sextant.client.get("/metrics").text
                    guard page.contains("sextant_rule_group_iterations_total"), nowMillis() > start + 20_000
                    else {
                        throw NotYet("too early")
                    }
                }
                // Slots of the time around `start + 3 s` have been evaluated, without a result.
                let late = start + 3000
                try await importSample(7, atMillis: late, sextant.client)
                try await eventually("the mended slots", within: 60) {
                    let found = try? await sextant.client.value(of: "kpi:twice", atMillis: late + 2000)
                    guard found == 14 else { throw NotYet("\(String(describing: found))") }
                }
                let page = try await sextant.client.get("/metrics").text
                #expect(!page.contains("\nsextant_rule_late_samples_total 0\n"))
                #expect(!page.contains("\nsextant_rule_repair_changed_slots_total 0\n"))

                let old = start - 3_600_000
                try await importSample(3, atMillis: old, sextant.client)
                sextant.kill()
                try await sextant.start()
                let (ending, output) = try await Peers.run(
                    Repository.daemon,
                    [
                        "rules", "backfill", "--url", sextant.baseURL, "--from", "2h", "--rule", "kpi:total",
                        file,
                    ],
                    in: folder
                )
                #expect(ending == .exited(0), "\(output)")
                #expect(try await sextant.client.value(of: "kpi:total", atMillis: old + 100_000) == 3)
                let (refusal, text) = try await Peers.run(
                    Repository.daemon,
                    ["rules", "backfill", "--url", sextant.baseURL, "--from", "2h", "--rule", "none", file],
                    in: folder
                )
                #expect(refusal == .exited(1) && text.contains("no recording rule"), "\(text)")
            }
        }
    }
}
