import Testing

extension EndToEnd {
    @Suite("Changed files")
    struct ReloadTests {
        private func rules(_ name: String) -> String {
            "groups:\n- name: \(name)\n  interval: 1s\n  rules:\n  - {record: 'a:\(name)', expr: vector(1)}\n"
        }

        @Test("come into force by themselves; wrong ones leave the old in force and are told of everywhere")
        func changes() async throws {
            let folder = try ScratchFolder("reload")
            try folder.write(rules("first"), to: "rules/a.yml")
            try folder.write("rule_files: [rules]\n", to: "sextant.yaml")
            try await withDaemon(["--config", "\(folder.path)/sextant.yaml"], folder: folder) { sextant in
                try await groups(of: sextant.client, are: ["first"])
                try folder.write(rules("second"), to: "rules/b.yml")
                try await groups(of: sextant.client, are: ["first", "second"])

                try folder.write("groups: [{name: third, rles: []}]\n", to: "rules/b.yml")
                try await eventually("the failed reload on /metrics") {
                    let text = try await sextant.client.get("/metrics").text
                    guard text.contains("\nsextant_config_last_reload_successful 0\n") else {
                        throw NotYet("no failure")
                    }
                }
                try await groups(of: sextant.client, are: ["first", "second"])
                let status = try await sextant.client.get("/api/v1/status/runtimeinfo").text
                #expect(status.contains("\"reloadConfigSuccess\":false"))
                #expect(status.contains("b.yml:1:24: unknown field"), "\(status)")
                #expect(sextant.log.contains("reload failed, the old rules, retention and"))
                #expect(sextant.log.contains("b.yml:1:24: unknown field"))

                // A file that only the configuration that failed names is looked at, too.
                try folder.write("rule_files: [more.yml]\n", to: "sextant.yaml")
                try await eventually("the missing file in the status") {
                    let text = try await sextant.client.get("/api/v1/status/runtimeinfo").text
                    guard text.contains("more.yml") else { throw NotYet(text) }
                }
                try folder.write(rules("more"), to: "more.yml")
                try await groups(of: sextant.client, are: ["more"])
                let text = try await sextant.client.get("/metrics").text
                #expect(text.contains("\nsextant_config_last_reload_successful 1\n"))
            }
        }

        @Test("A retention that would delete data waits, and goes when the old file is put back")
        func retention() async throws {
            let folder = try ScratchFolder("retention")
            let long = "default: {raw: 400d}\n"
            let short = "default: {raw: 1d}\n"
            try folder.write(long, to: "retention.yaml")
            try folder.write(short, to: "short.yaml")
            let path = "\(folder.path)/retention.yaml"
            try await withDaemon(["--retention", path], folder: folder) { sextant in
                let now = nowMillis()
                let days: [Int64] = [0, 10, 20]
                let lines = days.map { "m \($0) \(now - $0 * 86_400_000)\n" }.joined()
                _ = try await sextant.client.send(
                    "POST",
                    "/api/v1/import/prometheus",
                    body: Array(lines.utf8)
                )

                let check = try await Peers.run(
                    Repository.daemon,
                    [
                        "check", "retention", "--url", "127.0.0.1:\(sextant.client.port)",
                        "\(folder.path)/short.yaml",
                    ],
                    in: folder
                )
                #expect(check.output.contains("2 samples would be deleted that are kept now"), "\(check)")

                try folder.write(short, to: "retention.yaml")
                try await eventually("the wait in the status") {
                    let text = try await sextant.client.get("/api/v1/status/retention").text
                    guard text.contains("waitsUntil") else { throw NotYet(text) }
                    #expect(text.contains("\"raw\":\"400d\""))
                }
                try await eventually("the warning") {
                    let text = sextant.log
                    guard text.contains("the changed retention would delete data") else { throw NotYet(text) }
                }
                try folder.write(long, to: "retention.yaml")
                try await eventually("no wait in the status") {
                    let text = try await sextant.client.get("/api/v1/status/retention").text
                    guard !text.contains("waitsUntil") else { throw NotYet(text) }
                    #expect(text.contains("\"samples\":3"))
                }
            }
        }

