import Testing

extension EndToEnd {
    @Suite("Alerts on their way", .enabled(if: Peers.areAvailable, "\(Peers.absence)"))
    struct AlertPayloadTests {
        private static let rules = """
            groups:
            - name: hosts
              interval: 1s
              labels: {team: infra}
              rules:
              - alert: Loaded
                expr: load{job=~"te.+"} > 5 and load < 100
                labels: {severity: page, replica: '3', empty: '{{ $labels.nope }}'}
                annotations:
                  summary: '{{ $labels.host }} has "{{ $value | humanize }}" <&> {{ query "count(load)" | first | value }}'
                  runbook: https://runbooks.example/é?a=b&c=d
                  nothing: ''
              - alert: Plain
                expr: load > bool 3
              - alert: Held
                expr: load{host="b"} > 8
                for: 1s
                keep_firing_for: 2s

            """

        private static func configuration(_ capture: AlertCapture) -> String {
            """
            global: {external_labels: {region: eu, replica: '1', job: mine}}
            rule_files: [rules.yml]
            alerting:
              alert_relabel_configs:
              - {action: labeldrop, regex: replica}
              - {source_labels: [host], regex: '(.)', target_label: host_name, replacement: 'host-$1'}
              alertmanagers:
              - path_prefix: /am
                basic_auth: {username: u, password: p}
                static_configs: [{targets: ['127.0.0.1:\(capture.port)']}]

            """
        }

        @Test("have the paths, header fields, fields and values that Prometheus sends")
        func samePayloads() async throws {
            let (theirs, ours) = (try AlertCapture(), try AlertCapture())
            defer {
                theirs.close()
                ours.close()
            }
            let folder = try ScratchFolder("payloads")
            let rules = try folder.write(Self.rules, to: "rules.yml")
            try folder.write(Self.configuration(ours), to: "sextant.yaml")
            let prometheus = try await PrometheusServer(
                configuration: Self.configuration(theirs).replacing("rules.yml", with: "'\(rules)'"),
                flags: [
                    "--web.enable-remote-write-receiver", "--web.external-url=http://kpi.example/x/",
                    "--web.route-prefix=/",
                ]
            )
            defer { prometheus.kill() }
            let arguments = [
                "--config", "\(folder.path)/sextant.yaml", "--external-url", "http://kpi.example/x/",
            ]
            try await withDaemon(arguments, folder: folder) { sextant in
                func write(_ loads: [String: Double]) async throws {
                    var request = RemoteWrite()
                    for (host, value) in loads {
                        let sample = RemoteWrite.Sample(millis: nowMillis(), value: value)
                        request.add(["__name__": "load", "host": host, "job": "test"], [sample])
                    }
                    for client in [prometheus.client, sextant.client] {
                        let answer = try await request.send(to: client)
                        #expect(answer.status == 204, "\(answer.text)")
                    }
                }
                // Prometheus learns of Alertmanagers some seconds after its start, and until then tells none.
                try await eventually("both know their Alertmanager", within: 60) {
                    for client in [prometheus.client, sextant.client] {
                        let data = try JSON(parsing: await client.get("/api/v1/alertmanagers").body)["data"]
                        guard data?["activeAlertmanagers"]?.elements.count == 1 else {
                            throw NotYet("\(String(describing: data))")
                        }
                    }
                }
                try await write(["a": 7, "b": 9.5, "c": 3])
                try await same(theirs, ours, "firing", count: 6)
                try await write(["a": 2, "b": 1, "c": 1e9])
                try await same(theirs, ours, "resolved", count: 9)
                let calls = (try theirs.calls().first, try ours.calls().first)
                #expect(calls.0?.target == calls.1?.target)
                for name in ["content-type", "authorization"] {
                    #expect(calls.0?.headers[name] == calls.1?.headers[name], "\(name)")
                }
            }
        }

        /// Waits until both were sent the same alerts, so many of them.
        private func same(
            _ theirs: AlertCapture,
            _ ours: AlertCapture,
            _ what: String,
            count: Int
        ) async throws {
            try await eventually("the same alerts, \(what)", within: 60) {
                let wanted = Set(try theirs.calls().flatMap(\.alerts).map(timeless))
                let found = Set(try ours.calls().flatMap(\.alerts).map(timeless))
                guard wanted == found else {
                    throw NotYet("\(found.subtracting(wanted)) instead of \(wanted.subtracting(found))")
                }
                guard wanted.count == count else { throw NotYet("\(wanted.count) alerts: \(wanted)") }
            }
        }

        /// An alert as it was written, with its times replaced by how they are written and what is between
        /// them.
        private func timeless(_ alert: JSON) throws -> JSON {
            let millis = try ["startsAt", "endsAt"].map { name in
                try #require(alert[name]?.string.flatMap(Self.millis))
            }
            let gap = (millis[1] - millis[0] + 86_400_000) % 86_400_000
            // What ends in four minutes fires; what is over ended some slots after its beginning.
            let text = gap == 240_000 ? "fires" : "is over or fires on"
            return .object(
                alert.members.map { member in
                    guard member.name == "startsAt" || member.name == "endsAt" else { return member }
                    let shape = (member.value.string ?? "").map { $0.isNumber ? "0" : String($0) }.joined()
                    return JSON.Member(name: member.name, value: .string("\(shape) \(text)"))
                }
            )
        }

        /// The milliseconds of a day of a time like 2026-11-21T06:07:34.891Z.
        private static func millis(_ text: String) -> Int64? {
            let parts = text.dropFirst(11).dropLast().split { $0 == ":" || $0 == "." }.map { Int64($0) }
            guard parts.count == 4, let hours = parts[0], let minutes = parts[1], let seconds = parts[2],
                let millis = parts[3]
            else { return nil }
            return ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
        }
    }
}
