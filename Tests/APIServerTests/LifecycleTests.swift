import Intake
import Model
import NIOCore
import Synchronization
import Testing

@testable import APIServer

@Suite struct LifecycleTests {
    private struct ReloadFailed: Error, CustomStringConvertible {
        var description: String { "rules.yml:1:1: broken" }
    }

    @Test("until there is a store the server says that it is not ready")
    func opens() async throws {
        let store = MemoryStore()
        try await TestServer.run(store, isOpen: false) { server in
            for (method, target) in [
                ("GET", "/-/ready"), ("GET", "/api/v1/query?query=1"), ("POST", "/api/v1/write"),
                ("POST", "/-/reload"),
            ] {
                let reply = try await server.client.send(method, target, body: [])
                #expect(reply.statusCode == 503)
                #expect(reply.text == "Service Unavailable\n")
                #expect(reply["X-Prometheus-Stopping"] == "false")
            }
            for target in ["/-/healthy", "/", "/metrics"] {
                #expect(try await server.client.get(target).statusCode == 200)
            }
            await server.server.open(TestServer.backend(store))
            #expect(try await server.client.get("/-/ready").statusCode == 200)
            #expect(try await server.client.get("/api/v1/query?query=1").statusCode == 200)
        }
    }

    @Test("A server asks itself a few questions, and is ready, whatever the store says to them")
    func warmsUp() async throws {
        let failing = MemoryStore(.init(readError: .unavailable("the disk is gone")))
        failing.put(Labels(["__name__": "up"]), [(1000, 1)])
        let odd = MemoryStore()
        odd.put(Labels(["": "", "\"}\n": "\\", "ü.x": "\u{0}\u{7f}"]), [(.max, .nan), (.min, 0)])
        for (store, questionCount) in [(failing, 0), (odd, 10), (MemoryStore(), 0)] {
            let limit: Int64 = 60_000
            try await TestServer.run(store, isOpen: false, configure: { $0.warmUpMillis = limit }) { server in
                #expect(try await server.client.get("/-/ready").statusCode == 503)
                await server.server.open(TestServer.backend(store))
                #expect(try await server.client.get("/-/ready").statusCode == 200)
                let page = try await server.client.get("/metrics").text
                #expect(page.contains("sextant_queries_total{kind=\"instant\"} \(questionCount)\n"))
                #expect(page.contains("sextant_queries_total{kind=\"other\"} 0\n"))
            }
        }
    }

    @Test("A store that takes long to say what it has does not keep a server from being ready")
    func warmUpEnds() async throws {
        let (ends, end) = AsyncStream<SourceError>.makeStream()
        let store = MemoryStore(.init(onSlowSelectEnd: { end.yield($0) }))
        store.put(Labels(["__name__": "slow"]), [(1000, 1)])
        try await TestServer.run(store, isOpen: false, configure: { $0.warmUpMillis = 100 }) { server in
            await server.server.open(TestServer.backend(store))
            let reply = try await server.client.get("/-/ready")
            #expect(reply.statusCode == 200)
            var reasons = ends.makeAsyncIterator()
            // By its own limit, which is shorter than that of queries.
            let reason = await reasons.next()
            #expect(reason == .timedOut(afterMillis: 100))
        }
    }

    /// A store whose select of `slow` tells when it starts and why it ended.
    private struct SlowStore {
        var store: MemoryStore
        var starts: AsyncStream<Void>
        var ends: AsyncStream<SourceError>

        init() {
            let (starts, start) = AsyncStream<Void>.makeStream()
            let (ends, end) = AsyncStream<SourceError>.makeStream()
            self.starts = starts
            self.ends = ends
            store = MemoryStore(
                .init(onSlowSelect: { start.yield() }, onSlowSelectEnd: { end.yield($0) })
            )
        }
    }

    /// Lets queries run for longer than a busy machine keeps a test waiting.
    private static func isPatient(_ configuration: inout APIConfiguration) {
        var limits = Limits.default
        limits.queryTimeout = 600_000
        configuration.limits = LimitsInForce(limits)
    }

