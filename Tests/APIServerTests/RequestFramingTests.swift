import Model
import NIOCore
import Testing

@testable import APIServer

@Suite struct RequestFramingTests {
    private static func pieces(_ text: String, size: Int) -> [ByteBuffer] {
        let bytes = Array(text.utf8)
        return stride(from: 0, to: bytes.count, by: size).map {
            ByteBuffer(bytes: bytes[$0..<min($0 + size, bytes.count)])
        }
    }

    /// What is passed on, and how many heads there were.
    private static func read(
        _ text: String,
        size: Int,
        _ limits: Limits = .default
    ) throws(WireRefusal) -> (String, Int, RequestFraming) {
        var framing = RequestFraming()
        var passed = ""
        var headCount = 0
        for piece in pieces(text, size: size) {
            var piece = piece
            try framing.read(&piece, limits) { bytes, isHead in
                passed += String(buffer: bytes)
                headCount += isHead ? 1 : 0
            }
        }
        return (passed, headCount, framing)
    }

    @Test("whatever the pieces, requests pass as they are and are told apart", arguments: [1, 2, 3, 7, 1000])
    func passes(size: Int) throws {
        let requests =
            "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
            + "POST /b HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\n\r\nGET /"
            + "POST /c HTTP/1.1\r\nHost:\tx \r\nTransfer-Encoding: Chunked\r\n\r\n"
            + "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
            + "GET /d HTTP/1.0\r\n\r\n"
        let (passed, headCount, framing) = try RequestFramingTests.read(requests, size: size)
        #expect(passed == requests)
        #expect(headCount == 4)
        #expect(!framing.isInHead && !framing.isInBody)
    }

    @Test("empty lines before a request and the field Upgrade are taken out")
    func takesOut() throws {
        let text = "\r\n\r\nGET / HTTP/1.1\r\nUpgrade: h2c\r\nHost: x\r\n\r\n"
        #expect(try RequestFramingTests.read(text, size: 4).0 == "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    }

    @Test("it knows whether a head or a body is on its way")
    func knowsWhere() throws {
        #expect(try RequestFramingTests.read("GET / HT", size: 3).2.isInHead)
        let head = "POST / HTTP/1.1\r\nHost: x\r\n"
        #expect(try RequestFramingTests.read(head + "Content-Length: 5\r\n\r\nabcd", size: 5).2.isInBody)
        #expect(
            try RequestFramingTests.read(head + "Transfer-Encoding: chunked\r\n\r\n0\r\n", size: 5).2.isInBody
        )
    }

    @Test("limits hold exactly, whatever the pieces", arguments: [1, 10, 100_000])
    func limits(size: Int) throws {
        var limits = Limits.default
        limits.uriBytes = 300
        limits.headerBytes = 2000
        limits.headerFields = 12
        func status(_ text: String) -> Int? {
            do {
                _ = try RequestFramingTests.read(text, size: size, limits)
                return nil
            } catch {
                return error.statusCode
            }
        }
        func path(_ count: Int) -> String {
            "GET /\(String(repeating: "a", count: count - 1)) HTTP/1.1\r\nHost: x\r\n\r\n"
        }
        #expect(status(path(300)) == nil)
        #expect(status(path(301)) == 414)
        // The field Host and its line end count too: 9 bytes, and 5 around the value.
        func field(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: count - 14))\r\n\r\n"
        }
        #expect(status(field(2000)) == nil)
        #expect(status(field(2003)) == 431)
        #expect(
            status("GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "X: y\r\n", count: 11) + "\r\n") == nil
        )
        #expect(
            status("GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "X: y\r\n", count: 12) + "\r\n") == 431
        )
    }

    @Test(
        "hosts that may be asked for",
        arguments: [
            ("127.0.0.1", true), ("127.0.0.1:9797", true), ("[::1]:9797", true), ("localhost:1", true),
            ("LOCALHOST", true), ("sextant", true), ("kpi.example:9797", true), ("KPI.example.", true),
            ("here.example", true), ("evil.example", false), ("127.0.0.1.evil.example", false),
            ("1.2.3.999", false), ("", false), ("a b", false), ("x:y", false), ("[::1", false),
        ]
    )
    func hosts(host: String, isAllowed: Bool) {
        #expect(HostCheck.allows(host, listening: "here.example", allowed: ["kpi.example"]) == isAllowed)
        #expect(HostCheck.allows(host, listening: "127.0.0.1", allowed: ["*"]) || !isAllowed || host.isEmpty)
    }

    @Test("a page is of this daemon only if scheme, name and port say so")
    func origins() {
        #expect(HostCheck.isSame(origin: "http://a:9797", host: "A:9797"))
        #expect(!HostCheck.isSame(origin: "http://a:9798", host: "a:9797"))
        #expect(!HostCheck.isSame(origin: "null", host: "null"))
        #expect(!HostCheck.isSame(origin: "http://a", host: nil))
    }

    @Test("connections are counted by address, and some are kept for this machine")
    func admission() {
        let table = ConnectionTable()
        var limits = Limits.default
        limits.connections = 5
        limits.connectionsForLoopback = 2
        limits.connectionsPerAddress = 2
        #expect(table.admit("10.0.0.1", limits) == nil)
        #expect(table.admit("10.0.0.1", limits) == nil)
        #expect(table.admit("10.0.0.1", limits)?.message.contains("connections_per_address") == true)
        #expect(table.admit("10.0.0.2", limits) == nil)
        #expect(table.admit("10.0.0.3", limits)?.message.contains("limit connections") == true)
        #expect(table.admit("127.0.0.1", limits) == nil)
        #expect(table.admit("::1", limits) == nil)
        #expect(table.admit("127.0.0.1", limits)?.statusCode == 503)
        table.leave("10.0.0.1")
        #expect(table.admit("127.0.0.1", limits) == nil)
    }
}
