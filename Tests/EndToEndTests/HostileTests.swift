import Foundation
import Testing

extension EndToEnd {
    @Suite("Hostile requests")
    struct HostileTests {
        /// How much the daemon's memory may grow over everything that is done to it, in KiB.
        private static let growthKiB = 256 << 10

        private static let settings = """
            sextant:
              limits:
                header_timeout: 2s
                gzip_ratio: 100
                body_rate_timeout: 2s
                idle_timeout: 20s
            """

        private static func withHostileDaemon(_ body: (Daemon) async throws -> Void) async throws {
            let folder = try ScratchFolder("hostile")
            try settings.write(toFile: "\(folder.path)/sextant.yml", atomically: true, encoding: .utf8)
            try await withDaemon(["--config", "\(folder.path)/sextant.yml"], folder: folder) { sextant in
                let before = try await residentKiB(sextant)
                try await body(sextant)
                try await expectService(sextant, "at the end")
                let grown = try await residentKiB(sextant) - before
                #expect(grown < growthKiB, "resident memory grew by \(grown) KiB")
            }
        }

        private static func residentKiB(_ sextant: Daemon) async throws -> Int {
            let page = try await sextant.client.get("/metrics").text
            let line = page.split(separator: "\n").first { $0.hasPrefix("process_resident_memory_bytes ") }
            let value = try #require(line.flatMap { Double($0.split(separator: " ")[1]) })
            return Int(value) / 1024
        }

        /// That the daemon answers a query as it should.
        private static func expectService(_ sextant: Daemon, _ moment: String) async throws {
            let value = try await sextant.client.value(of: "1 + 1")
            #expect(value == 2, "\(moment)")
        }