    @Test("a query ends when its client closes the connection")
    func cancelsQuery() async throws {
        let slow = SlowStore()
        try await TestServer.run(slow.store, configure: LifecycleTests.isPatient) { server in
            try await server.client.connected { _, outbound in
                try await outbound.write(
                    .init(string: "GET /api/v1/query?query=slow HTTP/1.1\r\nHost: test\r\n\r\n")
                )
                for await _ in slow.starts { break }
            }
            for await error in slow.ends {
                #expect(error == .cancelled)
                break
            }
        }
    }

    @Test("a query ends when the server stops, and its client is told")
    func stopsQuery() async throws {
        let slow = SlowStore()
        try await TestServer.run(slow.store, configure: LifecycleTests.isPatient) { server in
            async let pending = server.client.get("/api/v1/query?query=slow")
            for await _ in slow.starts { break }
            await server.group.triggerGracefulShutdown()
            let reply = try await pending
            #expect(reply.statusCode == 499)
            #expect(reply.text.contains(#""errorType":"canceled""#))
        }
    }

    @Test("a query that may run no longer is told so")
    func timesOut() async throws {
        try await TestServer.run { server in
            let reply = try await server.client.get("/api/v1/query?query=slow&timeout=1ms")
            #expect(reply.statusCode == 503)
            #expect(reply.text.contains(#""errorType":"timeout""#))
            #expect(reply.text.contains("limit query_timeout: 1ms"))
        }
    }

