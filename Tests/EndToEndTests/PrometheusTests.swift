import Testing

extension EndToEnd {
    @Suite("Beside a real Prometheus", .enabled(if: Peers.areAvailable, "\(Peers.absence)"))
    struct PrometheusTests {
        /// Queries that both must answer alike: those of the project's promise, then one of each kind.
        ///
        /// None adds up fractions over series: the order of series, and so the last bit of such a sum, is not
        /// defined.
        private static let expressions = [
            "up",
            "rate(prometheus_http_requests_total[1m])",
            "sum by (job) (scrape_samples_scraped)",
            "increase(prometheus_http_requests_total[20s])",
            "histogram_quantile(0.9, rate(prometheus_http_request_duration_seconds_bucket[30s]))",
            "topk(3, node_cpu_seconds_total)",
            "node_memory_MemTotal_bytes - ignoring(mode) node_memory_MemFree_bytes",
            "count by (job) ({job=~\"node|prometheus\", __name__!~\"kpi:.*\"})",
            "max_over_time(go_goroutines[15s]) > bool 10",
            "avg without (instance) (up)",
            "label_replace(up, \"host\", \"$1\", \"instance\", \"(.*):.*\")",
            "irate(node_cpu_seconds_total{mode=~\"user|system\"}[10s]) * 100",
            "count_over_time(scrape_samples_scraped[20s]) and on (job) up offset 5s",
            "absent(nothing_of_that_name) or up",
        ]

        private static let rules = """
            groups:
              - name: beside-prometheus
                interval: 1s
                rules:
                  - record: kpi:answer
                    expr: vector(42)
                    labels: {unit: none}
                  - record: kpi:targets_up
                    expr: sum by (job) (up)

            """

        @Test("what Prometheus scrapes and remote-writes reads the same from both, KPIs arrive in Prometheus")
        func sameAnswers() async throws {
            let folder = try ScratchFolder("beside-prometheus")
            try folder.write(PrometheusTests.rules, to: "rules/kpi.yaml")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                let node = try await NodeExporter(in: folder)
                defer { node.kill() }
                let port = Ports.free()
                let prometheus = try await PrometheusServer(
                    configuration: configuration(prometheus: port, node: node, sextant: sextant),
                    port: port
                )
                defer { prometheus.kill() }

                try await kpisArrive(in: prometheus, of: sextant)
                try await eventually("40 scrapes of each target in Sextant", within: 180) {
                    let scrapes = try await sextant.client.query("count_over_time(up[10m])")
                    let counts = scrapes.compactMap { $0.points.first?.value }
                    guard counts.count == 3, counts.allSatisfy({ $0 >= 40 }) else {
                        throw NotYet("\(scrapes)")
                    }
                }
                let end = (nowMillis() - 10_000) / 1000 * 1000
                try await eventually("the samples up to \(end)", within: 60) {
                    let newest = try await sextant.client.value(of: "min(timestamp(up))")
                    guard newest * 1000 > Double(end) else { throw NotYet("newest \(newest)") }
                }
                for expression in PrometheusTests.expressions {
                    do {
                        try await compare(expression, endMillis: end, prometheus, sextant, folder)
                    } catch {
                        Issue.record(error)
                    }
                }
                try await noEcho(in: sextant)
            }
        }

        @Test("promtool finds nothing to say about the daemon's own metrics")
        func checkMetrics() async throws {
            let folder = try ScratchFolder("check-metrics")
            try folder.write(PrometheusTests.rules, to: "rules/kpi.yaml")
            try await withDaemon(["--rules", "\(folder.path)/rules"], folder: folder) { sextant in
                // A write and a query first, so that their counters are there with all their labels.
                var request = RemoteWrite()
                request.add(["__name__": "some_total"], [RemoteWrite.Sample(millis: nowMillis(), value: 1)])
                #expect(try await request.send(to: sextant.client).status == 204)
                _ = try await sextant.client.query("some_total")
                let page = try await sextant.client.get("/metrics")
                #expect(page.status == 200)
                #expect(page.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
                let own = page.text.split(separator: "\n", omittingEmptySubsequences: false).filter { line in
                    !line.hasPrefix("kpi:") && !line.hasPrefix("# HELP kpi:")
                        && !line.hasPrefix("# TYPE kpi:")
                }
                #expect(own.contains { !$0.isEmpty && !$0.hasPrefix("#") })
                let check = try await Peers.promtool(
                    ["check", "metrics"],
                    input: own.joined(separator: "\n"),
                    in: folder
                )
                #expect(check.output == "")
                #expect(check.ending == .exited(0))
            }
        }

