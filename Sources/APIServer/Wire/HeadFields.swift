import Model

/// What a request's head says about where the request ends, checked line by line.
struct HeadFields {
    /// How long a body is.
    enum BodyLength: Hashable {
        case bytes(Int)
        case chunked
    }

    /// The methods that get as far as the routes.
    private static let methods: Set<String> = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ]

    private var isVersion10 = false
    private var contentLength: Int?
    private var isChunked = false
    private var hostCount = 0

    /// Checks `METHOD target HTTP/1.x`.
    mutating func readRequestLine(_ line: ArraySlice<UInt8>, _ limits: Limits) throws(WireRefusal) {
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy({ (0x41...0x5a).contains($0) }) else {
            throw WireRefusal(400, "the request line is not METHOD, path and version with one blank between")
        }
        switch String(decoding: parts[2], as: UTF8.self) {
        case "HTTP/1.1": isVersion10 = false
        case "HTTP/1.0": isVersion10 = true
        case let version where version.hasPrefix("HTTP/"):
            throw WireRefusal(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        default: throw WireRefusal(400, "the request line does not end in the version of HTTP")
        }
        guard HeadFields.methods.contains(String(decoding: parts[0], as: UTF8.self)) else {
            throw WireRefusal(501, "the method is not known here")
        }
        guard parts[1].count <= limits.uriBytes else {
            throw WireRefusal(414, "the address is longer than the limit uri_bytes (\(limits.uriBytes))")
        }
        guard parts[1].first == UInt8(ascii: "/") else {
            throw WireRefusal(400, "the request's target has to be a path that begins with /")
        }
        guard !parts[1].contains(where: { $0 <= 0x20 || $0 == 0x7f }) else {
            throw WireRefusal(400, "the request's target has a control character")
        }
    }

    /// Checks a field line; whether it is to be passed on.
    mutating func readField(_ line: ArraySlice<UInt8>) throws(WireRefusal) -> Bool {
        let (name, value) = try HeadFields.split(line)
        switch name {
        case "content-length":
            guard contentLength == nil else { throw WireRefusal(400, "there are two fields Content-Length") }
            guard (1...15).contains(value.utf8.count), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let length = Int(value)
            else { throw WireRefusal(400, "Content-Length is no number of bytes") }
            contentLength = length
        case "transfer-encoding":
            guard !isChunked else { throw WireRefusal(400, "there are two fields Transfer-Encoding") }
            guard value.lowercased() == "chunked" else {
                throw WireRefusal(400, "the only Transfer-Encoding that is read here is chunked")
            }
            isChunked = true
        case "host":
            hostCount += 1
            guard hostCount == 1 else { throw WireRefusal(400, "there are two fields Host") }
        case "expect":
            guard value.lowercased() == "100-continue" else {
                throw WireRefusal(417, "the only expectation that is met here is 100-continue")
            }
        // No other protocol is spoken here, and the parser behind would wait for one.
        case "upgrade": return false
        default: break
        }
        return true
    }

    /// The body's length as the whole head says it.
    func bodyLength() throws(WireRefusal) -> BodyLength {
        guard isVersion10 || hostCount == 1 else { throw WireRefusal(400, "there is no field Host") }
        if isChunked {
            guard contentLength == nil else {
                throw WireRefusal(400, "there are both Content-Length and Transfer-Encoding")
            }
            guard !isVersion10 else { throw WireRefusal(400, "HTTP/1.0 has no Transfer-Encoding") }
            return .chunked
        }
        return .bytes(contentLength ?? 0)
    }

    /// The name, in lower case, and the value of a field line.
    static func split(_ line: ArraySlice<UInt8>) throws(WireRefusal) -> (name: String, value: String) {
        guard line.first != UInt8(ascii: " "), line.first != UInt8(ascii: "\t") else {
            throw WireRefusal(400, "a header field goes on in a second line")
        }
        let name = line.prefix { $0 != UInt8(ascii: ":") }
        guard !name.isEmpty, name.count < line.count, name.allSatisfy(isTokenByte) else {
            throw WireRefusal(400, "a header field has no proper name with a colon behind it")
        }
        let value = line.dropFirst(name.count + 1)
        guard !value.contains(where: isControl) else {
            throw WireRefusal(400, "a header field has a control character")
        }
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let trimmed = value.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
        return (
            String(decoding: name, as: UTF8.self).lowercased(),
            String(decoding: Array(trimmed), as: UTF8.self)
        )
    }

    static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != 0x09) || byte == 0x7f
    }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
