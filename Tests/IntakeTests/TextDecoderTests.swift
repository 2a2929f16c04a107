import Model
import Testing

@testable import Intake

@Suite("Text exposition in pieces")
struct TextDecoderTests {
    private static let page = Array(
        #"""
        # HELP a Grüße an "alle"
        # TYPE a counter
        a{x="1",y="zwei"} 1 1000
        a{x="1",y="zwei"} 2 2000
        broken{ 1
        a{x="2"} 3 3000
        {"b.c", "d e"="f\ng"} NaN

        """#.utf8
    )

    @Test("wherever the body is cut, the same comes out")
    func cuts() {
        let whole = TextExposition.decode(TextDecoderTests.page, now: Timestamp(millis: 5))
        for size in 1...TextDecoderTests.page.count {
            var decoder = TextExposition.Decoder(now: Timestamp(millis: 5))
            for start in stride(from: 0, to: TextDecoderTests.page.count, by: size) {
                let end = min(start + size, TextDecoderTests.page.count)
                decoder.feed(Array(TextDecoderTests.page[start..<end]))
            }
            #expect(decoder.pendingSampleCount == 4)
            let write = decoder.finish()
            #expect(write.batch.contents == whole.batch.contents, "pieces of \(size)")
            #expect(write.batch.metadata == whole.batch.metadata)
            #expect(write.rejections.first == whole.rejections.first)
        }
    }

    @Test("what is taken in between is sound and nothing is lost or repeated")
    func takes() {
        var decoder = TextExposition.Decoder(now: Timestamp(millis: 5))
        var series: [SentSeries] = []
        var metadata: [MetricMetadata] = []
        var rejections = Rejections()
        func keep(_ write: DecodedWrite) {
            #expect(write.batch.flaw == nil)
            series += write.batch.contents
            metadata += write.batch.metadata
            rejections.add(write.rejections)
        }
        for byte in TextDecoderTests.page {
            decoder.feed([byte])
            keep(decoder.take())
        }
        keep(decoder.finish())
        #expect(series.map { $0.times } == [[1000], [2000], [3000], [5]])
        #expect(metadata.map { $0.name } == ["a"])
        #expect(rejections.first.count == 1 && rejections.first.first?.hasPrefix("line 5: ") == true)
    }

    @Test("a line longer than allowed is refused and not held", arguments: [1, 7, 64, 5000])
    func longLine(size: Int) {
        var options = TextExposition.Options()
        options.limits.lineBytes = 100
        var body = Array("a 1\n".utf8)
        body += Array("b{x=\"\(String(repeating: "y", count: 3000))\"} 1\n".utf8)
        body += Array("c 1\n".utf8)
        body += Array(repeating: UInt8(ascii: "z"), count: 101)
        var decoder = TextExposition.Decoder(now: Timestamp(millis: 5), options: options)
        for start in stride(from: 0, to: body.count, by: size) {
            decoder.feed(Array(body[start..<min(start + size, body.count)]))
        }
        let write = decoder.finish()
        #expect(write.batch.contents.map { $0.labels.metricName } == ["a", "c"])
        #expect(
            write.rejections.first == [
                "line 2: 3009 bytes are more than the limit of 100 (line_bytes)",
                "line 4: 101 bytes are more than the limit of 100 (line_bytes)",
            ]
        )
    }

    @Test("nothing that is damaged stops the process, and what is accepted is sound")
    func damaged() {
        let seed: UInt64 = 8
        var generator = SeededGenerator(seed: seed)
        var refusedCount = 0
        for round in 0..<20_000 {
            let body = TextDecoderTests.page.damaged(using: &generator)
            var decoder = TextExposition.Decoder(now: Timestamp(millis: 5))
            let cut = Int.random(in: 0...body.count, using: &generator)
            decoder.feed(Array(body[..<cut]))
            decoder.feed(Array(body[cut...]))
            let write = decoder.finish()
            refusedCount += write.rejections.count
            if let flaw = write.batch.flaw { Issue.record("seed \(seed), round \(round): \(flaw)") }
        }
        #expect(refusedCount > 20_000)
    }

    @Test("random series written as text come back")
    func random() throws {
        let seed: UInt64 = 12
        var generator = SeededGenerator(seed: seed)
        let letters = ["a", "B", "\\", "\"", "\n", "é", "}", ",", "=", " ", "#", "\r", "n"]
        for round in 0..<500 {
            var labels = ["__name__": "m"]
            for index in 0..<Int.random(in: 0...6, using: &generator) {
                let count = Int.random(in: 1...8, using: &generator)
                let value = (0..<count).map { _ in letters.randomElement(using: &generator) ?? "" }.joined()
                labels[index % 2 == 0 ? "l\(index)" : "l \(index)\""] = value
            }
            func escaped(_ text: String) -> String {
                var out = String.UnicodeScalarView()
                for scalar in text.unicodeScalars {
                    if scalar == "\\" || scalar == "\"" || scalar == "\n" { out.append("\\") }
                    out.append(scalar == "\n" ? "n" : scalar)
                }
                return String(out)
            }
            let parts = labels.filter { $0.key != "__name__" }.map {
                "\"\(escaped($0.key))\"=\"\(escaped($0.value))\""
            }
            let value = Double(bitPattern: generator.next() >> 2)
            let line = "m{\(parts.joined(separator: ","))} \(value) \(round)\n"
            let write = TextExposition.decode(Array(line.utf8), now: Timestamp(millis: 0))
            let expected = SentSeries(Labels(labels.map { Label($0.key, $0.value) }), [(Int64(round), value)])
            try #require(
                write.batch.contents == [expected],
                "seed \(seed), line \(line), \(write.rejections.summary)"
            )
        }
    }
}
