import Crypto

/// Signs requests as S3-compatible stores ask for it: AWS Signature Version 4.
///
/// Source: "Signature Version 4 signing process" and "Authenticating Requests (AWS Signature Version 4)" of the
/// documentation of AWS.
struct RequestSignature {
    /// What is signed.
    struct Request {
        var method: String
        /// The path, not encoded, with a slash in front.
        var path: String
        /// The query, not encoded.
        var query: [(name: String, value: String)] = []
        /// All header fields that are signed; host and date are among them.
        var headers: [(name: String, value: String)]
        /// The SHA-256 of the body in hexadecimal digits.
        var payload: String
    }

    var credentials: ObjectStoreCredentials
    var region: String
    var service = "s3"
    /// The time of the request, such as `20130524T000000Z`.
    var time: String

    /// The value of the header field `Authorization`.
    func authorization(_ request: Request) -> String {
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        let names = request.headers.map { $0.name.lowercased() }.sorted().joined(separator: ";")
        let canonical = SHA256.hash(data: Array(canonical(request).utf8)).hexadecimal
        let text = "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(canonical)"
        var key = SymmetricKey(data: Array("AWS4\(credentials.secretKey)".utf8))
        for part in [String(time.prefix(8)), region, service, "aws4_request"] {
            key = SymmetricKey(data: code(part, key))
        }
        let signature = code(text, key).hexadecimal
        return "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope),SignedHeaders=\(names),"
            + "Signature=\(signature)"
    }

    private func code(_ text: String, _ key: SymmetricKey) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
    }

    /// The request in the form of which the hash is signed.
    func canonical(_ request: Request) -> String {
        let headers = request.headers.map { ($0.name.lowercased(), $0.value.trimmed) }.sorted { $0.0 < $1.0 }
        return [
            request.method, RequestSignature.encode(request.path, keepsSlashes: true),
            RequestSignature.encode(request.query),
            headers.map { "\($0.0):\($0.1)\n" }.joined(),
            headers.map(\.0).joined(separator: ";"), request.payload,
        ].joined(separator: "\n")
    }

    /// The query in its encoded form, as it is signed and sent.
    static func encode(_ query: [(name: String, value: String)]) -> String {
        query.map { (encode($0.name), encode($0.value)) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
    }

    /// `text` with all but unreserved characters as percent signs and digits.
    static func encode(_ text: String, keepsSlashes: Bool = false) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            case UInt8(ascii: "/") where keepsSlashes: out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

extension String {
    /// The text without white space at its ends.
    fileprivate var trimmed: String {
        var text = Substring(self)
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
