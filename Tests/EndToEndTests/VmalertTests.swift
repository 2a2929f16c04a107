import Testing

extension EndToEnd {
    @Suite("vmalert", .enabled(if: Peers.has("vmalert"), "no vmalert here"))
    struct VmalertTests {
        private static let rules = """
            groups:
            - name: g
              interval: 1s
              rules:
              - record: "vm:two"
                expr: vector(2)
              - alert: Waiting
                expr: vector(3) > 0
                for: 1h
                labels: {team: a}

            """

        @Test("evaluates over Sextant, records into it, and finds its alerts' state again")
        func restart() async throws {
            let folder = try ScratchFolder("vmalert")
            let file = try folder.write(Self.rules, to: "rules.yml")
            try await withDaemon(folder: folder) { sextant in
                let first = try Vmalert(rules: file, sextant: sextant, folder: folder)
                let since = try await eventually("the alert in vmalert") { try await first.activeAt() }
                try await eventually("what vmalert records") {
                    let two = try await sextant.client.get("/api/v1/query?query=vm:two").text
                    let state = try await sextant.client.get(
                        "/api/v1/query?query=ALERTS_FOR_STATE%7Bteam=%22a%22%7D"
                    ).text
                    guard two.contains(#""2""#), state.contains("Waiting") else { throw NotYet(two + state) }
                }
                first.kill()
                let second = try Vmalert(rules: file, sextant: sextant, folder: folder)
                defer { second.kill() }
                try await eventually("the same time after the restart", within: 30) {
                    let again = try await second.activeAt()
                    guard again.prefix(19) == since.prefix(19) else {
                        throw NotYet("\(again) instead of \(since)\n\(second.log.suffix(1000))")
                    }
                }
            }
        }
    }
}

/// A running vmalert that asks and writes a Sextant, and tells nobody.
private final class Vmalert: Sendable {
    let client: HTTPClient
    private let process: ChildProcess

    init(rules: String, sextant: Daemon, folder: ScratchFolder) throws {
        let port = Ports.free()
        client = HTTPClient(port: port)
        process = try ChildProcess(
            Peers.program("vmalert"),
            [
                "-rule=\(rules)", "-datasource.url=\(sextant.baseURL)", "-remoteWrite.url=\(sextant.baseURL)",
                "-remoteRead.url=\(sextant.baseURL)", "-notifier.blackhole", "-evaluationInterval=1s",
                "-remoteWrite.flushInterval=200ms", "-httpListenAddr=127.0.0.1:\(port)",
            ],
            workingDirectory: folder.path,
            logPath: "\(folder.path)/vmalert-\(port).log"
        )
    }

    var log: String { process.log }

    /// Since when its alert is active.
    func activeAt() async throws -> String {
        let answer = try JSON(parsing: await client.get("/api/v1/alerts").body)
        guard let time = answer["data"]?["alerts"]?.elements.first?["activeAt"]?.string else {
            throw NotYet("\(answer)\n\(log.suffix(1000))")
        }
        return time
    }

    func kill() { process.kill() }
}