    @Test("more queries than may run or wait are refused, other requests are served")
    func refusesQueries() async throws {
        let slow = SlowStore()
        try await TestServer.run(slow.store) {
            var limits = Limits.default
            limits.concurrentQueries = 1
            limits.queuedQueries = 0
            $0.limits = LimitsInForce(limits)
        } _: { server in
            async let pending = server.client.get("/api/v1/query?query=slow")
            for await _ in slow.starts { break }
            let refused = try await server.client.get("/api/v1/query?query=1")
            #expect(refused.statusCode == 503)
            #expect(refused["Retry-After"] == "1")
            #expect(
                refused.text.contains(
                    "too many queries: 1 run (limit concurrent_queries) and 0 wait (limit queued_queries) already"
                )
            )
            let metrics = try await server.client.get("/metrics")
            #expect(metrics.text.contains("\nsextant_queries_running 1\n"))
            await server.group.triggerGracefulShutdown()
            _ = try await pending
        }
    }

    @Test("a connection serves several requests, also after refusals")
    func keepsAlive() async throws {
        try await TestServer.run { server in
            try await server.client.connected { inbound, outbound in
                var pieces = inbound.makeAsyncIterator()
                for (target, expected) in [
                    ("/-/ready", "Ready."), ("/nope", "404 page"),
                    ("/api/v1/query?query=1", #"[1700000000,"1"]"#),
                ] {
                    try await outbound.write(.init(string: "GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n"))
                    var text = ""
                    while !text.contains(expected), let piece = try await pieces.next() {
                        text += String(buffer: piece)
                    }
                    #expect(text.contains(expected))
                }
            }
        }
    }

    @Test("reload, flush and compact call what they are for, and report what went wrong")
    func administrates() async throws {
        let flushes = Counter()
        let merges = Counter()
        try await TestServer.run {
            $0.isAdminAPIEnabled = true
        } adjust: {
            $0.flush = { flushes.add() }
            $0.compact = { merges.add() }
            $0.reload = { throw ReloadFailed() }
        } _: { server in
            let reload = try await server.client.send("PUT", "/-/reload", body: [])
            #expect(reload.statusCode == 500)
            #expect(reload.text == "failed to reload config: rules.yml:1:1: broken\n")
            let flush = try await server.client.send("POST", "/api/v1/admin/tsdb/flush", body: [])
            #expect(flush.statusCode == 204)
            #expect(flushes.value == 1 && merges.value == 0)
            let compact = try await server.client.send("POST", "/api/v1/admin/tsdb/compact", body: [])
            #expect(compact.statusCode == 204)
            #expect(flushes.value == 1 && merges.value == 1)
        }
    }

    @Test("what the series are made of, and how far the log is read")
    func tellsOfStorage() async throws {
        let replay = ReplayProgress()
        replay.begin(first: 3, last: 7)
        replay.note(5)
        try await TestServer.run {
            $0.replay = replay
        } adjust: {
            $0.cardinality = { limit in
                var figures = CardinalityFigures()
                figures.seriesCount = limit
                figures.maxMillis = 9
                figures.seriesByLabelPair = [.init("a=b", 4)]
                return figures
            }
        } _: { server in
            let progress = try await server.client.get("/api/v1/status/walreplay")
            #expect(progress.text == #"{"status":"success","data":{"min":3,"max":7,"current":5}}"#)
            let tsdb = try await server.client.get("/api/v1/status/tsdb?limit=12").text
            #expect(tsdb.contains(#""headStats":{"numSeries":12,"numLabelPairs":0,"chunkCount":0,"#))
            #expect(tsdb.contains(#""minTime":9223372036854775807,"maxTime":9}"#))
            #expect(tsdb.contains(#""seriesCountByLabelValuePair":[{"name":"a=b","value":4}]"#))
            for (limit, text) in [("0", "a positive number"), ("10001", "not exceed 10000")] {
                let refused = try await server.client.get("/api/v1/status/tsdb?limit=\(limit)")
                #expect(refused.statusCode == 400 && refused.text.contains(text))
            }
        }
    }

    @Test("long answers are compressed for clients that take it")
    func compresses() async throws {
        let store = MemoryStore()
        for index in 0..<100 { store.put(Labels(["__name__": "up", "n": "\(index)"]), [(0, 1)]) }
        try await TestServer.run(store) { server in
            let target = "/api/v1/series?match[]=up"
            let plain = try await server.client.get(target)
            #expect(plain["Content-Encoding"] == nil)
            #expect(plain["Vary"] == "Accept-Encoding")
            for accept in ["gzip", "deflate, gzip;q=1.0", "*"] {
                let packed = try await server.client.get(target, headers: ["Accept-Encoding": accept])
                #expect(packed["Content-Encoding"] == "gzip")
                #expect(packed["Content-Length"] == String(packed.body.count))
                #expect(try Gzip.decompress(packed.body) == plain.body)
            }
            for accept in ["gzip;q=0", "br", ""] {
                let other = try await server.client.get(target, headers: ["Accept-Encoding": accept])
                #expect(other.body == plain.body)
            }
            let short = try await server.client.get("/-/ready", headers: ["Accept-Encoding": "gzip"])
            #expect(short["Content-Encoding"] == nil)
        }
    }

    @Test("an answer of many megabytes comes in chunks and whole")
    func streams() async throws {
        let store = MemoryStore()
        for index in 0..<60 {
            store.put(Labels(["__name__": "up", "n": "\(index)"]), [(0, Double(index) / 3)])
        }
        try await TestServer.run(store) { server in
            let target = "/api/v1/query_range?query=up&start=0&end=299.97&step=0.03"
            let reply = try await server.client.get(target)
            #expect(reply.statusCode == 200)
            #expect(reply["Transfer-Encoding"] == "chunked")
            #expect(reply.body.count > 8 << 20)
            #expect(reply.text.hasSuffix("]]}]}}"))
            #expect(reply.text.split(separator: "\"metric\"").count == 61)
        }
    }

    @Test("a head beyond the limits is refused")
    func refusesHead() async throws {
        try await TestServer.run { server in
            let long = String(repeating: "x", count: 70_000)
            let reply = try await server.client.get("/", headers: ["X-Long": long])
            #expect(reply.statusCode == 431)
            #expect(reply.text.contains("header_bytes"))
            var many = "GET / HTTP/1.1\r\nHost: test\r\n"
            for index in 0..<300 { many += "X-\(index): 1\r\n" }
            #expect(try await server.client.send(raw: Array((many + "\r\n").utf8)).statusCode == 431)
        }
    }
}

/// A count that closures may raise.
private final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    var value: Int { count.load(ordering: .relaxed) }

    func add() {
        count.add(1, ordering: .relaxed)
    }
}
