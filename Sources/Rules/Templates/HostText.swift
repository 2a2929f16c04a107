import Glibc

/// Parts of `host:port`.
enum HostText {
    /// The host, without brackets; all of the text if there is no port.
    static func strippingPort(_ text: String) -> String { split(text)?.host ?? text }

    /// The first label of the host's name, and the port if there is one; addresses stay as they are.
    static func strippingDomain(_ text: String) -> String {
        let parts = split(text)
        let host = parts?.host ?? text
        guard !isAddress(host) else { return text }
        let first = host.prefix { $0 != "." }
        guard let port = parts?.port, !port.isEmpty else { return String(first) }
        return first.contains(":") ? "[\(first)]:\(port)" : "\(first):\(port)"
    }

    /// By the rules of Go's `net.SplitHostPort`; nil if it is not of that form.
    private static func split(_ text: String) -> (host: String, port: String)? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let port = String(text[text.index(after: colon)...])
        var host = text[..<colon]
        if host.hasPrefix("[") {
            guard host.hasSuffix("]") else { return nil }
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.contains("["), !host.contains("]"), !port.contains("["), !port.contains("]") else {
            return nil
        }
        return (String(host), port)
    }

    private static func isAddress(_ text: String) -> Bool {
        var address = in6_addr()
        return unsafe inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
    }
}