        @Test("each gets the right status and is told why; memory stays, others are served, nothing dies")
        func battery() async throws {
            let cases = HostileCase.all(now: nowMillis())
            #expect(cases.count >= 150)
            try await HostileTests.withHostileDaemon { sextant in
                for hostile in cases {
                    let (status, body, head) = try await HostileTests.answer(hostile, sextant)
                    #expect(
                        hostile.statuses.contains(status),
                        "\(hostile.description): \(status) \(body.prefix(300))"
                    )
                    #expect(
                        hostile.text.isEmpty || body.contains(hostile.text),
                        "\(hostile.description): \(status) \(body.prefix(300))"
                    )
                    #expect(
                        head.contains("x-content-type-options: nosniff"),
                        "\(hostile.description): \(head)"
                    )
                    try await HostileTests.expectService(sextant, hostile.description)
                }
            }
        }

        private static func answer(
            _ hostile: HostileCase,
            _ sextant: Daemon
        ) async throws -> (status: Int, body: String, head: String) {
            switch hostile.request {
            case .http(let method, let target, let fields, let body):
                let answer = try await sextant.client.send(method, target, headers: fields, body: body)
                let head = answer.headers.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
                return (answer.status, answer.text, head)
            case .raw(let bytes):
                let port = sextant.client.port
                let text = try await blocking {
                    let socket = try HostileSocket(port: port)
                    socket.send(bytes)
                    return socket.receive()
                }
                // One request may have one answer: a second one would be a smuggled request's.
                #expect(
                    HostileSocket.statuses(text).count == 1,
                    "\(hostile.description): \(text.prefix(600))"
                )
                let parts = text.components(separatedBy: "\r\n\r\n")
                return (
                    HostileSocket.statuses(text).first ?? 0, parts.dropFirst().joined(separator: "\n"),
                    parts[0].lowercased()
                )
            }
        }

        @Test("a body of 500 MB is refused early, announced or in chunks, and takes no memory")
        func hugeBody() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let port = sextant.client.port
                let head =
                    "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                    + "Content-Encoding: snappy\r\n"
                for field in ["Content-Length: 500000000", "Transfer-Encoding: chunked"] {
                    let isChunked = field.hasPrefix("T")
                    let (text, sent) = try await blocking {
                        let socket = try HostileSocket(port: port)
                        socket.send(head + field + "\r\n\r\n")
                        let piece = [UInt8](repeating: 0x61, count: 1 << 20)
                        let chunk = isChunked ? Array("100000\r\n".utf8) + piece + Array("\r\n".utf8) : piece
                        var sent = 0
                        while sent < 500, socket.send(chunk) { sent += 1 }
                        return (socket.receive(), sent)
                    }
                    // The answer may be lost when the connection ends under what is still being sent.
                    #expect(text.isEmpty || HostileSocket.statuses(text) == [413], "\(field): \(text)")
                    #expect(text.isEmpty || text.contains("body_bytes"))
                    #expect(sent < 500 || !text.isEmpty, "\(field): \(sent) MiB were taken")
                    try await HostileTests.expectService(sextant, field)
                }
            }
        }

        @Test("many junk bodies at once stay within the memory for all of them")
        func manyBodies() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let junk = [UInt8](repeating: 0xff, count: 15 << 20)
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<12 {
                        group.addTask {
                            try await sextant.client.send(
                                "POST",
                                "/api/v1/write",
                                headers: RemoteWrite.headers,
                                body: junk
                            ).status
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses.allSatisfy { [400, 503].contains($0) }, "\(statuses)")
            }
        }

        @Test("slow heads, slow bodies and idle connections are ended, and others are served meanwhile")
        func slowClients() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let port = sextant.client.port
                let heads = try (0..<100).map { _ in try HostileSocket(port: port) }
                let bodies = try (0..<50).map { _ in try HostileSocket(port: port) }
                let idle = try (0..<800).map { _ in try HostileSocket(port: port) }
                for socket in heads { socket.send("GET /-/ready HTTP/1.1\r\nHost: loc") }
                for socket in bodies {
                    socket.send(
                        "POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\n"
                            + "Content-Encoding: snappy\r\nContent-Length: 1000\r\n\r\nabc"
                    )
                }
                try await HostileTests.expectService(sextant, "with 950 connections")
                try await eventually("all slow connections are ended", within: 30) {
                    for socket in heads { socket.send("x") }
                    for socket in bodies { socket.send("x") }
                    try await HostileTests.expectService(sextant, "meanwhile")
                    let open = (heads + bodies + idle).count { !$0.isClosed }
                    if open > 0 { throw NotYet("\(open) are open") }
                }
            }
        }

        @Test("a slow head and a slow body are told which limit they exceed")
        func toldWhy() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let port = sextant.client.port
                let (head, body) = try await blocking {
                    let slowHead = try HostileSocket(port: port)
                    let slowBody = try HostileSocket(port: port)
                    slowHead.send("GET / HTTP/1.1\r\n")
                    slowBody.send("POST /api/v1/write HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n")
                    slowBody.send(
                        "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\r\nabc"
                    )
                    return (slowHead.receive(), slowBody.receive())
                }
                #expect(HostileSocket.statuses(head) == [408])
                #expect(head.contains("header_timeout"))
                #expect(HostileSocket.statuses(body) == [408])
                #expect(body.contains("body_rate_bytes"))
            }
        }

        @Test("a smuggled request behind a valid one is not answered")
        func pipelined() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let port = sextant.client.port
                let text = try await blocking {
                    let socket = try HostileSocket(port: port)
                    socket.send("GET /-/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    _ = socket.receive(until: "Ready")
                    socket.send(
                        "POST /-/healthy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n"
                            + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    )
                    return socket.receive()
                }
                #expect(HostileSocket.statuses(text) == [400])
                #expect(!text.contains("# HELP"))
            }
        }

        @Test("every limit is shown by the name that the configuration and the errors have")
        func shown() async throws {
            try await HostileTests.withHostileDaemon { sextant in
                let page = try await sextant.client.get("/metrics").text
                #expect(page.contains("\nsextant_limit{name=\"header_timeout\"} 2\n"))
                #expect(
                    page.contains("\nsextant_limit{name=\"body_bytes\"} 16777216\n")
                        || page.contains("1.6777216e+07")
                )
            }
        }
    }
}
