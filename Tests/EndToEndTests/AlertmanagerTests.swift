import Foundation
import Testing

extension EndToEnd {
    @Suite(
        "Beside a real Alertmanager",
        .enabled(if: Unpacked.canRun, "no Alertmanager here: see scripts/peers.sh")
    )
    struct AlertmanagerTests {
        private static let rules = """
            groups:
            - name: hosts
              interval: 1s
              rules:
              - alert: Loaded
                expr: load > 5
                labels: {severity: page}
                annotations: {summary: '{{ $labels.host }} has {{ $value }}'}
              - alert: Calm
                expr: load < 1
                for: 1s

            """

        private static let route = """
            route: {receiver: page-only, group_by: [alertname], group_wait: 1s, group_interval: 1s}
            receivers: [{name: page-only}]

            """

        /// An alert as Alertmanager shows it.
        private struct Shown: Hashable {
            var labels: [String: String]
            var annotations: [String: String]
            var startsAt: String
            var generatorURL: String
        }

        /// A running Alertmanager.
        private final class Server: Sendable {
            let client: HTTPClient
            private let process: ChildProcess

            init(in folder: ScratchFolder, port: UInt16) async throws {
                client = HTTPClient(port: port)
                let file = try folder.write(AlertmanagerTests.route, to: "alertmanager.yml")
                let program = try Peers.program("prometheus-alertmanager")
                let arguments = [
                    "--config.file=\(file)", "--storage.path=\(folder.path)/alertmanager",
                    "--web.listen-address=127.0.0.1:\(port)", "--cluster.listen-address=",
                    "--web.route-prefix=/am", "--log.level=warn",
                ]
                let unpacked = URL(fileURLWithPath: program).deletingLastPathComponent()
                    .deletingLastPathComponent().appendingPathComponent("share/prometheus/alertmanager").path
                let isInstalled = FileManager.default.fileExists(atPath: Unpacked.templates)
                let detour = [
                    "unshare", "--map-root-user", "--mount", "bash", "-c", Unpacked.script, unpacked, program,
                ]
                process = try ChildProcess(
                    isInstalled ? program : "/usr/bin/env",
                    (isInstalled ? [] : detour) + arguments,
                    workingDirectory: folder.path,
                    logPath: "\(folder.path)/alertmanager.log"
                )
                try await eventually("a ready Alertmanager") {
                    guard try await client.get("/am/-/ready").status == 200 else {
                        throw NotYet(process.logTail)
                    }
                }
            }

            func kill() { process.kill() }

            /// The alerts that are active, in the groups that the route makes.
            func groups() async throws -> [String: Set<Shown>] {
                let body = try await client.get("/am/api/v2/alerts/groups").body
                let groups = try JSONSerialization.jsonObject(with: Data(body)) as? [[String: Any]] ?? []
                var found: [String: Set<Shown>] = [:]
                for group in groups {
                    let name = (group["labels"] as? [String: String])?["alertname"] ?? ""
                    for alert in group["alerts"] as? [[String: Any]] ?? [] {
                        found[name, default: []].insert(
                            Shown(
                                labels: alert["labels"] as? [String: String] ?? [:],
                                annotations: alert["annotations"] as? [String: String] ?? [:],
                                startsAt: alert["startsAt"] as? String ?? "",
                                generatorURL: alert["generatorURL"] as? String ?? ""
                            )
                        )
                    }
                }
                return found
            }
        }