        private func configuration(prometheus port: UInt16, node: NodeExporter, sextant: Daemon) -> String {
            """
            global:
              scrape_interval: 1s
              scrape_timeout: 1s
            scrape_configs:
              - job_name: prometheus
                static_configs: [{targets: ["127.0.0.1:\(port)"]}]
              - job_name: node
                static_configs: [{targets: ["127.0.0.1:\(node.client.port)"]}]
              - job_name: sextant
                static_configs: [{targets: ["127.0.0.1:\(sextant.client.port)"]}]
            remote_write:
              - url: \(sextant.baseURL)/api/v1/write
                queue_config: {batch_send_deadline: 500ms}

            """
        }

        private func kpisArrive(in prometheus: PrometheusServer, of sextant: Daemon) async throws {
            try await eventually("up == 1 for Sextant, and its KPIs, in Prometheus", within: 120) {
                let up = try await prometheus.client.value(of: #"up{job="sextant"}"#)
                guard up == 1 else { throw NotYet("up is \(up)") }
                let answer = try await prometheus.client.value(of: #"kpi:answer{job="sextant", unit="none"}"#)
                guard answer == 42 else { throw NotYet("kpi:answer is \(answer)") }
                let targets = try await prometheus.client.query(#"kpi:targets_up{job="sextant"}"#)
                let jobs = Set(targets.compactMap { $0.labels["exported_job"] })
                guard jobs == ["prometheus", "node", "sextant"] else {
                    throw NotYet("kpi:targets_up of \(jobs)")
                }
            }
        }

        /// KPIs come back to Sextant through the remote write of the Prometheus that scraped them; they must
        /// not be exposed again, or every scrape would make new series of them.
        private func noEcho(in sextant: Daemon) async throws {
            let page = try await sextant.client.get("/metrics").text
            let shown = page.split(separator: "\n").filter { $0.hasPrefix("kpi:") }
            #expect(shown.filter { $0.hasPrefix("kpi:answer") } == [#"kpi:answer{unit="none"} 42"#])
            #expect(shown.count == 4, "\(shown)")
        }

        /// Lets promtool ask both servers and compares what it prints; a sample may be underway for a moment.
        private func compare(
            _ expression: String,
            endMillis: Int64,
            _ prometheus: PrometheusServer,
            _ sextant: Daemon,
            _ folder: ScratchFolder
        ) async throws {
            let instants = [endMillis, endMillis - 7250]
            let ranges = [(endMillis - 30_000, Int64(1)), (endMillis - 33_500, 7)]
            var commands = instants.map { time in
                (["instant", "--time=\(HTTPClient.seconds(time))"], true)
            }
            for (start, step) in ranges {
                let times = [
                    "--start=\(HTTPClient.seconds(start))", "--end=\(HTTPClient.seconds(endMillis))",
                ]
                commands.append((["range"] + times + ["--step=\(step)s"], false))
            }
            for (command, isUnordered) in commands {
                let what = "equal answers to \(expression), \(command)"
                try await eventually(what, within: 15, everyMillis: 500) {
                    var outputs: [String] = []
                    for address in ["http://127.0.0.1:\(prometheus.client.port)", sextant.baseURL] {
                        let arguments = ["query"] + command + [address, expression]
                        let run = try await Peers.promtool(arguments, in: folder)
                        guard run.ending == .exited(0) else { throw NotYet(run.output) }
                        let lines = run.output.split(separator: "\n").map(String.init)
                        outputs.append((isUnordered ? lines.sorted() : lines).joined(separator: "\n"))
                    }
                    guard outputs[0] == outputs[1] else {
                        throw Difference(theirs: outputs[0], ours: outputs[1])
                    }
                    guard !outputs[0].isEmpty else { throw NotYet("both answers are empty") }
                }
            }
        }
    }
}

/// Two answers that should be one.
private struct Difference: Error, CustomStringConvertible {
    let theirs: String
    let ours: String

    var description: String {
        let theirLines = Set(theirs.split(separator: "\n"))
        let ourLines = Set(ours.split(separator: "\n"))
        let missing = theirLines.subtracting(ourLines).sorted().prefix(5).joined(separator: "\n")
        let extra = ourLines.subtracting(theirLines).sorted().prefix(5).joined(separator: "\n")
        return "only Prometheus says:\n\(missing)\nonly Sextant says:\n\(extra)"
    }
}