        @Test("A start with a retention that would delete data waits as a reload does, and tells of mistakes")
        func retentionOfStart() async throws {
            let folder = try ScratchFolder("retention-start")
            let path = "\(folder.path)/retention.yaml"
            let rules = "rules: [{match: m, raw: 1d}, {match: 'm{a=\"b\"}', raw: 2d}]\n"
            try folder.write("default: {raw: 400d}\n", to: "retention.yaml")
            try await withDaemon(["--retention", path], folder: folder) { sextant in
                let old = "m \(nowMillis() - 20 * 86_400_000)\n"
                _ = try await sextant.client.send(
                    "POST",
                    "/api/v1/import/prometheus",
                    body: Array(old.replacing("m ", with: "m 1 ").utf8)
                )
                #expect(try await sextant.stop() == .exited(0))
                // Nothing is deleted by the next two starts, the second of them after a kill.
                try folder.write("default: {raw: 400d}\n" + rules, to: "retention.yaml")
                for _ in 0..<2 {
                    try await sextant.start()
                    try await eventually("the wait in the status") {
                        let text = try await sextant.client.get("/api/v1/status/retention").text
                        guard text.contains("waitsUntil") else { throw NotYet(text) }
                        #expect(text.contains("\"raw\":\"400d\"") && text.contains("\"samples\":1"))
                    }
                    #expect(sextant.log.contains("the changed retention would delete data"))
                    #expect(sextant.log.contains("the rule is never used"))
                    sextant.kill()
                }
                // With the old file back there is nothing to wait for.
                try folder.write("default: {raw: 400d}\n", to: "retention.yaml")
                try await sextant.start()
                let text = try await sextant.client.get("/api/v1/status/retention").text
                #expect(!text.contains("waitsUntil") && text.contains("\"samples\":1"))
            }
        }

        @Test("a faulty KPI file leaves all old definitions in force, and the reload's answer names it")
        func faultyDefinitions() async throws {
            let folder = try ScratchFolder("reload-kpi")
            func kpis(_ name: String, _ type: String = "simple") -> String {
                """
                kpi_version: 1
                metrics: [{name: m_\(name), from: {samples: m_\(name)}}]
                kpis: [{name: \(name), type: \(type), metric: m_\(name)}]

                """
            }
            try folder.write(kpis("first"), to: "rules/a.kpi.yaml")
            try folder.write(kpis("second"), to: "rules/b.kpi.yaml")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                func names() async throws -> [String] {
                    let answer = try JSON(parsing: await sextant.client.get("/analytics/kpis/configs/").body)
                    return answer["kpis"]?.elements.compactMap { $0["name"]?.string } ?? []
                }
                #expect(try await names() == ["first", "second"])
                // The first file is right and changed, the second one wrong: neither comes into force.
                try folder.write(kpis("third"), to: "rules/a.kpi.yaml")
                try folder.write(kpis("second", "average"), to: "rules/b.kpi.yaml")
                let answer = try await sextant.client.send("POST", "/-/reload")
                #expect(answer.status == 500)
                #expect(
                    answer.text.contains("b.kpi.yaml:3:29: type \"average\" is not known"),
                    "\(answer.text)"
                )
                #expect(try await names() == ["first", "second"])
                try folder.write(kpis("second"), to: "rules/b.kpi.yaml")
                #expect(try await sextant.client.send("POST", "/-/reload").status == 200)
                #expect(try await names() == ["third", "second"])
            }
        }

        private func groups(of client: HTTPClient, are names: [String]) async throws {
            try await eventually("the groups \(names)") {
                let text = try await client.get("/api/v1/rules").text
                for name in ["first", "second", "more"]
                where names.contains(name) != text.contains("\"name\":\"\(name)\"") {
                    throw NotYet(text)
                }
            }
        }
    }
}
