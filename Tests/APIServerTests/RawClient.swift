import NIOCore
import NIOPosix

/// An HTTP client that sends exactly the bytes it is given, one connection per request.
struct RawClient: Sendable {
    /// What came back.
    struct Reply: Sendable {
        var statusCode = 0
        var headers: [(name: String, value: String)] = []
        var body: [UInt8] = []

        var text: String { String(decoding: body, as: UTF8.self) }

        /// The value of a field; nil if there is none.
        subscript(name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }
    }

    /// Why a connection that nobody ended was given up.
    struct TookTooLong: Error {}

    var port: Int

    func get(_ target: String, headers: [String: String] = [:]) async throws -> Reply {
        try await send("GET", target, headers: headers)
    }

    func post(_ target: String, form: String) async throws -> Reply {
        let headers = ["Content-Type": "application/x-www-form-urlencoded"]
        return try await send("POST", target, headers: headers, body: Array(form.utf8))
    }

    func send(
        _ method: String,
        _ target: String,
        headers: [String: String] = [:],
        body: [UInt8]? = nil
    ) async throws -> Reply {
        var head = "\(method) \(target) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        return try await send(raw: Array((head + "\r\n").utf8) + (body ?? []))
    }

    /// Sends `bytes` and reads until the server closes.
    func send(raw bytes: [UInt8]) async throws -> Reply {
        try await connected { inbound, outbound in
            try await outbound.write(ByteBuffer(bytes: bytes))
            var received: [UInt8] = []
            for try await piece in inbound { received += piece.readableBytesView }
            return try Reply(parsing: received)
        }
    }

    /// Opens a connection for the time of `body`, which fails if it takes longer than two minutes.
    func connected<Value: Sendable>(
        _ body: (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>)
            async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let deadline = channel.channel.eventLoop.scheduleTask(in: .minutes(2)) {
            channel.channel.pipeline.fireErrorCaught(TookTooLong())
        }
        defer { deadline.cancel() }
        return try await channel.executeThenClose(body)
    }
}

extension RawClient.Reply {
    /// Why bytes are no answer.
    struct Malformed: Error {
        var bytes: String
    }

    /// Takes the last answer in `bytes` apart; those before it are interim ones (status 1xx).
    init(parsing bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: Unicode.ASCII.self)
        guard let end = text.range(of: "\r\n\r\n") else { throw Malformed(bytes: text) }
        let headLength = text.utf8.distance(from: text.startIndex, to: end.upperBound)
        let lines = text[..<end.lowerBound].split(separator: "\r\n")
        let parts = lines[0].split(separator: " ")
        guard parts.count >= 2, let code = Int(parts[1]) else { throw Malformed(bytes: text) }
        if (100..<200).contains(code) {
            try self.init(parsing: Array(bytes.dropFirst(headLength)))
            return
        }
        self.init()
        statusCode = code
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw Malformed(bytes: text) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers.append((String(line[..<colon]), String(value)))
        }
        let rest = Array(bytes.dropFirst(headLength))
        body = self["transfer-encoding"] == "chunked" ? try Self.unchunked(rest) : rest
    }

    private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
        var out: [UInt8] = []
        var rest = bytes[...]
        while true {
            let digits = rest.prefix { $0 != UInt8(ascii: "\r") }
            guard let length = Int(String(decoding: digits, as: UTF8.self), radix: 16),
                rest.count >= digits.count + 2 + length
            else { throw Malformed(bytes: "chunks end early") }
            rest = rest.dropFirst(digits.count + 2)
            if length == 0 { return out }
            out += rest.prefix(length)
            rest = rest.dropFirst(length + 2)
        }
    }
}

extension String {
    /// Where `part` first stands.
    fileprivate func range(of part: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) {
                return start..<index(start, offsetBy: part.count)
            }
            start = index(after: start)
        }
        return nil
    }
}
