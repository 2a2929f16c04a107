import Intake
import Model
import Testing

@testable import APIServer

@Suite struct WriteTests {
    private static let up = Labels(["__name__": "up", "job": "a"])
    private static let headers = ["Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"]

    private static func body(_ names: String...) -> [UInt8] {
        WriteBody.make(
            names.map { (labels: [("__name__", $0), ("job", "a")], samples: [(1.5, 1000), (2, 2000)]) }
        )
    }

    @Test("a remote write is stored and answered with 204")
    func storesWrite() async throws {
        try await TestServer.run { server in
            let reply = try await server.client.send(
                "POST",
                "/api/v1/write",
                headers: Self.headers,
                body: Self.body("up")
            )
            #expect(reply.statusCode == 204)
            #expect(reply.body.isEmpty)
            #expect(server.store.column(Self.up).timestamps == [1000, 2000])
            #expect(server.store.column(Self.up).values == [1.5, 2])
            let metrics = try await server.client.get("/metrics").text
            #expect(metrics.contains("sextant_samples_appended_total{source=\"remote_write\"} 2\n"))
        }
    }

    @Test("a large write is stored like a small one")
    func storesLargeWrite() async throws {
        try await TestServer.run { server in
            let samples = (0..<30_000).map { (Double($0), Int64($0)) }
            let body = WriteBody.make([(labels: [("__name__", "up"), ("job", "a")], samples: samples)])
            #expect(body.count > 256 << 10)
            let reply = try await server.client.send(
                "POST",
                "/api/v1/write",
                headers: Self.headers,
                body: body
            )
            #expect(reply.statusCode == 204)
            #expect(server.store.column(Self.up).timestamps.count == 30_000)
        }
    }

    @Test("what is refused is named, and the valid rest is stored")
    func storesRest() async throws {
        try await TestServer.run(MemoryStore(.init(refusedMetric: "bad"))) { server in
            let body = WriteBody.make([
                (labels: [("__name__", "bad")], samples: [(1, 1)]),
                (labels: [("__name__", "up"), ("job", "a")], samples: [(3, 3)]),
                (labels: [("job", "nameless")], samples: [(1, 1)]),
            ])
            let reply = try await server.client.send(
                "POST",
                "/api/v1/write",
                headers: Self.headers,
                body: body
            )
            #expect(reply.statusCode == 400)
            #expect(reply["Content-Type"] == "text/plain; charset=utf-8")
            #expect(reply.text.contains("bad: refused by the test"))
            #expect(reply.text.contains("nameless"))
            #expect(server.store.column(Self.up).values == [3])
            let metrics = try await server.client.get("/metrics").text
            #expect(metrics.contains("sextant_samples_rejected_total{source=\"remote_write\"} 2\n"))
        }
    }

    @Test("a write of too many series is answered with 429, unless something else is wrong with it too")
    func refusesTooManySeries() async throws {
        try await TestServer.run(MemoryStore(.init(limitedMetric: "new"))) { server in
            for (text, statusCode) in [("new 1 1\nup{job=\"a\"} 1 1", 429), ("new 1 1\nup{ 2", 400)] {
                let reply = try await server.client.send(
                    "POST",
                    "/api/v1/import/prometheus",
                    body: Array(text.utf8)
                )
                #expect(reply.statusCode == statusCode)
                #expect(reply["Retry-After"] == (statusCode == 429 ? "30" : nil))
                #expect(reply.text.contains("too many series"))
            }
            let body = WriteBody.make([(labels: [("__name__", "new")], samples: [(1, 1)])])
            let reply = try await server.client.send(
                "POST",
                "/api/v1/write",
                headers: Self.headers,
                body: body
            )
            #expect(reply.statusCode == 429)
            #expect(server.store.column(Self.up).values == [1])
        }
    }

    @Test("bodies that cannot be read, and types that are not taken")
    func refusesBodies() async throws {
        let cases: [([String: String], [UInt8], Int, String)] = [
            (Self.headers, [0x78], 400, "snappy: corrupt input\n"),
            (Self.headers, WriteBody.snappy([0x0a, 0x05, 0x01]), 400, "unexpected EOF\n"),
            (["Content-Type": "text/plain"], Self.body("up"), 415, "application/x-protobuf"),
            (["Content-Type": "application/x-protobuf", "Content-Encoding": "zstd"], [], 415, "snappy"),
            (
                ["Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"], [], 415,
                "remote write 2.0"
            ),
        ]
        try await TestServer.run { server in
            for (headers, body, statusCode, text) in cases {
                let reply = try await server.client.send(
                    "POST",
                    "/api/v1/write",
                    headers: headers,
                    body: body
                )
                #expect(reply.statusCode == statusCode)
                #expect(reply.text.contains(text))
            }
            #expect(server.store.batchSampleCounts.isEmpty)
        }
    }

