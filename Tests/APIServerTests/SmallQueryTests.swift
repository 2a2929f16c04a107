import Model
import NIOCore
import Testing

@testable import APIServer
@testable import PromQL

/// Small queries, answered on the thread of their connection.
@Suite struct SmallQueryTests {
    private static let series = Labels(["__name__": "up", "job": "a"])

    private static func store(isInMemory: Bool = true) -> MemoryStore {
        var behaviour = MemoryStore.Behaviour()
        behaviour.isInMemory = isInMemory
        let store = MemoryStore(behaviour)
        store.put(series, (0..<40).map { (Int64($0) * 1000, Double($0) / 4) })
        return store
    }

    private static func get(_ target: String, _ fields: String = "") -> String {
        "GET \(target) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
    }

    /// Sends requests on one connection, one after the other, and then one that ends it; the answers.
    private static func ask(_ server: TestServer, _ requests: [String]) async throws -> [RawClient.Reply] {
        try await server.client.connected { inbound, outbound in
            var replies: [RawClient.Reply] = []
            var received: [UInt8] = []
            var iterator = inbound.makeAsyncIterator()
            for request in requests {
                try await outbound.write(ByteBuffer(string: request))
                let wanted = replies.count + 1
                while replies.count < wanted {
                    if let (reply, byteCount) = first(of: received) {
                        replies.append(reply)
                        received.removeFirst(byteCount)
                    } else {
                        guard let piece = try await iterator.next() else { return replies }
                        received += piece.readableBytesView
                    }
                }
            }
            return replies
        }
    }

