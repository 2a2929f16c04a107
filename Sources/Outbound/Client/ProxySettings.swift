import Foundation

/// Through which proxy requests go.
package enum ProxySettings: Hashable, Sendable {
    /// Through none.
    case none
    /// Through this one, but for hosts of `exceptions`; `headers` go with a CONNECT.
    case server(URL, exceptions: [String], headers: [HTTPClientSettings.Header])
    /// Through what the environment says: `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, in lower case too.
    case environment

    /// The proxy for requests to `target`, or nil for none; `variable` answers environment variables.
    func proxy(
        for target: URL,
        _ variable: (String) -> String? = { ProcessInfo.processInfo.environment[$0] }
    ) -> URL? {
        let (proxy, exceptions): (URL?, [String])
        switch self {
        case .none: return nil
        case .server(let url, let names, _): (proxy, exceptions) = (url, names)
        case .environment:
            func value(_ name: String) -> String? {
                [variable(name), variable(name.lowercased())].compactMap { $0 }.first { !$0.isEmpty }
            }
            proxy = value(target.scheme == "https" ? "HTTPS_PROXY" : "HTTP_PROXY").flatMap { URL(string: $0) }
            exceptions = ProxySettings.exceptions(value("NO_PROXY") ?? "")
        }
        guard let proxy, let host = target.host else { return nil }
        return exceptions.contains { ProxySettings.isException($0, host, target.port) } ? nil : proxy
    }

    /// The entries of a list such as `localhost,.example.com,10.0.0.1:9093`.
    static func exceptions(_ text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            .filter { !$0.isEmpty }
    }

    /// Whether the entry stands for the host: itself, a domain it is in, a network, or `*`.
    private static func isException(_ entry: String, _ host: String, _ port: Int?) -> Bool {
        if entry == "*" { return true }
        let host = host.lowercased()
        if let network = IPv4Network(entry) { return network.contains(host) }
        var name = entry
        if let colon = name.lastIndex(of: ":"), let number = Int(name[name.index(after: colon)...]),
            name.filter({ $0 == ":" }).count == 1
        {
            guard number == port else { return false }
            name = String(name[..<colon])
        }
        if name.hasPrefix("*.") { name = String(name.dropFirst()) }
        if name.hasPrefix(".") { return host.hasSuffix(name) }
        return host == name || host.hasSuffix("." + name)
    }
}

/// A network such as `10.0.0.0/8`.
private struct IPv4Network {
    private let address: UInt32
    private let mask: UInt32

    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Network.address(parts[0]), let width = Int(parts[1]),
            (0...32).contains(width)
        else { return nil }
        mask = width == 0 ? 0 : .max << UInt32(32 - width)
        self.address = address & mask
    }

    func contains(_ host: String) -> Bool {
        IPv4Network.address(host[...]).map { $0 & mask == address } ?? false
    }

    private static func address(_ text: Substring) -> UInt32? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard let byte = UInt8(part) else { return nil }
            address = address << 8 | UInt32(byte)
        }
        return address
    }
}