    @Test("a body beyond the limit is refused before it is read, announced or not")
    func refusesLargeBody() async throws {
        try await TestServer.run { server in
            let head = "POST /api/v1/write HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-protobuf\r\n"
            let announced = try await server.client.send(
                raw: Array((head + "Content-Length: 500000000\r\n\r\nxx").utf8)
            )
            #expect(announced.statusCode == 413)
            #expect(announced["Connection"] == "close")
            #expect(announced.text.contains("body_bytes of \(Limits.default.bodyBytes)"))

            var chunked = Array((head + "Transfer-Encoding: chunked\r\n\r\n").utf8)
            let piece =
                Array("100000\r\n".utf8) + [UInt8](repeating: 0x78, count: 1 << 20) + Array("\r\n".utf8)
            for _ in 0..<17 { chunked += piece }
            let streamed = try await server.client.send(raw: chunked)
            #expect(streamed.statusCode == 413)
        }
    }

    @Test("a store that cannot write says so, and when to try again")
    func answersUnavailable() async throws {
        let cases: [(SinkError, Int)] = [
            (.unavailable("disk full"), 503), (.limitExceeded("too many series"), 429),
        ]
        for (error, statusCode) in cases {
            try await TestServer.run(MemoryStore(.init(appendError: error))) { server in
                let write = try await server.client.send(
                    "POST",
                    "/api/v1/write",
                    headers: Self.headers,
                    body: Self.body("up")
                )
                let text = try await server.client.send(
                    "POST",
                    "/api/v1/import/prometheus",
                    body: Array("up 1 1\n".utf8)
                )
                for reply in [write, text] {
                    #expect(reply.statusCode == statusCode)
                    #expect(reply["Retry-After"] != nil)
                    #expect(reply.text == "\(error)\n")
                }
            }
        }
    }

    @Test("text exposition is stored with its own times, or the time of the import")
    func importsText() async throws {
        try await TestServer.run { server in
            let text = "# TYPE up gauge\nup{job=\"a\"} 1 1000\nup{job=\"a\"} 2 -5\nup{job=\"a\"} 3\n"
            let reply = try await server.client.send(
                "POST",
                "/api/v1/import/prometheus",
                body: Array(text.utf8)
            )
            #expect(reply.statusCode == 204)
            let column = server.store.column(Self.up)
            #expect(column.timestamps == [-5, 1000, TestServer.now.millis])
            #expect(column.values == [2, 1, 3])
        }
    }

    @Test("a large import is stored in batches, compressed or not")
    func importsInBatches() async throws {
        let count = 120_001
        var text = ""
        for index in 0..<count { text += "up{job=\"a\"} \(index) \(index)\n" }
        let plain = Array(text.utf8)
        for (encoding, body) in [("identity", plain), ("gzip", Gzip.compress(plain))] {
            try await TestServer.run { server in
                let reply = try await server.client.send(
                    "POST",
                    "/api/v1/import/prometheus",
                    headers: ["Content-Encoding": encoding],
                    body: body
                )
                #expect(reply.statusCode == 204)
                #expect(server.store.column(Self.up).values == (0..<count).map(Double.init))
                let batches = server.store.batchSampleCounts
                #expect(batches.count >= 3)
                #expect(batches.allSatisfy { $0 < 60_000 })
            }
        }
    }

    @Test("refused lines are named, and the rest is stored")
    func importsRest() async throws {
        try await TestServer.run { server in
            let text = "up{job=\"a\"} 1 1\nup{ 2\nup{job=\"a\"} x\nup{job=\"a\"} 3 3"
            let reply = try await server.client.send(
                "POST",
                "/api/v1/import/prometheus",
                body: Array(text.utf8)
            )
            #expect(reply.statusCode == 400)
            #expect(reply.text.contains("line 2"))
            #expect(reply.text.contains("line 3"))
            #expect(server.store.column(Self.up).timestamps == [1, 3])
        }
    }

    @Test("a damaged or cut gzip body is refused, with what was stored before")
    func refusesDamagedGzip() async throws {
        var text = ""
        for index in 0..<60_000 { text += "up{job=\"a\"} \(index) \(index)\n" }
        let whole = Gzip.compress(Array(text.utf8))
        try await TestServer.run { server in
            let reply = try await server.client.send(
                "POST",
                "/api/v1/import/prometheus",
                headers: ["Content-Encoding": "gzip"],
                body: Array(whole.dropLast(10))
            )
            #expect(reply.statusCode == 400)
            #expect(reply.text.contains("gzip: unexpected EOF"))
            #expect(reply.text.contains("samples before that are stored"))
            let other = try await server.client.send(
                "POST",
                "/api/v1/import/prometheus",
                headers: ["Content-Encoding": "br"],
                body: [1]
            )
            #expect(other.statusCode == 415)
        }
    }

    @Test("a client that expects 100-continue gets it before it sends the body")
    func answersContinue() async throws {
        try await TestServer.run { server in
            let head =
                "POST /api/v1/import/prometheus HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
                + "Content-Length: 17\r\nExpect: 100-continue\r\n\r\n"
            try await server.client.connected { inbound, outbound in
                try await outbound.write(.init(string: head))
                var pieces = inbound.makeAsyncIterator()
                let first = try await pieces.next().map { String(buffer: $0) }
                #expect(first?.hasPrefix("HTTP/1.1 100 ") == true)
                try await outbound.write(.init(string: "up{job=\"a\"} 1 17\n"))
                var rest = ""
                while let piece = try await pieces.next() { rest += String(buffer: piece) }
                #expect(rest.hasPrefix("HTTP/1.1 204 "))
            }
            #expect(server.store.column(Self.up).timestamps == [17])
        }
    }
}
