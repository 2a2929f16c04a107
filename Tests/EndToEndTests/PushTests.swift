import Foundation
import Testing

extension EndToEnd {
    @Suite("Pushing")
    struct PushTests {
        /// The official Python client in an environment of its own, or why there is none.
        private static func python(_ folder: ScratchFolder) async throws -> String? {
            var build = URL(fileURLWithPath: Repository.productFolder)
            while build.path != "/" && build.lastPathComponent != ".build" { build.deleteLastPathComponent() }
            let environment = build.appendingPathComponent("python-client").path
            let program = "\(environment)/bin/python"
            let script = """
                test -x '\(program)' && '\(program)' -c 'import prometheus_client' && exit 0
                python3 -m venv '\(environment)' && '\(program)' -m pip -q install prometheus_client==0.22.1
                """
            let (ending, output) = try await Peers.run("/bin/bash", ["-c", script], in: folder)
            guard ending == .exited(0) else {
                print("skipped: the official Python client cannot be installed here: \(output.suffix(300))")
                return nil
            }
            return program
        }

        @Test("the official Python client pushes, adds and deletes; queries, /metrics and a restart know it")
        func officialClient() async throws {
            let folder = try ScratchFolder("push")
            guard let python = try await PushTests.python(folder) else { return }
            let config = try folder.write("sextant: {push_interval: 1s}\n", to: "sextant.yml")
            try await withDaemon(["--config", config], folder: folder) { sextant in
                func run(_ code: String) async throws {
                    let head = """
                        from prometheus_client import *
                        from prometheus_client.exposition import *
                        gateway = '127.0.0.1:\(sextant.client.port)'
                        registry = CollectorRegistry()

                        """
                    let script = try folder.write(head + code, to: "push.py")
                    let (ending, output) = try await Peers.run(python, [script], in: folder)
                    #expect(ending == .exited(0), "\(output)")
                }
                try await run(
                    """
                    g = Gauge('job_last_success_unixtime', 'When it last ended', registry=registry)
                    g.set(1234.5)
                    h = Histogram('job_seconds', 'How long', buckets=(1, 2), registry=registry)
                    h.observe(1.5)
                    push_to_gateway(gateway, job='batchA', registry=registry)
                    push_to_gateway(gateway, job='keyed', registry=registry,
                                    grouping_key=instance_ip_grouping_key())
                    push_to_gateway(gateway, job='a/b', grouping_key={'path': '/var/tmp', 'none': ''},
                                    registry=registry)
                    """
                )
                let client = sextant.client
                let gauge = "job_last_success_unixtime{job=\"batchA\"}"
                #expect(try await client.value(of: gauge) == 1234.5)
                let keyed = "job_last_success_unixtime{instance=~\".+\"}"
                #expect(try await client.value(of: "count(\(keyed))") == 1)
                let slashes = "job_last_success_unixtime{job=\"a/b\",path=\"/var/tmp\"}"
                #expect(try await client.value(of: slashes) == 1234.5)
                let quantile = "histogram_quantile(0.5, job_seconds_bucket{job=\"batchA\"})"
                #expect(try await client.value(of: quantile) == 1.5)
                let page = try await client.get("/metrics").text
                #expect(page.contains("job_last_success_unixtime{instance=\"\",job=\"batchA\"} 1234.5\n"))
                #expect(page.contains("{instance=\"\",job=\"a/b\",none=\"\",path=\"/var/tmp\"} 1234.5\n"))
                #expect(page.contains("# HELP job_last_success_unixtime When it last ended\n"))

                try await run(
                    """
                    Gauge('other', 'Another', registry=registry).set(7)
                    pushadd_to_gateway(gateway, job='batchA', registry=registry)
                    """
                )
                #expect(try await client.value(of: gauge) == 1234.5)
                #expect(try await client.value(of: "other{job=\"batchA\"}") == 7)

                // What was pushed goes on over a hard end, by itself.
                sextant.kill()
                try await sextant.start()
                let restarted = try await client.value(of: "time()")
                try await eventually("values after the restart") {
                    let time = try await client.value(of: "timestamp(other{job=\"batchA\"})")
                    guard time > restarted else { throw NotYet("only from \(time)") }
                }
                #expect(
                    try await client.get("/metrics").text.contains("other{instance=\"\",job=\"batchA\"} 7\n")
                )

                try await run(
                    """
                    Gauge('other', 'Another', registry=registry).set(8)
                    push_to_gateway(gateway, job='batchA', registry=registry)
                    """
                )
                #expect(try await client.query(gauge).isEmpty)
                #expect(try await client.value(of: "other{job=\"batchA\"}") == 8)
                try await run("delete_from_gateway(gateway, job='batchA')")
                #expect(try await client.query("{job=\"batchA\"}").isEmpty)
                #expect(try await client.get("/metrics").text.contains("batchA") == false)
                #expect(try await client.value(of: "count(last_over_time(other[5m]))") == 1)
            }
        }

