import Foundation

/// An answer to an HTTP request.
struct HTTPAnswer: Sendable {
    /// The status code.
    let status: Int
    /// The header fields by lowercased name.
    let headers: [String: String]
    /// The body, with the transfer encoding taken off.
    let body: [UInt8]

    /// The body as text.
    var text: String { String(decoding: body, as: UTF8.self) }
}

/// Why a request has no answer.
struct HTTPFailure: Error, CustomStringConvertible {
    let description: String
}

/// A plain HTTP/1.1 client: one connection per request, whole bodies.
///
/// It adds nothing of its own to a request but `Host`, `Content-Length` and `Connection: close`.
struct HTTPClient: Sendable {
    /// The port on 127.0.0.1 that requests go to.
    let port: UInt16

    /// Sends a request, whose target is the path with its query already encoded, and reads the answer.
    func send(
        _ method: String,
        _ target: String,
        headers: [(String, String)] = [],
        body: [UInt8]? = nil,
        timeoutSeconds: Int = 60
    ) async throws -> HTTPAnswer {
        let port = port
        var head = "\(method) \(target) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        let message = Array((head + "\r\n").utf8) + (body ?? [])
        return try await blocking {
            let connection = try Connection(port: port, timeoutSeconds: timeoutSeconds)
            connection.write(message)
            return try HTTPClient.answer(from: connection.readToEnd())
        }
    }

    /// GET with parameters in the query.
    func get(_ path: String, _ parameters: [(String, String)] = []) async throws -> HTTPAnswer {
        let query = FormEncoding.encode(parameters)
        return try await send("GET", query.isEmpty ? path : "\(path)?\(query)")
    }

    /// POST with parameters in a form body, as Grafana does it.
    func postForm(_ path: String, _ parameters: [(String, String)] = []) async throws -> HTTPAnswer {
        try await send(
            "POST",
            path,
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: Array(FormEncoding.encode(parameters).utf8)
        )
    }

    private static func answer(from bytes: [UInt8]) throws -> HTTPAnswer {
        let data = Data(bytes)
        guard let headEnd = data.firstRange(of: Data("\r\n\r\n".utf8)) else {
            throw HTTPFailure(description: "no complete answer in \(bytes.count) bytes")
        }
        let lines = String(decoding: data[..<headEnd.lowerBound], as: UTF8.self).components(
            separatedBy: "\r\n"
        )
        let statusLine = lines[0].split(separator: " ", maxSplits: 2)
        guard statusLine.count >= 2, statusLine[0].hasPrefix("HTTP/1."), let status = Int(statusLine[1])
        else {
            throw HTTPFailure(description: "no status line: \(lines[0])")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            headers[line[..<colon].lowercased()] = value
        }
        if status == 100 { return try answer(from: Array(data[headEnd.upperBound...])) }
        let rest = data[headEnd.upperBound...]
        if headers["transfer-encoding"]?.lowercased() == "chunked" {
            return HTTPAnswer(status: status, headers: headers, body: try unchunked(rest))
        }
        if let length = headers["content-length"].flatMap(Int.init), rest.count != length {
            throw HTTPFailure(description: "\(rest.count) of \(length) bytes of the body came")
        }
        return HTTPAnswer(status: status, headers: headers, body: Array(rest))
    }

    private static func unchunked(_ data: Data) throws -> [UInt8] {
        var rest = data
        var body: [UInt8] = []
        let lineEnd = Data("\r\n".utf8)
        while let end = rest.firstRange(of: lineEnd) {
            let line = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { break }
            if size == 0 { return body }
            guard rest.endIndex - end.upperBound >= size + 2 else { break }
            body.append(contentsOf: rest[end.upperBound..<end.upperBound + size])
            rest = rest[(end.upperBound + size + 2)...]
        }
        throw HTTPFailure(description: "the chunked body ends early")
    }
}

/// Parameters as HTML forms and URL queries write them.
enum FormEncoding {
    private static let plain = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )

    /// The parameters as `name=value&name=value`, everything else but letters, digits and `-._~` as `%XX`.
    static func encode(_ parameters: [(String, String)]) -> String {
        parameters.map { "\(encode($0.0))=\(encode($0.1))" }.joined(separator: "&")
    }

    private static func encode(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
    }
}

/// A TCP connection to 127.0.0.1 whose calls block.
private final class Connection {
    private let socket: Int32

    init(port: UInt16, timeoutSeconds: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw Connection.failure("socket") }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let timeoutSize = socklen_t(MemoryLayout<timeval>.size)
        unsafe setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &timeout, timeoutSize)
        unsafe setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, timeoutSize)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe connect(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // What throws here still runs `deinit`, which closes the socket.
        guard result == 0 else { throw Connection.failure("connect to port \(port)") }
    }

    deinit { close(socket) }

    /// Sends as much as the other side takes: one that refuses a request early has its answer on the way.
    func write(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    socket,
                    buffer.baseAddress! + sent,
                    buffer.count - sent,
                    Int32(MSG_NOSIGNAL)
                )
            }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            sent += count
        }
    }

    func readToEnd() throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = unsafe recv(socket, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && bytes.isEmpty { throw Connection.failure("receive") }
            if count <= 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
        }
    }

    private static func failure(_ call: String) -> HTTPFailure {
        unsafe HTTPFailure(description: "\(call): \(String(cString: strerror(errno)))")
    }
}
