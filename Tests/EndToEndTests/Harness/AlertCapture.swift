import Glibc
import Synchronization

/// An HTTP server in the place of an Alertmanager: it keeps what it is sent and answers 200.
final class AlertCapture: Sendable {
    /// A request for alerts to be taken.
    struct Call: Sendable {
        /// The method, a blank, and the path.
        let target: String
        /// The header fields by lowercased name.
        let headers: [String: String]
        /// The alerts, each as it was written.
        let alerts: [JSON]
    }

    /// The port on 127.0.0.1.
    let port: UInt16
    private let socket: Int32
    private let taken = Mutex<[Call]>([])
    private let fault = Mutex<String?>(nil)

    /// Starts to listen.
    init() throws {
        port = Ports.free()
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let (listening, size) = (socket, socklen_t(MemoryLayout<sockaddr_in>.size))
        let isBound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(listening, pointer, size) == 0
            }
        }
        guard isBound, listen(socket, 16) == 0 else {
            throw HTTPFailure(description: "nothing can listen on port \(port)")
        }
        Task { [self] in
            while case let connection = try await blocking({ accept(listening, nil, nil) }), connection >= 0 {
                Task { try await blocking { self.serve(connection) } }
            }
        }
    }

    /// What was sent so far.
    ///
    /// - Throws: If something was sent that is no call of Alertmanager's.
    func calls() throws -> [Call] {
        if let fault = fault.withLock({ $0 }) { throw HTTPFailure(description: fault) }
        return taken.withLock { $0 }
    }

    /// Ends it.
    func close() { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Answers the requests of one connection.
    private func serve(_ connection: Int32) {
        defer { Glibc.close(connection) }
        var bytes: [UInt8] = []
        while let call = read(connection, &bytes) {
            taken.withLock { $0.append(call) }
            let answer = Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)
            guard unsafe send(connection, answer, answer.count, Int32(MSG_NOSIGNAL)) == answer.count else {
                return
            }
        }
    }

    /// Reads one request, of which some bytes may have been read; nil at the end of the connection.
    private func read(_ connection: Int32, _ bytes: inout [UInt8]) -> Call? {
        let end = Array("\r\n\r\n".utf8)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            if let head = bytes.firstRange(of: end) {
                let lines = String(decoding: bytes[..<head.lowerBound], as: UTF8.self).split(
                    separator: "\r\n"
                )
                var headers: [String: String] = [:]
                for line in lines.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1)
                    guard parts.count == 2 else { continue }
                    headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
                }
                let length = headers["content-length"].flatMap { Int($0) } ?? 0
                if bytes.count >= head.upperBound + length {
                    let body = Array(bytes[head.upperBound..<(head.upperBound + length)])
                    bytes.removeFirst(head.upperBound + length)
                    guard let alerts = try? JSON(parsing: body).elements, !alerts.isEmpty else {
                        fault.withLock { $0 = String(decoding: body, as: UTF8.self) }
                        return nil
                    }
                    let target = lines[0].split(separator: " ").prefix(2).joined(separator: " ")
                    return Call(target: target, headers: headers, alerts: alerts)
                }
            }
            let count = unsafe recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            bytes += buffer.prefix(count)
        }
    }
}
