import Model
import Testing

@testable import Intake

@Suite struct PushedExpositionTests {
    @Test("families come whole, with the parts of histograms and summaries in them")
    func families() throws {
        let text = """
            # HELP h Help.
            # TYPE h histogram
            h_bucket{le="+Inf"} 2
            u 1
            h_count 2
            # TYPE s summary
            s_bucket 1
            s_sum 3
            # TYPE empty gauge
            u{a=""} 4

            """
        let read = try PushedExposition(Array(text.utf8))
        #expect(read.families.map(\.name) == ["h", "u", "s", "s_bucket", "empty"])
        #expect(read.families.map(\.samples.count) == [2, 2, 1, 1, 0])
        #expect(read.families.map(\.kind) == [.histogram, .unknown, .summary, .unknown, .gauge])
        #expect(read.families[0].help == "Help.")
        #expect(!read.hasTimestamps)
        #expect(try PushedExposition(Array("a 1 0\n".utf8)).hasTimestamps)
        #expect(try PushedExposition([]).families.isEmpty)
    }

    @Test(
        "the first bad line refuses the body, in the Pushgateway's words",
        arguments: [
            ("a 1", #"1: unexpected end of input stream"#),
            ("a\n", #"1: expected float as value, got """#),
            ("a x\n", #"1: expected float as value, got "x""#),
            ("a 1\nb{x=y} 1\n", #"2: expected '"' at start of label value, found 'y'"#),
            ("a{le} 1\n", "1: expected '=' after label name, found '}'"),
            ("a{x=\"1\",x=\"2\"} 1\n", #"1: duplicate label names for metric "a""#),
            (
                "# TYPE a gauge\n# TYPE a gauge\n",
                #"2: second TYPE line for metric name "a", or TYPE reported after samples"#
            ),
            (
                "a 1\n# TYPE a gauge\n",
                #"2: second TYPE line for metric name "a", or TYPE reported after samples"#
            ),
            ("# HELP a x\n# HELP a y\n", #"2: second HELP line for metric name "a""#),
            ("# TYPE q foo\n", #"1: unknown metric type "foo""#),
            ("# TYPE q info\n", #"1: unknown metric type "info""#), ("1a 1\n", "1: invalid metric name"),
            ("{\"my.metric\"} 1\n", #"1: invalid metric name "my.metric""#),
            ("a{\"l.x\"=\"v\"} 1\n", #"1: invalid label name "l.x""#),
            ("a 1 2 3\n", #"1: spurious string after timestamp: " 3""#),
            ("a 1 x\n", #"1: expected integer as timestamp, got "x""#),
            ("a{x=\"a\nb\"} 1\n", #"1: label value "a" contains unescaped new-line"#),
            (#"a{x="\q"} 1"# + "\n", #"1: invalid escape sequence '\q'"#),
        ]
    )
    func refuses(text: String, reason: String) {
        #expect(throws: IntakeError.malformed("text format parsing error in line " + reason)) {
            _ = try PushedExposition(Array(text.utf8))
        }
    }

    @Test("framed snappy is read, and a plain block; what is damaged is not")
    func frames() throws {
        let text = Array("a 1\n".utf8)
        // The stream's identifier, then one uncompressed chunk with the checksum of its four bytes.
        let stream: [UInt8] =
            [0xff, 6, 0, 0] + Array("sNaPpY".utf8) + [0xfe, 1, 0, 0, 0]
            + [1, 8, 0, 0] + PushedExpositionTests.checksum + text
        #expect(try SnappyFrames.decompress(stream) == text)
        #expect(try SnappyFrames.decompress([4, 12] + text) == text)
        for count in 11..<stream.count where count != 15 {
            #expect(throws: IntakeError.self) { _ = try SnappyFrames.decompress(Array(stream[..<count])) }
        }
        for place in 15..<stream.count {
            var damaged = stream
            damaged[place] ^= 0x10
            #expect(throws: IntakeError.self) { _ = try SnappyFrames.decompress(damaged) }
        }
        #expect(throws: IntakeError.tooLarge(limitName: "decompressedBodyBytes", limit: 3)) {
            _ = try SnappyFrames.decompress(stream, limit: 3)
        }
    }

    /// The masked CRC-32C of "a 1\n", as another program computed it.
    private static let checksum: [UInt8] = [0xaf, 0x4c, 0x19, 0x8a]
}