        @Test(
            "alerts fire there in groups, resolve, and outlast an outage of either",
            .timeLimit(.minutes(10))
        )
        func lives() async throws {
            let folder = try ScratchFolder("alertmanager")
            let port = Ports.free()
            try folder.write(AlertmanagerTests.rules, to: "rules.yml")
            try folder.write(
                """
                global: {external_labels: {region: eu, replica: '1'}}
                rule_files: [rules.yml]
                alerting:
                  alert_relabel_configs: [{action: labeldrop, regex: replica}]
                  alertmanagers: [{path_prefix: /am, static_configs: [{targets: ['127.0.0.1:\(port)']}]}]

                """,
                to: "sextant.yaml"
            )
            var alertmanager = try await Server(in: folder, port: port)
            defer { alertmanager.kill() }
            let arguments = [
                "--config", "\(folder.path)/sextant.yaml", "--external-url", "http://kpi.example",
            ]
            try await withDaemon(arguments, folder: folder) { sextant in
                try await write(["a": 7, "b": 9, "c": 3], to: sextant.client)
                let firing = try await groups(of: alertmanager, ["Loaded": ["a", "b"]])
                let first = try #require(firing["Loaded"]?.first { $0.labels["host"] == "a" })
                #expect(
                    first.labels == [
                        "alertname": "Loaded", "host": "a", "job": "test", "severity": "page", "region": "eu",
                    ]
                )
                #expect(first.annotations == ["summary": "a has 7"])
                #expect(first.generatorURL == "http://kpi.example/graph?g0.expr=load+%3E+5&g0.tab=1")

                // A kill and a start: the same alerts with the same beginning.
                sextant.kill()
                try await sextant.start()
                try await write(["a": 7, "b": 0, "c": 3], to: sextant.client)
                let after = try await groups(of: alertmanager, ["Loaded": ["a"], "Calm": ["b"]])
                #expect(after["Loaded"] == [first])

                // While Alertmanager is away one alert ends and another begins.
                alertmanager.kill()
                try await write(["a": 2, "b": 0, "c": 8], to: sextant.client)
                try await eventually("a failed call") {
                    let text = try await sextant.client.get("/metrics").text
                    let name =
                        "sextant_notifications_errors_total{alertmanager=\"http://127.0.0.1:\(port)/am/api/v2/alerts\"} "
                    guard text.contains(name), !text.contains(name + "0\n") else {
                        throw NotYet("no failure")
                    }
                }
                alertmanager = try await Server(in: folder, port: port)
                try await groups(of: alertmanager, ["Loaded": ["c"], "Calm": ["b"]])
                let text = try await sextant.client.get("/api/v1/alertmanagers").text
                #expect(text.contains("http://127.0.0.1:\(port)/am/api/v2/alerts"))
            }
        }

        /// Writes the hosts' load.
        private func write(_ loads: [String: Double], to client: HTTPClient) async throws {
            var request = RemoteWrite()
            for (host, value) in loads {
                request.add(
                    ["__name__": "load", "host": host, "job": "test"],
                    [.init(millis: nowMillis(), value: value)]
                )
            }
            #expect(try await request.send(to: client).status == 204)
        }

        /// The groups of alerts once they are those of these hosts, by the alerts' names.
        @discardableResult
        private func groups(of server: Server, _ hosts: [String: Set<String>]) async throws -> [String: Set<
            Shown
        >] {
            try await eventually("the groups \(hosts)", within: 120) {
                let groups = try await server.groups()
                let shown = groups.mapValues { Set($0.map { $0.labels["host"] ?? "" }) }
                guard shown == hosts else { throw NotYet("\(shown)") }
                return groups
            }
        }
    }
}

/// How the unpacked Alertmanager is run.
private enum Unpacked {
    /// Where Debian's Alertmanager reads its templates from, without which it does not start.
    static let templates = "/usr/share/prometheus/alertmanager"
    /// Runs a program that sees the folder `$0` as the one above.
    static let script = """
        mount -t tmpfs none /usr/share && mkdir -p \(templates) && cp -- "$0"/*.tmpl \(templates) && exec "$@"
        """

    /// Whether there is one, and its templates are where it looks for them or can be put there.
    static let canRun: Bool = {
        guard Peers.has("prometheus-alertmanager") else { return false }
        if FileManager.default.fileExists(atPath: templates) { return true }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["unshare", "--map-root-user", "--mount", "true"]
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()
}
