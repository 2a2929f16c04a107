import Foundation
import Testing

extension EndToEnd {
    @Suite("deletes and backups")
    struct BackupTests {
        private static let admin = "/api/v1/admin/tsdb"

        private static func run(
            _ arguments: [String],
            _ folder: ScratchFolder,
            environment: [String] = []
        ) async throws -> (ending: ChildProcess.Ending, output: String) {
            try await Peers.run("/usr/bin/env", environment + [Repository.daemon] + arguments, in: folder)
        }

        private static func write(_ sextant: Daemon, _ name: String, from millis: Int64) async throws {
            var request = RemoteWrite()
            for series in 0..<20 {
                request.add(
                    ["__name__": name, "i": "\(series)"],
                    (0..<200).map { .init(millis: millis + Int64($0) * 1000, value: Double($0 + series)) }
                )
            }
            #expect(try await request.send(to: sextant.client).status == 204)
        }

        private static func count(_ sextant: Daemon, _ name: String) async throws -> Int {
            let found = try await sextant.client.query("sum(count_over_time(\(name)[2h]))")
            return found.isEmpty
                ? 0 : Int(try await sextant.client.value(of: "sum(count_over_time(\(name)[2h]))"))
        }

        @Test("what was deleted does not come back: not at once, after kills, nor with a later write")
        func deletes() async throws {
            let folder = try ScratchFolder("deletes")
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                let start = nowMillis() - 3_000_000
                for name in ["kept", "gone"] { try await BackupTests.write(sextant, name, from: start) }
                let url = ["--url", sextant.baseURL]
                let delete = ["delete", "--match", "gone"]
                let counted = try await BackupTests.run(delete + ["--dry-run"] + url, folder)
                #expect(counted.ending == .exited(0) && counted.output == "20 series, 4000 samples\n")
                #expect(try await BackupTests.run(delete + url, folder).ending == .exited(2))
                #expect(try await BackupTests.count(sextant, "gone") == 4000)
                let done = try await BackupTests.run(delete + ["--yes"] + url, folder)
                #expect(done.ending == .exited(0), "\(done.output)")
                #expect(try await BackupTests.count(sextant, "gone") == 0)
                for step in 0..<3 {
                    sextant.kill()
                    try await sextant.start()
                    #expect(try await BackupTests.count(sextant, "gone") == 0, "kill \(step)")
                    #expect(try await BackupTests.count(sextant, "kept") == 4000, "kill \(step)")
                }
                try await BackupTests.write(sextant, "gone", from: start)
                #expect(try await BackupTests.count(sextant, "gone") == 4000)
                #expect(
                    try await sextant.client.send("POST", "\(BackupTests.admin)/clean_tombstones").status
                        == 204
                )
                sextant.kill()
                try await sextant.start()
                #expect(try await BackupTests.count(sextant, "gone") == 4000)
                // The last trace of it goes by itself, and nothing else.
                try await eventually("the delete is worked off", within: 30, everyMillis: 200) {
                    let text = try await sextant.client.get("/metrics").text
                    guard text.contains("\nsextant_tombstones 0\n") else { throw NotYet("still in force") }
                }
                #expect(try await BackupTests.count(sextant, "kept") == 4000)
            }
        }

        @Test("without the option the routes are off, and wrong parameters are told as Prometheus tells them")
        func refusals() async throws {
            try await withDaemon([]) { sextant in
                for route in ["delete_series?match[]=a", "clean_tombstones", "snapshot"] {
                    let answer = try await sextant.client.send("POST", "\(BackupTests.admin)/\(route)")
                    #expect(answer.status == 500 && answer.text.contains("admin APIs disabled"))
                }
                #expect(try await sextant.client.get("\(BackupTests.admin)/snapshot").status == 405)
            }
            try await withDaemon(["--enable-admin-api"]) { sextant in
                for (route, text) in [
                    ("delete_series", "no match[] parameter provided"),
                    ("delete_series?match[]=a&start=x", "invalid parameter \\\"start\\\""),
                    ("delete_series?match[]=%7B%7D", "invalid parameter \\\"match[]\\\""),
                    ("delete_series?match[]=a&dry_run=maybe", "invalid parameter \\\"dry_run\\\""),
                    ("snapshot?skip_head=x", "invalid parameter \\\"skip_head\\\""),
                ] {
                    let answer = try await sextant.client.send("POST", "\(BackupTests.admin)/\(route)")
                    #expect(answer.status == 400 && answer.text.contains(text), "\(route): \(answer.text)")
                }
            }
        }

        @Test("a backup under load comes back whole up to its time, and the next one copies only what is new")
        func backups() async throws {
            let folder = try ScratchFolder("backup")
            let target = "\(folder.path)/target"
            let start = nowMillis() - 3_000_000
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                try await BackupTests.write(sextant, "before", from: start)
                let load = Task {
                    var round = 0
                    while !Task.isCancelled {
                        try await BackupTests.write(
                            sextant,
                            "meanwhile",
                            from: start + Int64(round % 10) * 200_000
                        )
                        round += 1
                    }
                }
                for _ in 0..<2 {
                    let made = try await BackupTests.run(
                        ["backup", target, "--url", sextant.baseURL],
                        folder
                    )
                    #expect(made.ending == .exited(0), "\(made.output)")
                }
                load.cancel()
                _ = await load.result
                // Nothing is left of the snapshots.
                let left = try FileManager.default.contentsOfDirectory(
                    atPath: "\(folder.path)/data/snapshots"
                )
                #expect(left.isEmpty)
                #expect(
                    try await sextant.client.send("POST", "\(BackupTests.admin)/flush").status / 100 == 2
                )
                _ = try await BackupTests.run(["backup", target, "--url", sextant.baseURL], folder)
                let again = try await BackupTests.run(["backup", target, "--url", sextant.baseURL], folder)
                #expect(again.output.contains("copied 0 files"), "\(again.output)")
                try await BackupTests.checkRestored(from: target, [], folder, like: sextant)
            }
        }

        /// Restores the newest backup and compares what a daemon on it answers with what `sextant` does.
        private static func checkRestored(
            from source: String,
            _ options: [String],
            _ folder: ScratchFolder,
            like sextant: Daemon,
            environment: [String] = []
        ) async throws {
            let other = try ScratchFolder("restored")
            let data = "\(other.path)/data"
            let restored = try await run(
                ["restore", source, data] + options,
                folder,
                environment: environment
            )
            #expect(restored.ending == .exited(0), "\(restored.output)")
            let second = try await run(["restore", source, data] + options, folder, environment: environment)
            #expect(second.ending == .exited(1))
            #expect(try await run(["verify", "--data", data], folder).ending == .exited(0))
            let time = nowMillis()
            try await withDaemon([], folder: other) { copy in
                for query in [
                    "sum(count_over_time({i=~\".+\"}[2h]))", "sum by (i) (sum_over_time(before[2h]))",
                ] {
                    let expected = try await sextant.client.query(query, atMillis: time)
                    let found = try await copy.client.query(query, atMillis: time)
                    #expect("\(found)" == "\(expected)", "\(query)")
                    #expect(!expected.isEmpty)
                }
            }
        }

        /// A local S3 server of PyPI's moto.
        private static let objectServer = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(
            separator: ":"
        )
        .map { "\($0)/moto_server" }.first { FileManager.default.isExecutableFile(atPath: $0) }

        @Test(
            "a backup in an object store comes back whole",
            .enabled(if: objectServer != nil, "no moto_server here: pip install 'moto[server]'")
        )
        func objectStore() async throws {
            let folder = try ScratchFolder("s3")
            let port = Ports.free()
            let server = try ChildProcess(
                try #require(BackupTests.objectServer),
                ["-H", "127.0.0.1", "-p", "\(port)"],
                workingDirectory: folder.path,
                logPath: "\(folder.path)/moto.log"
            )
            defer { server.kill() }
            let store = HTTPClient(port: port)
            try await eventually("the object store has a bucket", within: 60, everyMillis: 300) {
                guard try await store.send("PUT", "/backups").status == 200 else { throw NotYet("no bucket") }
            }
            let environment = ["AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=very-secret"]
            let options = ["--s3-endpoint", "http://127.0.0.1:\(port)"]
            let target = "s3://backups/some/where"
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                try await BackupTests.write(sextant, "before", from: nowMillis() - 3_000_000)
                let arguments = ["backup", target, "--url", sextant.baseURL, "--keep", "2"] + options
                for _ in 0..<3 {
                    let made = try await BackupTests.run(arguments, folder, environment: environment)
                    #expect(
                        made.ending == .exited(0) && !made.output.contains("very-secret"),
                        "\(made.output)"
                    )
                }
                let refused = try await BackupTests.run(
                    ["backup", "s3://none/x", "--url", sextant.baseURL] + options,
                    folder,
                    environment: environment
                )
                #expect(refused.ending == .exited(1) && refused.output.contains("NoSuchBucket"))
                try await BackupTests.checkRestored(
                    from: target,
                    options,
                    folder,
                    like: sextant,
                    environment: environment
                )
            }
        }
    }
}
