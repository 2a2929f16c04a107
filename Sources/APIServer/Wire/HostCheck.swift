import Model

/// Whether a request is meant for this daemon: a page of a foreign site whose name was made to point here
/// (DNS rebinding) has that site's name as its host.
///
/// Allowed are IP addresses, names without a dot (such as `localhost` and those of a local network, which no
/// foreign site can have), the name that is listened on, and what the configuration lists.
enum HostCheck {
    /// Whether `host`, the value of the field Host, may be answered.
    static func allows(_ host: String, listening: String, allowed: @autoclosure () -> [String]) -> Bool {
        if isPlainAddress(host.utf8.span) { return true }
        let name = name(of: host)
        if name.isEmpty { return false }
        if isAddress(name) || !name.utf8.contains(UInt8(ascii: ".")) { return true }
        return ([listening] + allowed()).contains { entry in
            let wanted = entry.lowercased()
            return wanted == "*" || wanted.utf8.elementsEqual(name.utf8)
        }
    }

    /// Whether `origin`, the value of the field Origin, is the page of this daemon that `host` names.
    static func isSame(origin: String, host: String?) -> Bool {
        guard let host, let scheme = ["http://", "https://"].first(where: { origin.hasPrefix($0) }) else {
            return false
        }
        return origin.dropFirst(scheme.count).lowercased().utf8.elementsEqual(host.lowercased().utf8)
    }

    /// Whether it is an IPv4 address in the usual form, with or without a port, as it nearly always is.
    private static func isPlainAddress(_ host: Span<UInt8>) -> Bool {
        var (dotCount, number, digitCount) = (0, 0, 0)
        var isPort = false
        for index in host.indices {
            switch host[index] {
            case let digit where digit >= 0x30 && digit <= 0x39 && digitCount < 5:
                number = number * 10 + Int(digit - 0x30)
                digitCount += 1
                if !isPort && number > 255 { return false }
            case UInt8(ascii: ".") where digitCount > 0 && !isPort && dotCount < 3:
                dotCount += 1
                (number, digitCount) = (0, 0)
            case UInt8(ascii: ":") where digitCount > 0 && !isPort:
                isPort = true
                (number, digitCount) = (0, 0)
            default: return false
            }
        }
        return dotCount == 3 && digitCount > 0
    }

    /// The host without its port, in lower case, without a dot at the end.
    private static func name(of host: String) -> String {
        var name = Substring(host.lowercased())
        if name.hasPrefix("[") { return name.firstIndex(of: "]").map { String(name[...$0]) } ?? "" }
        if let colon = name.lastIndex(of: ":") {
            guard name[name.index(after: colon)...].utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                return ""
            }
            name = name[..<colon]
        }
        if name.hasSuffix(".") { name = name.dropLast() }
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) || "-._".utf8.contains(byte)
        }
        return isPlain ? String(name) : ""
    }

    private static func isAddress(_ name: String) -> Bool {
        if name.hasPrefix("[") {
            return name.dropFirst().dropLast().utf8.allSatisfy {
                HeadFields.isHexDigit($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
            }
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}
