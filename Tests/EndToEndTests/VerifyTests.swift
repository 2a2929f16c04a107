import Foundation
import Testing

extension EndToEnd {
    @Suite("sextant verify")
    struct VerifyTests {
        @Test("leaves a running daemon alone, finds damage once, and makes a deleted catalog again")
        func verify() async throws {
            let folder = try ScratchFolder("verify")
            let data = "\(folder.path)/data"
            func verify(
                _ arguments: [String] = []
            ) async throws -> (ending: ChildProcess.Ending, output: String) {
                try await Peers.run(Repository.daemon, ["verify", "--data", data] + arguments, in: folder)
            }
            #expect(try await verify().ending == .exited(1))
            #expect(try await verify(["--none"]).ending == .exited(2))
            try await withDaemon(["--enable-admin-api"], folder: folder) { sextant in
                let now = nowMillis()
                var random = SeededGenerator(seed: 3)
                for series in 0..<60 {
                    var request = RemoteWrite()
                    request.add(
                        ["__name__": "verified", "series": "\(series)"],
                        (0..<400).map {
                            .init(
                                millis: now - 600_000 + Int64($0) * 1000,
                                value: Double.random(in: 0...1, using: &random)
                            )
                        }
                    )
                    #expect(try await request.send(to: sextant.client).status == 204)
                }
                #expect(try await sextant.client.send("POST", "/api/v1/admin/tsdb/flush").status / 100 == 2)
                let used = try await verify()
                #expect(used.ending == .exited(1))
                #expect(used.output == "sextant: data directory \(data) is in use by another process\n")
                let count = "sum(count_over_time(verified[1h]))"
                #expect(try await sextant.client.value(of: count) == 24_000)

                #expect(try await sextant.stop() == .exited(0))
                #expect(try await verify().ending == .exited(0))
                try FileManager.default.removeItem(atPath: "\(data)/catalog.sqlite")
                #expect(try await verify(["--rebuild-catalog"]).ending == .exited(0))
                try await sextant.start()
                #expect(try await sextant.client.value(of: count) == 24_000)

                #expect(try await sextant.stop() == .exited(0))
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(data)/segments") {
                    let url = URL(fileURLWithPath: "\(data)/segments/\(name)")
                    var bytes = try Data(contentsOf: url)
                    bytes[bytes.count / 3] ^= 1
                    try bytes.write(to: url)
                }
                let damaged = try await verify()
                #expect(damaged.ending == .exited(1))
                #expect(damaged.output.contains("the file was moved to quarantine"), "\(damaged.output)")
                #expect(try await verify().ending == .exited(0))
                try await sextant.start()
                let left = try await sextant.client.value(of: count)
                #expect(left < 24_000 && left > 0)
                let answer = try await sextant.client.get("/api/v1/query", [("query", count)])
                #expect(answer.text.contains("\"warnings\"") && answer.text.contains("quarantine"))
                let metrics = try await sextant.client.get("/metrics").text
                #expect(!metrics.contains("sextant_quarantine_files 0"))
            }
        }
    }
}