        @Test("sextant push replaces, adds, reads standard input and deletes; refusals have their status")
        func command() async throws {
            let folder = try ScratchFolder("push-command")
            try await withDaemon(folder: folder) { sextant in
                func push(_ arguments: [String], input: String? = nil) async throws
                    -> (ending: ChildProcess.Ending, output: String)
                {
                    let all = ["push", "--url", sextant.baseURL] + arguments
                    return try await Peers.run(Repository.daemon, all, input: input, in: folder)
                }
                let client = sextant.client
                #expect(
                    try await push(["--job", "nightly", "backup_bytes=123", "ok=1"]).ending == .exited(0)
                )
                #expect(try await client.value(of: "backup_bytes{job=\"nightly\"}") == 123)
                let group = ["--job", "nightly", "--group", "path=/a b", "--group", "empty="]
                #expect(try await push(group + ["--add", "disk{n=\"=1\"}=-2.5e3"]).ending == .exited(0))
                #expect(try await client.value(of: "disk{n=\"=1\",path=\"/a b\"}") == -2500)
                #expect(try await push(["--job", "piped", "-"], input: "x 1\ny 2\n").ending == .exited(0))
                #expect(try await client.value(of: "x + y") == 3)
                #expect(try await push(["--job", "nightly", "--delete"]).ending == .exited(0))
                #expect(try await client.query("backup_bytes").isEmpty)

                let refused = try await push(["--job", "piped", "-"], input: "x 1")
                #expect(refused.ending == .exited(1))
                let text = "sextant: text format parsing error in line 1: unexpected end of input stream\n"
                #expect(refused.output == text)
                for misuse in [
                    ["x=1"], ["--job", "j"], ["--job", "j", "x"], ["--job", "j", "x=y"],
                    ["--job", "", "x=1"],
                    ["--job", "j", "--add", "--delete"], ["--job", "j", "--delete", "x=1"],
                    ["--job", "j", "--group", "a-b=c", "x=1"],
                ] {
                    #expect(try await push(misuse).ending == .exited(2), "\(misuse)")
                }
                let help = try await Peers.run(Repository.daemon, ["push", "--help"], in: folder)
                #expect(help.output.contains("sextant push --job nightly backup_bytes=123 ok=1"))
                sextant.kill()
                #expect(try await push(["--job", "j", "x=1"]).ending == .exited(1))
            }
        }

        /// Method, path, body.
        private typealias Call = (String, String, String)

        private static let gauge = "# TYPE a gauge\n# HELP a help a\na{l=\"1\"} 1\nb 2\n"

        /// Requests that both must answer with the same status, and the same text except where it names what
        /// a Pushgateway found first.
        private static let calls: [Call] = [
            ("PUT", "/metrics/job/j", gauge), ("POST", "/metrics/job/j", "c 3\n"),
            ("POST", "/metrics/job/j", ""), ("PUT", "/metrics/job/j2", ""),
            ("DELETE", "/metrics/job/nope", ""), ("POST", "/metrics/job/j/a", "z 1\n"),
            ("POST", "/metrics/job/j/le", "z 1\n"), ("POST", "/metrics/job/j/", "z 1\n"),
            ("POST", "/metrics/job/j/a/", "z 1\n"), ("POST", "/metrics/job/j/a/b/", "z 1\n"),
            ("POST", "/metrics/job/j/bad-name/x", "z 1\n"), ("POST", "/metrics/job/j/__name__/x", "z 1\n"),
            ("POST", "/metrics/job/j/job/k", "z 1\n"), ("POST", "/metrics/job/j/x/1/x/2", "z 1\n"),
            ("POST", "/metrics/job", "z 1\n"), ("POST", "/metrics/", "z 1\n"),
            ("POST", "/metrics/job@base64/=", "z 1\n"), ("POST", "/metrics/job@base64/am9i", "z 1\n"),
            ("POST", "/metrics/job@base64/am9iYQ==", "z 1\n"),
            ("POST", "/metrics/job@base64/am9iYQ=", "z 1\n"),
            ("POST", "/metrics/job/j/path@base64/L3Zhci90bXA", "z 1\n"),
            ("POST", "/metrics/job/j/path@base64/=", "z 1\n"),
            ("POST", "/metrics/job/j/path@base64/!!!", "z 1\n"),
            ("POST", "/metrics/job/j/path@base65/gICA", "z 1\n"),
            ("POST", "/metrics/job/sl%2Fash", "z 1\n"), ("POST", "/metrics/job/pl+us%20x", "z 1\n"),
            ("POST", "/metrics/job/ts", "z 1 1000\n"), ("POST", "/metrics/job/nl", "z 1"),
            ("POST", "/metrics/job/nv", "z\n"), ("POST", "/metrics/job/bad", "z 1\nb{x=y} 1\n"),
            ("POST", "/metrics/job/bad", "z{x=\"1\",x=\"2\"} 1\n"),
            ("POST", "/metrics/job/bad", "y 1\ny 2\n"),
            ("POST", "/metrics/job/bad", "# TYPE y gauge\n# TYPE y gauge\ny 1\n"),
            ("POST", "/metrics/job/bad", "y 1\n# TYPE y gauge\n"),
            ("POST", "/metrics/job/bad", "# TYPE q foo\nq 1\n"), ("POST", "/metrics/job/bad", "1a 1\n"),
            ("POST", "/metrics/job/bad", "{\"my.metric\"} 1\n"),
            ("POST", "/metrics/job/bad", "y 1 2 3\n"), ("POST", "/metrics/job/bad", "y 1 x\n"),
            ("POST", "/metrics/job/bad", "# EOF\n"), ("POST", "/metrics/job/bad", "y{x=\"a\nb\"} 1\n"),
            ("POST", "/metrics/job/bad", "y{x=\"\\q\"} 1\n"),
            ("POST", "/metrics/job/bad", "y 1\nw 1\ny{z=\"1\"} 1\n"),
            ("POST", "/metrics/job/clash", "# TYPE a counter\na 1\n"),
            ("POST", "/metrics/job/own", "push_time_seconds 1\n"),
            ("POST", "/metrics/job/own", "process_start_time_seconds 1\n"),
            (
                "POST", "/metrics/job/own",
                "# TYPE process_max_fds gauge\nprocess_max_fds 1\n"
            ),
            ("POST", "/metrics/job/h", "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"),
            ("POST", "/metrics/job/s", "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 3\ns_count 2\n"),
            ("GET", "/metrics/job/j", ""), ("PATCH", "/metrics/job/j", ""), ("OPTIONS", "/metrics/job/j", ""),
            ("POST", "/metrics", "z 1\n"), ("DELETE", "/metrics/job/j/a", ""),
            ("DELETE", "/metrics/job/sl", ""), ("POST", "/api/v1/metrics", ""),
            ("GET", "/api/v1/admin/wipe", ""), ("PUT", "/api/v1/admin/wipe", ""),
        ]

        @Test("a real Pushgateway answers a table of requests the same way, and shows the same groups")
        func sameAsGateway() async throws {
            let folder = try ScratchFolder("push-gateway")
            guard let program = try? Peers.program("prometheus-pushgateway"),
                FileManager.default.isExecutableFile(atPath: program)
            else {
                print("skipped: no Pushgateway here: scripts/peers.sh could not unpack it")
                return
            }
            let gateway = HTTPClient(port: Ports.free())
            let process = try ChildProcess(
                program,
                ["--web.listen-address=127.0.0.1:\(gateway.port)", "--web.enable-admin-api"],
                workingDirectory: folder.path,
                logPath: "\(folder.path)/gateway.log"
            )
            defer { process.kill() }
            try await eventually("a ready Pushgateway") {
                guard try await gateway.get("/-/ready").status == 200 else { throw NotYet(process.log) }
            }
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                for (method, path, text) in PushTests.calls {
                    let body = text.isEmpty && method != "POST" ? nil : Array(text.utf8)
                    let theirs = try await gateway.send(method, path, body: body)
                    let ours = try await sextant.client.send(method, path, body: body)
                    #expect(ours.status == theirs.status, "\(method) \(path) \(text): \(ours.text)")
                    let isFoundFirst = theirs.text.contains("is not a ") || path == "/api/v1/metrics"
                    if theirs.status == 400, !isFoundFirst {
                        #expect(ours.text == theirs.text, "\(method) \(path) \(text)")
                    }
                    if ours.status == 405, path.hasPrefix("/metrics/job/") {
                        #expect(ours.headers["allow"] == theirs.headers["allow"])
                    }
                    #expect(
                        try await PushTests.groups(sextant.client) == PushTests.groups(gateway),
                        "after \(method) \(path) \(text)"
                    )
                }
            }
        }

        /// The samples that a page shows of pushed groups, without the values of times.
        private static func groups(_ client: HTTPClient) async throws -> Set<String> {
            let lines = try await client.get("/metrics").text.split(separator: "\n").filter {
                $0.contains("instance=") && $0.contains("job=")
            }
            return Set(
                lines.map { line in
                    guard line.hasPrefix("push_") else { return String(line) }
                    return line.hasSuffix(" 0") ? String(line) : String(line.prefix { $0 != " " })
                }
            )
        }
    }
}