    /// The first answer in `bytes`, which has a length, and how long it is.
    private static func first(of bytes: [UInt8]) -> (RawClient.Reply, Int)? {
        let mark = Array("\r\n\r\n".utf8)
        guard
            let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }),
            var reply = try? RawClient.Reply(parsing: Array(bytes[..<(end + 4)])),
            let length = reply["content-length"].flatMap({ Int($0) }), bytes.count >= end + 4 + length
        else { return nil }
        reply.body = Array(bytes[(end + 4)..<(end + 4 + length)])
        return (reply, end + 4 + length)
    }

    @Test("What was small is answered alike on the thread of its connection, fields included")
    func answersAlike() async throws {
        let store = SmallQueryTests.store()
        try await TestServer.run(store) { server in
            let range = "/api/v1/query_range?query=up&start=0&end=9&step=1"
            for target in ["/api/v1/query?query=up&time=7", range] {
                let before = store.quickReadCount
                let replies = try await SmallQueryTests.ask(
                    server,
                    Array(repeating: SmallQueryTests.get(target), count: 5)
                )
                #expect(replies.count == 5)
                #expect(Set(replies.map(\.text)).count == 1)
                #expect(replies[0].text.contains("\"job\":\"a\""))
                #expect(Set(replies.map { $0.headers.map(\.name).sorted() }).count == 1)
                // A loaded machine may take some for slow.
                #expect(store.quickReadCount > before)
            }
        }
    }

    @Test("Questions about labels are answered alike there, and refused as ever")
    func answersLabelQuestions() async throws {
        let store = SmallQueryTests.store()
        store.put(Labels(["__name__": "down", "job": "b"]), [(1000, 1)])
        try await TestServer.run(store) { server in
            let targets = [
                ("/api/v1/series?match[]=up", "{\"__name__\":\"up\",\"job\":\"a\"}"),
                ("/api/v1/series?match[]=up&match[]=down", "\"down\""),
                ("/api/v1/labels", "[\"__name__\",\"job\"]"),
                ("/api/v1/labels?match[]=up", "[\"__name__\",\"job\"]"),
                ("/api/v1/label/job/values", "[\"a\",\"b\"]"),
                ("/api/v1/label/job/values?match[]=down", "[\"b\"]"),
                ("/api/v1/label/__name__/values?limit=1", "\"warnings\""),
            ]
            for (target, text) in targets {
                let before = store.quickReadCount
                let request = SmallQueryTests.get(target)
                let replies = try await SmallQueryTests.ask(server, Array(repeating: request, count: 5))
                #expect(replies.count == 5)
                #expect(Set(replies.map(\.text)).count == 1)
                #expect(replies[0].text.contains(text), "\(target)")
                #expect(Set(replies.map { $0.headers.map(\.name).sorted() }).count == 1)
                #expect(store.quickReadCount > before, "\(target)")
            }
            let wrong = [
                "/api/v1/series", "/api/v1/series?match[]=up{", "/api/v1/labels?start=nonsense",
                "/api/v1/label/%ff/values",
            ]
            for target in wrong {
                let requests = Array(repeating: SmallQueryTests.get(target), count: 2)
                let replies = try await SmallQueryTests.ask(server, requests)
                #expect(replies.map(\.statusCode) == [400, 400], "\(target)")
            }
            let post = "POST /api/v1/label/job/values HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n"
            let form = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            #expect(try await SmallQueryTests.ask(server, [post + form]).map(\.statusCode) == [405])
        }
    }

    @Test("Questions about labels that read alike when they are joined are told apart")
    func tellsApart() throws {
        func key(_ subject: LabelQuestion.Subject, _ selectors: [String]) throws -> String {
            var question = try LabelQuestion(.names, Parameters())
            (question.subject, question.selectors) = (subject, selectors)
            return question.key
        }
        let keys = [
            try key(.series, ["a", "b"]), try key(.series, ["ab"]), try key(.series, ["a 1 b"]),
            try key(.series, ["a\nb"]), try key(.names, []), try key(.values(of: "a"), ["b"]),
            try key(.values(of: "a\nb"), []), try key(.values(of: "a1 b"), []), try key(.names, ["a", "b"]),
        ]
        #expect(Set(keys).count == keys.count)
    }

    @Test("Another time has another answer, and other parameters count as ever")
    func readsParameters() async throws {
        try await TestServer.run(SmallQueryTests.store()) { server in
            var requests: [String] = []
            for second in [4, 4, 8, 12, 30] {
                requests.append(SmallQueryTests.get("/api/v1/query?query=up%20%2B+0&time=\(second)"))
            }
            requests.append(SmallQueryTests.get("/api/v1/query?query=up%20%2B+0&time=nonsense"))
            requests.append(SmallQueryTests.get("/api/v1/query?query=up%20%2B+0&time=4&limit=-1"))
            let form = "query=up%20%2B+0&time=16"
            requests.append(
                "POST /api/v1/query HTTP/1.1\r\nHost: test\r\nContent-Length: \(form.utf8.count)\r\n"
                    + "Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form
            )
            let replies = try await SmallQueryTests.ask(server, requests)
            #expect(replies.map(\.statusCode) == [200, 200, 200, 200, 200, 400, 400, 200])
            for (reply, value) in zip(replies, ["1", "1", "2", "3", "7.5"]) {
                #expect(reply.text.contains(",\"\(value)\"]"))
            }
            #expect(replies[7].text.contains("[16,\"4\"]"))
        }
    }

    @Test("Answers keep the order of requests that come together, small or not")
    func keepsOrder() async throws {
        try await TestServer.run(SmallQueryTests.store()) { server in
            let small = SmallQueryTests.get("/api/v1/query?query=up&time=8")
            _ = try await SmallQueryTests.ask(server, Array(repeating: small, count: 3))
            let together =
                small + SmallQueryTests.get("/api/v1/query?query=nope&time=1") + small
                + SmallQueryTests.get("/-/healthy") + small
                + SmallQueryTests.get("/api/v1/labels", "Connection: close\r\n")
            let bytes = try await server.client.connected { inbound, outbound in
                try await outbound.write(ByteBuffer(string: together))
                var received: [UInt8] = []
                for try await piece in inbound { received += piece.readableBytesView }
                return received
            }
            var texts: [String] = []
            var rest = bytes
            while let (reply, byteCount) = SmallQueryTests.first(of: rest) {
                texts.append(reply.text)
                rest.removeFirst(byteCount)
            }
            #expect(texts.count == 6)
            guard texts.count == 6 else { return }
            for place in [0, 2, 4] { #expect(texts[place].contains("[8,\"2\"]")) }
            #expect(texts[1].contains("\"result\":[]"))
            #expect(texts[3].contains("Healthy"))
            #expect(texts[5].contains("__name__"))
        }
    }

    @Test("What would have to wait for a disk is answered by a thread that may")
    func leavesWaiting() async throws {
        let store = SmallQueryTests.store(isInMemory: false)
        try await TestServer.run(store) { server in
            let replies = try await SmallQueryTests.ask(
                server,
                Array(repeating: SmallQueryTests.get("/api/v1/query?query=up&time=8"), count: 6)
            )
            #expect(replies.count == 6)
            #expect(replies.allSatisfy { $0.text.contains("[8,\"2\"]") })
            #expect(store.quickReadCount == 0)
        }
    }

    @Test("An answer is compressed for clients that want it")
    func compresses() async throws {
        try await TestServer.run(SmallQueryTests.store()) { server in
            let request = SmallQueryTests.get(
                "/api/v1/query_range?query=up&start=0&end=39&step=0.5",
                "Accept-Encoding: gzip\r\n"
            )
            let replies = try await SmallQueryTests.ask(server, [request, request, request])
            #expect(replies.allSatisfy { $0["content-encoding"] == "gzip" })
            #expect(replies.allSatisfy { $0["vary"] == "Accept-Encoding" })
            #expect(Set(replies.map(\.body)).count == 1)
        }
    }

    @Test("Hosts that may not be answered are refused here as well")
    func checksHost() async throws {
        try await TestServer.run(SmallQueryTests.store()) { server in
            let target = "/api/v1/query?query=up&time=8"
            let foreign = "GET \(target) HTTP/1.1\r\nHost: evil.example.org\r\n\r\n"
            let replies = try await SmallQueryTests.ask(
                server,
                Array(repeating: SmallQueryTests.get(target), count: 3) + [foreign]
            )
            #expect(replies.map(\.statusCode) == [200, 200, 200, 421])
        }
    }

    @Test("What was tried in vain is tried again only after it was small some times")
    func backsOff() throws {
        let known = SmallQueries<QueryQuestion>()
        let expr = try Parser.parse("up", limits: .default)
        let question = QueryQuestion(
            kind: .instant,
            text: "up",
            start: .min,
            end: .min,
            lookbackMillis: 1,
            limit: nil,
            timeLimitMillis: 1,
            wantsStatistics: false
        )
        func noteSmall() {
            known.note(question, expr, .json([]), took: .microseconds(10), reading: MemoryStore())
        }
        #expect(known.parsed(question) == nil)
        noteSmall()
        #expect(known.parsed(question) != nil)
        known.noteMistake(question)
        #expect(known.parsed(question) == nil)
        noteSmall()
        #expect(known.parsed(question) != nil)
        known.noteMistake(question)
        for _ in 0..<2 { noteSmall() }
        #expect(known.parsed(question) == nil)
        noteSmall()
        #expect(known.parsed(question) != nil)
        known.note(question, expr, .json([]), took: .milliseconds(20), reading: MemoryStore())
        #expect(known.parsed(question) == nil)
    }

    @Test("A small query does not wait for large ones")
    func passesLargeQueries() async throws {
        let (starts, started) = AsyncStream<Void>.makeStream()
        var behaviour = MemoryStore.Behaviour()
        behaviour.onSlowSelect = { started.yield() }
        let store = MemoryStore(behaviour)
        store.put(SmallQueryTests.series, [(1000, 5)])
        var limits = Limits.default
        limits.concurrentQueries = 1
        limits.queuedQueries = 0
        try await TestServer.run(store, configure: { $0.limits = LimitsInForce(limits) }) { server in
            let small = SmallQueryTests.get("/api/v1/query?query=up&time=8")
            var isPassing = false
            // A machine at its limit may take even this one for large, so more than once.
            for _ in 0..<10 where !isPassing {
                _ = try await SmallQueryTests.ask(server, Array(repeating: small, count: 5))
                async let large = server.client.get("/api/v1/query?query=slow&timeout=300ms")
                for await _ in starts { break }
                isPassing = try await SmallQueryTests.ask(server, [small]).map(\.statusCode) == [200]
                #expect(try await large.statusCode == 503)
            }
            #expect(isPassing)
        }
    }

    @Test("A query over many more steps than the one before is not taken for small")
    func looksAtSteps() throws {
        let known = SmallQueries<QueryQuestion>()
        var question = QueryQuestion(
            kind: .range,
            text: "up",
            start: Timestamp(millis: 0),
            end: Timestamp(millis: 9000),
            stepMillis: 1000,
            lookbackMillis: 1,
            limit: nil,
            timeLimitMillis: 1,
            wantsStatistics: false
        )
        let expr = try Parser.parse("up", limits: .default)
        known.note(question, expr, .json([]), took: .microseconds(10), reading: MemoryStore())
        question.end = Timestamp(millis: 19_000)
        #expect(known.parsed(question) != nil)
        question.end = Timestamp(millis: 20_000)
        #expect(known.parsed(question) == nil)
    }
}
