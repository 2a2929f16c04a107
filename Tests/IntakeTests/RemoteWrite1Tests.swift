import Model
import Testing

@testable import Intake

@Suite("Remote write 1.0")
struct RemoteWrite1Tests {
    @Test("series, samples and metadata arrive as they were sent")
    func ordinary() throws {
        var request = WriteRequest()
        request.add([("__name__", "up"), ("job", "api")], [(1000, 1), (2000, -0.0)])
        request.add(
            [("__name__", "x"), ("city", "Zürich"), ("long", String(repeating: "é", count: 300))],
            [(-5, 2)]
        )
        request.add([("__name__", "no_samples")], [])
        request.addMetadata(1, "http_requests_total", "All of them.", "")
        request.addMetadata(99, "odd", "", "seconds")
        let write = try request.decoded()
        let long = Labels(["__name__": "x", "city": "Zürich", "long": String(repeating: "é", count: 300)])
        #expect(
            write.batch.contents == [
                SentSeries(["__name__": "up", "job": "api"], [(1000, 1), (2000, -0.0)]),
                SentSeries(long, [(-5, 2)]),
            ]
        )
        #expect(
            write.batch.metadata == [
                MetricMetadata(name: "http_requests_total", kind: .counter, help: "All of them."),
                MetricMetadata(name: "odd", kind: .unknown, unit: "seconds"),
            ]
        )
        #expect(write.rejections.isEmpty)
        #expect(write.batch.flaw == nil)
    }

    @Test("the types of metadata have the numbers of the protocol")
    func metadataKinds() throws {
        var request = WriteRequest()
        for type in 0..<9 { request.addMetadata(UInt64(type), "m\(type)", "", "") }
        let kinds = try request.decoded().batch.metadata.map { $0.kind }
        #expect(
            kinds == [
                .unknown, .counter, .gauge, .histogram, .gaugehistogram, .summary, .info, .stateset, .unknown,
            ]
        )
    }

    @Test("values keep every bit, staleness markers and other NaNs among them")
    func valueBits() throws {
        let patterns: [UInt64] = [
            StaleMarker.bitPattern, StaleMarker.ordinaryNaNBitPattern, 0x7ff0_0000_0000_0001,
            0xffff_ffff_ffff_ffff,
            0, 1 << 63, 1, Double.infinity.bitPattern,
        ]
        var request = WriteRequest()
        request.add([("__name__", "m")], patterns.enumerated().map { (Int64($0), Double(bitPattern: $1)) })
        #expect(try request.decoded().batch.values.map { $0.bitPattern } == patterns)
    }

    @Test("labels are sorted and empty ones left out, whatever came before")
    func canonical() throws {
        var request = WriteRequest()
        request.add([("job", "api"), ("__name__", "up"), ("Z", "1"), ("empty", ""), ("a", "2")], [(1, 1)])
        request.add(
            [("__name__", "up"), ("jobs_and_more", "b"), ("jobs_and_less", "a"), ("job", "c")],
            [(2, 2)]
        )
        let write = try request.decoded()
        #expect(
            write.batch.contents == [
                SentSeries(["Z": "1", "__name__": "up", "a": "2", "job": "api"], [(1, 1)]),
                SentSeries(
                    ["__name__": "up", "job": "c", "jobs_and_less": "a", "jobs_and_more": "b"],
                    [(2, 2)]
                ),
            ]
        )
        #expect(write.rejections.isEmpty)
    }

    @Test("names with the same first bytes sort as bytes do, NUL too")
    func closeNames() throws {
        let names = [
            "a", "a\u{0}", "a\u{0}b", "ab", "abcdefgh", "abcdefgh\u{0}", "abcdefghi", "abcdefgi", "__name__",
        ]
        let seed: UInt64 = 5
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            var request = WriteRequest()
            request.add(names.shuffled(using: &generator).map { ($0, "v") }, [(1, 1)])
            let write = try request.decoded()
            try #require(write.batch.contents == [SentSeries(Labels(names.map { Label($0, "v") }), [(1, 1)])])
        }
    }

    @Test("fields in any order, repeated, unknown or left out are read as protobuf has it")
    func oddFields() throws {
        var label: [UInt8] = []
        label.appendField(2, text: "first")
        label.appendField(7, varint: 5)
        label.appendField(2, text: "up")
        label.appendField(1, text: "__name__")
        var sample: [UInt8] = []
        sample.appendField(2, varint: UInt64(bitPattern: -1))
        sample.appendField(9, double: 1)
        sample.appendField(1, double: 4.5)
        var series: [UInt8] = []
        series.appendField(2, bytes: sample)
        series.appendField(100, text: "unknown")
        series.appendField(1, bytes: label)
        series.appendField(2, bytes: [])
        series.appendVarint(9 << 3 | 5)
        series += [1, 2, 3, 4]
        var request = WriteRequest()
        request.bytes.appendField(2, text: "reserved")
        request.add(series: series)
        request.bytes.appendField(77, varint: .max)
        let write = try request.decoded()
        #expect(write.batch.contents == [SentSeries(["__name__": "up"], [(-1, 4.5), (0, 0)])])
    }

    @Test("an empty request is nothing to store")
    func empty() throws {
        let write = try RemoteWrite1.decode(compressed: [0])
        #expect(write.batch.contents.isEmpty && write.rejections.isEmpty)
    }

    @Test(
        "a series against the rules is refused by name and the rest is stored",
        arguments: [
            ([("__name__", "up"), ("job", "a"), ("job", "b")], #"duplicate label name "job""#),
            ([("__name__", "up"), ("job", "a"), ("x", "1"), ("job", "a")], #"duplicate label name "job""#),
            ([("__name__", "up"), ("job", ""), ("job", "a")], #"duplicate label name "job""#),
            ([("__name__", "up"), ("", "a")], "empty label name"),
            ([("job", "a")], "no metric name: the label __name__ is missing"),
            ([], "no metric name: the label __name__ is missing"),
            ([("__name__", ""), ("job", "a")], "the metric name is empty"),
            (
                [("__name__", "up"), (String(repeating: "n", count: 257), "a")],
                "label name of 257 bytes is longer than the limit of 256 (label_name_bytes)"
            ),
            (
                [("__name__", "up"), ("job", String(repeating: "v", count: 4097))],
                #"value of label "job" has 4097 bytes, more than the limit of 4096 (label_value_bytes)"#
            ),
            (
                [("__name__", "up")] + (0..<40).map { ("l\($0)", "x") },
                "41 labels are more than the limit of 40 (labels_per_series)"
            ),
            (
                [("__name__", "up")] + (0..<10_000).map { ("l\($0)", "") },
                "10001 labels are more than the limit of 40 (labels_per_series)"
            ),
        ] as [([(String, String)], String)]
    )
    func refused(labels: [(String, String)], reason: String) throws {
        var request = WriteRequest()
        request.add([("__name__", "before")], [(1, 1)])
        request.add(labels, [(1, 1), (2, 2)])
        request.add([("__name__", "after")], [(1, 1)])
        let write = try request.decoded()
        #expect(
            write.batch.contents == [
                SentSeries(["__name__": "before"], [(1, 1)]), SentSeries(["__name__": "after"], [(1, 1)]),
            ]
        )
        #expect(write.rejections.count == 2)
        let text = write.rejections.first.first ?? ""
        #expect(text.hasSuffix(": \(reason)"))
        if labels.contains(where: { $0 == ("__name__", "up") }) { #expect(text.hasPrefix("up{")) }
        #expect(text.utf8.count < 2000)
        #expect(write.batch.flaw == nil)
    }

    @Test(
        "text that is not UTF-8 is refused",
        arguments: [
            ([0x61], [0xff], "value of label \"a\" is not valid UTF-8"),
            ([0x61], [0x61, 0xc3], "value of label \"a\" is not valid UTF-8"),
            ([0x61], [0xed, 0xa0, 0x80], "value of label \"a\" is not valid UTF-8"),
            ([0xc3, 0x28], [0x61], "is not valid UTF-8"),
        ] as [([UInt8], [UInt8], String)]
    )
    func notUTF8(name: [UInt8], value: [UInt8], reason: String) throws {
        var request = WriteRequest()
        request.add(rawLabels: [(Array("__name__".utf8), Array("up".utf8)), (name, value)], [(1, 1)])
        request.add([("__name__", "ok"), ("b", "ü")], [(1, 1)])
        let write = try request.decoded()
        #expect(write.batch.contents == [SentSeries(["__name__": "ok", "b": "ü"], [(1, 1)])])
        #expect(write.rejections.count == 1)
        #expect(write.rejections.first.first?.contains(reason) == true)
    }

    @Test("limits count labels with a value, up to the limit itself")
    func atTheLimit() throws {
        var request = WriteRequest()
        let name = String(repeating: "n", count: 256)
        let value = String(repeating: "v", count: 4096)
        let labels = [("__name__", "up"), (name, value)] + (0..<38).map { ("l\($0)", "x") }
        request.add(labels + [("empty1", ""), ("empty2", "")], [(1, 1)])
        let write = try request.decoded()
        #expect(write.rejections.isEmpty)
        #expect(write.batch.contents == [SentSeries(Labels(labels.map { Label($0.0, $0.1) }), [(1, 1)])])
        #expect(write.batch.flaw == nil)
    }

    @Test("exemplars are counted")
    func exemplars() throws {
        var request = WriteRequest()
        var series: [UInt8] = []
        series.appendField(1, bytes: WriteRequest.label(Array("__name__".utf8), Array("h".utf8)))
        series.appendField(2, bytes: WriteRequest.sample(1, 1))
        series.appendField(3, bytes: WriteRequest.sample(1, 1))
        request.add(series: series)
        #expect(try request.decoded().exemplarCount == 1)
    }

    @Test("metadata without a usable name is refused, long help is cut between characters")
    func metadataRules() throws {
        var request = WriteRequest()
        request.addMetadata(1, "", "help", "")
        request.addMetadata(1, String(repeating: "n", count: 5000), "help", "")
        request.addMetadata(1, "m", String(repeating: "€", count: 2000), "")
        let write = try request.decoded()
        #expect(write.batch.metadata.map { $0.help } == [String(repeating: "€", count: 1365)])
        #expect(write.rejections.count == 2)
        var limits = Limits()
        limits.metadataPerWrite = 0
        #expect(
            try request.decoded(limits: limits).rejections.first.last?.contains("metadata_per_write") == true
        )
    }

    @Test(
        "broken protobuf is an error for the whole request",
        arguments: [
            ([0x0a], "unexpected EOF"),
            ([0x0a, 0x05, 0x0a], "unexpected EOF"),
            ([0x0a, 0x02, 0x0a, 0x05], "unexpected EOF"),
            ([0x0a, 0x02, 0x12, 0x01], "unexpected EOF"),
            ([0x0a, 0x03, 0x12, 0x01, 0x09], "unexpected EOF"),
            ([0x0a, 0x04, 0x12, 0x02, 0x10, 0x80], "unexpected EOF"),
            ([0x0a, 0x80], "unexpected EOF"),
            ([0x05], "proto: illegal tag 0 (wire type 5)"),
            ([0x08, 0x01], "proto: wrong wireType = 0 for field 1"),
            ([0x0a, 0x02, 0x08, 0x01], "proto: wrong wireType = 0 for field 1"),
            ([0x0a, 0x04, 0x12, 0x02, 0x08, 0x01], "proto: wrong wireType = 0 for field 1"),
            ([0x3b], "proto: illegal wireType 3"),
            ([0x3d, 0x01, 0x02], "unexpected EOF"),
            (
                [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                "proto: negative length found during unmarshaling"
            ),
            ([0x38] + [UInt8](repeating: 0xff, count: 10) + [0x01], "proto: integer overflow"),
        ] as [([UInt8], String)]
    )
    func malformed(bytes: [UInt8], text: String) {
        var request = WriteRequest()
        request.add([("__name__", "fine")], [(1, 1)])
        request.bytes += bytes
        #expect(throws: IntakeError.malformed(text)) { try request.decoded() }
    }

    @Test("more samples than a write may have are too large")
    func tooManySamples() throws {
        var limits = Limits()
        limits.samplesPerWrite = 3
        var request = WriteRequest()
        request.add([("__name__", "m")], [(1, 1), (2, 2), (3, 3)])
        #expect(try request.decoded(limits: limits).batch.sampleCount == 3)
        request.add([("__name__", "m")], [(4, 4)])
        #expect(throws: IntakeError.tooLarge(limitName: "samples_per_write", limit: 3)) {
            try request.decoded(limits: limits)
        }
    }

    @Test("random requests come out as a plain model has them")
    func random() throws {
        let seed: UInt64 = 4711
        var generator = SeededGenerator(seed: seed)
        for round in 0..<300 {
            let (request, expected) = RemoteWrite1Tests.randomRequest(using: &generator)
            let write = try RemoteWrite1.decode(
                compressed: SnappyEncoder.encode(request.bytes, using: &generator)
            ).packed
            try #require(write.batch.contents == expected, "seed \(seed), round \(round)")
            #expect(write.batch.flaw == nil)
        }
    }

    @Test("nothing that is damaged stops the process, and what is accepted is sound")
    func damaged() {
        let seed: UInt64 = 31
        var generator = SeededGenerator(seed: seed)
        var acceptedCount = 0
        var request = WriteRequest()
        for round in 0..<20_000 {
            if round % 50 == 0 { (request, _) = RemoteWrite1Tests.randomRequest(using: &generator) }
            let bytes = request.bytes.damaged(using: &generator)
            guard let write = try? RemoteWrite1.decode(compressed: SnappyEncoder.encode(bytes)) else {
                continue
            }
            acceptedCount += 1
            if let flaw = write.packed.batch.flaw { Issue.record("seed \(seed), round \(round): \(flaw)") }
        }
        #expect(acceptedCount > 1000 && acceptedCount < 20_000)
    }

    /// A valid request of up to six series, and what it says.
    private static func randomRequest(using generator: inout SeededGenerator) -> (WriteRequest, [SentSeries])
    {
        let letters = ["a", "B", "_", "é", "€", "😀", "0", "\u{0}", "zz", "instance"]
        func text(_ longest: Int, _ generator: inout SeededGenerator) -> String {
            (0..<Int.random(in: 1...longest, using: &generator))
                .map { _ in letters.randomElement(using: &generator) ?? "" }.joined()
        }
        var request = WriteRequest()
        var expected: [SentSeries] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            var labels = ["__name__": text(12, &generator)]
            for _ in 0..<Int.random(in: 0...12, using: &generator) {
                labels[text(6, &generator)] = text(Bool.random(using: &generator) ? 4 : 60, &generator)
            }
            var list = labels.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }
            if Bool.random(using: &generator) { list.shuffle(using: &generator) }
            let samples = (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                (Int64(bitPattern: generator.next()) >> 20, Double(bitPattern: generator.next()))
            }
            request.add(list, samples)
            if !samples.isEmpty {
                expected.append(SentSeries(Labels(list.map { Label($0.0, $0.1) }), samples))
            }
        }
        return (request, expected)
    }
}
