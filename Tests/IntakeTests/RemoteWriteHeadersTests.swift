import Testing

@testable import Intake

@Suite("Remote write headers")
struct RemoteWriteHeadersTests {
    @Test(
        "a remote write 1.0 body is accepted",
        arguments: [
            ("application/x-protobuf", "snappy"),
            ("application/x-protobuf;proto=prometheus.WriteRequest", "snappy"),
            ("application/x-protobuf; proto=prometheus.WriteRequest; charset=utf-8", " Snappy"),
            ("Application/X-Protobuf; proto=\"prometheus.WriteRequest\";", "snappy"),
            (nil, "snappy"), ("application/x-protobuf", nil), (nil, nil), ("", ""),
        ] as [(String?, String?)]
    )
    func accepted(type: String?, encoding: String?) throws {
        try RemoteWriteHeaders.check(contentType: type, contentEncoding: encoding)
    }

    @Test(
        "anything else is an unsupported media type, with an explanation",
        arguments: [
            ("application/x-protobuf", "gzip", "Content-Encoding gzip is not accepted"),
            ("application/x-protobuf", "zstd", "Content-Encoding zstd is not accepted"),
            ("application/json", "snappy", "expected application/x-protobuf"),
            (";proto=prometheus.WriteRequest", "snappy", "expected application/x-protobuf"),
            ("application/x-protobuf;proto", "snappy", "not of the form key=value"),
            ("application/x-protobuf;proto=yoloo", "snappy", "unknown remote write message yoloo"),
            (
                "application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy",
                "remote write 2.0 (io.prometheus.write.v2.Request) is not supported yet"
            ),
        ]
    )
    func refused(type: String, encoding: String, reason: String) {
        do throws(IntakeError) {
            try RemoteWriteHeaders.check(contentType: type, contentEncoding: encoding)
            Issue.record("accepted")
        } catch {
            guard case .unsupportedMediaType(let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains(reason))
        }
    }
}
