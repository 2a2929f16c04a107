import Testing

extension EndToEnd {
    @Suite("Alerts")
    struct AlertTests {
        private static let rules = """
            groups:
            - name: g1
              interval: 1s
              labels: {team: a}
              rules:
              - record: one
                expr: vector(1)
                labels: {severity: x}
              - alert: Firing
                expr: vector(1.5) > 0
                labels: {severity: page, templated: "{{ $value }}", none: "{{ $labels.nope }}"}
                annotations: {summary: "v {{ $value }} {{ query \\"vector(2)\\" | first | value }}", empty: ""}
              - alert: Pending
                expr: label_replace(vector(1e7), "x", "y", "", "")
                for: 1h
                keep_firing_for: 5m
              - alert: Inactive
                expr: vector(1) > 2
              - alert: Bad
                expr: one * on() group_left() (label_replace(one, "a", "b", "", "") or one)
            - name: g2
              interval: 1h
              limit: 3
              rules:
              - alert: Later
                expr: vector(1)
            - name: none
              rules: []

            """

        @Test("survive kill -9 with what they are and since when, and KPIs are on /metrics at once")
        func kill() async throws {
            let folder = try ScratchFolder("alerts")
            let rules = """
                groups:
                - name: g
                  interval: 1s
                  rules:
                  - alert: Pending
                    expr: vector(3) > 0
                    for: 10m
                    labels: {templated: "v{{ $value }}"}
                  - alert: Small
                    expr: vector(3) > 0
                    for: 2s
                - name: kpis
                  interval: 2s
                  rules:
                  - {record: 'kpi:three', expr: vector(3)}

                """
            let file = try folder.write(rules, to: "rules.yml")
            try await withDaemon(["--rules", file], folder: folder) { sextant in
                let before = try await eventually("both alerts") {
                    let alerts = try await Self.alerts(of: sextant.client)
                    guard alerts["Pending"]?.state == "pending", alerts["Small"]?.state == "firing" else {
                        throw NotYet("\(alerts)")
                    }
                    return alerts
                }
                try await eventually("the KPI") {
                    let page = try await sextant.client.get("/metrics").text
                    guard page.contains("\nkpi:three 3\n") else { throw NotYet("no KPI") }
                }
                try await Task.sleep(for: .milliseconds(500))
                sextant.kill()
                // Groups with a long interval do not run for a while: what is shown was known before.
                try folder.write(rules.replacing("interval: 2s", with: "interval: 2h"), to: "rules.yml")
                try await sextant.start()
                let page = try await sextant.client.get("/metrics").text
                #expect(page.contains("\nkpi:three 3\n"))
                let after = try await eventually("the alerts again") {
                    let alerts = try await Self.alerts(of: sextant.client)
                    guard alerts.count == 2 else { throw NotYet("\(alerts)") }
                    return alerts
                }
                #expect(after["Small"] == before["Small"])
                #expect(after["Pending"]?.state == "pending")
                #expect(after["Pending"]?.labels == before["Pending"]?.labels)
                // A slot or two may have been missed, which do not count.
                let text = try await sextant.client.get("/api/v1/query?query=ALERTS").text
                #expect(text.contains(#""alertstate":"firing""#) && text.contains(#""templated":"v3""#))
            }
        }

        private struct Shown: Hashable {
            var state: String?
            var activeAt: String?
            var labels: JSON?
        }

        private static func alerts(of client: HTTPClient) async throws -> [String: Shown] {
            let answer = try JSON(parsing: await client.get("/api/v1/alerts").body)
            var alerts: [String: Shown] = [:]
            for alert in answer["data"]?["alerts"]?.elements ?? [] {
                guard let name = alert["labels"]?["alertname"]?.string else { continue }
                alerts[name] = Shown(
                    state: alert["state"]?.string,
                    activeAt: name == "Pending" ? nil : alert["activeAt"]?.string,
                    labels: alert["labels"]
                )
            }
            return alerts
        }

        @Test(
            "and rules are shown as Prometheus shows them",
            .enabled(if: Peers.areAvailable, "\(Peers.absence)")
        )
        func sameAnswers() async throws {
            let folder = try ScratchFolder("alerts")
            let file = try folder.write(Self.rules, to: "rules.yml")
            let prometheus = try await PrometheusServer(configuration: "rule_files: ['\(file)']\n")
            let paths = [
                "/api/v1/rules", "/api/v1/alerts", "/api/v1/rules?type=alert&exclude_alerts=true",
                "/api/v1/rules?group_limit=1", "/api/v1/rules?match[]=%7Bseverity=%22page%22%7D",
                "/api/v1/rules?type=x", "/api/v1/rules?group_limit=x", "/api/v1/rules?exclude_alerts=x",
                "/api/v1/rules?group_next_token=x", "/api/v1/rules?group_limit=1&group_next_token=x",
                "/api/v1/query?query=ALERTS", "/api/v1/query?query=ALERTS_FOR_STATE",
            ]
            try await withDaemon(["--rules", file], folder: folder) { sextant in
                for path in paths {
                    // Prometheus writes the series from the third evaluation on.
                    try await eventually("equal answers for \(path)", within: 30) {
                        let wanted = try Self.comparable(await prometheus.client.get(path).body)
                        let found = try Self.comparable(await sextant.client.get(path).body)
                        guard wanted == found else { throw NotYet("\(found) instead of \(wanted)") }
                    }
                }
            }
        }

        /// An answer without times, durations and tokens.
        private static func comparable(_ body: [UInt8]) throws -> JSON {
            strip(try JSON(parsing: body))
        }

        private static func strip(_ json: JSON) -> JSON {
            let times: Set<String> = [
                "evaluationTime", "lastEvaluation", "activeAt", "groupNextToken", "value",
            ]
            switch json {
            case .array(let elements): return .array(elements.map(strip))
            case .object(let members):
                return .object(
                    members.map { member in
                        let isHidden =
                            times.contains(member.name) && member.value.string?.contains("e+") != true
                        return JSON.Member(
                            name: member.name,
                            value: isHidden ? .string("hidden") : strip(member.value)
                        )
                    }
                )
            default: return json
            }
        }
    }
}
