/// Where the daemon listens, as `HOST:PORT`.
struct ListenAddress: Hashable, Sendable {
    /// An IP address or a host name; without the brackets that an IPv6 address has in text.
    var host: String
    /// The port; 0 for any that is free.
    var port: Int

    /// Reads `127.0.0.1:9797`, `[::1]:9797`, `localhost:9797` or `:9797` (all addresses); nil if it is none.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        self.port = Int(port)
        let host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]"), host.count > 2 else { return nil }
            self.host = String(host.dropFirst().dropLast())
        } else {
            guard !host.contains(":"), !host.contains(where: \.isWhitespace) else { return nil }
            self.host = host.isEmpty ? "0.0.0.0" : String(host)
        }
    }

    /// Whether only programs on this machine reach it.
    var isLoopback: Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The address as text, as the initialiser reads it.
    var text: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
