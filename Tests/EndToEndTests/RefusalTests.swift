import Testing

extension EndToEnd {
    @Suite("What cannot be stored")
    struct RefusalTests {
        /// A series that must be refused, and the words that the answer must hold.
        struct Refusal: Sendable, CustomStringConvertible {
            let description: String
            let labels: [([UInt8], [UInt8])]
            var millisAhead: Int64 = -1000
            let words: [String]
        }

        private static func text(_ labels: KeyValuePairs<String, String>) -> [([UInt8], [UInt8])] {
            labels.map { (Array($0.key.utf8), Array($0.value.utf8)) }
        }

        static let refusals = [
            Refusal(
                description: "a series without a name",
                labels: text(["job": "nameless"]),
                words: ["nameless", "__name__"]
            ),
            Refusal(
                description: "a label twice",
                labels: text(["__name__": "doubled", "job": "a", "job": "b"]),
                words: ["doubled", "duplicate", "job"]
            ),
            Refusal(
                description: "a label value that is no text",
                labels: text(["__name__": "garbled"]) + [(Array("path".utf8), [0x61, 0xff, 0xfe])],
                words: ["garbled", "utf-8"]
            ),
            Refusal(
                description: "a label name that is no text",
                labels: text(["__name__": "misnamed"]) + [([0xc3, 0x28], Array("x".utf8))],
                words: ["misnamed", "utf-8"]
            ),
            Refusal(
                description: "a sample of tomorrow",
                labels: text(["__name__": "early", "job": "a"]),
                millisAhead: 86_400_000,
                words: ["early", "future"]
            ),
        ]

        @Test("is refused with 400, naming the series and the reason, while the valid rest is stored")
        func refused() async throws {
            try await withDaemon { sextant in
                for (index, refusal) in RefusalTests.refusals.enumerated() {
                    let now = nowMillis()
                    var request = RemoteWrite()
                    request.add(
                        ["__name__": "valid_before", "n": "\(index)"],
                        [.init(millis: now, value: 1)]
                    )
                    request.add(
                        rawLabels: refusal.labels,
                        [.init(millis: now + refusal.millisAhead, value: 2)]
                    )
                    request.add(["__name__": "valid_after", "n": "\(index)"], [.init(millis: now, value: 3)])
                    let answer = try await request.send(to: sextant.client)
                    #expect(answer.status == 400, "\(refusal)")
                    for word in refusal.words {
                        #expect(answer.text.lowercased().contains(word), "\(refusal): \(answer.text)")
                    }
                    let stored = try await sextant.client.query(#"{__name__=~"valid_.*", n="\#(index)"}"#)
                    #expect(stored.map { $0.points[0].text }.sorted() == ["1", "3"], "\(refusal)")
                }
                let names = try JSON(parsing: await sextant.client.get("/api/v1/label/__name__/values").body)
                let shop = names["data"]?.elements.compactMap(\.string).filter { !$0.hasPrefix("kpi:") }
                #expect(shop == ["valid_after", "valid_before"])
            }
        }

        @Test("is named all at once when several series of a request are refused")
        func severalRefusals() async throws {
            try await withDaemon { sextant in
                let now = nowMillis()
                var request = RemoteWrite()
                for refusal in RefusalTests.refusals {
                    request.add(
                        rawLabels: refusal.labels,
                        [.init(millis: now + refusal.millisAhead, value: 2)]
                    )
                }
                request.add(
                    ["__name__": "half_early"],
                    [.init(millis: now, value: 5), .init(millis: now + 3_600_000, value: 6)]
                )
                let answer = try await request.send(to: sextant.client)
                #expect(answer.status == 400)
                for word in RefusalTests.refusals.flatMap(\.words) + ["half_early"] {
                    #expect(answer.text.lowercased().contains(word), "\(answer.text)")
                }
                #expect(try await sextant.client.value(of: "half_early") == 5)
            }
        }

        @Test("is a body that is no remote write request: 4xx with the reason, and the daemon goes on")
        func brokenBodies() async throws {
            try await withDaemon { sextant in
                var valid = RemoteWrite()
                valid.add(["__name__": "whole"], [.init(millis: nowMillis(), value: 1)])
                let bodies: [(String, [UInt8], [(String, String)], Int)] = [
                    ("no snappy", Array("hello, this is no snappy block".utf8), RemoteWrite.headers, 400),
                    (
                        "a length of 4 GiB", [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61], RemoteWrite.headers,
                        413
                    ),
                    ("cut off", Array(valid.body.dropLast(5)), RemoteWrite.headers, 400),
                    ("no protobuf", [4, 3 << 2, 0xff, 0xff, 0xff, 0xff], RemoteWrite.headers, 400),
                    ("JSON", Array("{}".utf8), [("Content-Type", "application/json")], 415),
                    (
                        "zstd", valid.body,
                        [("Content-Type", "application/x-protobuf"), ("Content-Encoding", "zstd")], 415
                    ),
                ]
                for (name, body, headers, status) in bodies {
                    let answer = try await sextant.client.send(
                        "POST",
                        "/api/v1/write",
                        headers: headers,
                        body: body
                    )
                    #expect(answer.status == status, "\(name): \(answer.text)")
                    #expect(!answer.text.isEmpty, "\(name)")
                }
                #expect(try await valid.send(to: sextant.client).status == 204)
                #expect(try await sextant.client.value(of: "whole") == 1)
            }
        }
    }
}
