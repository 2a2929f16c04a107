import Model
import Testing

@testable import Intake

private let now = Timestamp(millis: 777)

private func decode(_ text: String, finalNewline: Bool = false) -> DecodedWrite {
    var options = TextExposition.Options()
    options.requiresFinalNewline = finalNewline
    return TextExposition.decode(Array(text.utf8), now: now, options: options)
}

@Suite("Text exposition")
struct TextExpositionTests {
    @Test("a page as an exporter writes it")
    func page() {
        let write = decode(
            #"""
            # HELP http_requests_total The total number of HTTP\nrequests, C:\\DIR.
            # TYPE http_requests_total counter
            http_requests_total{method="post",code="200"} 1027 1395066363000
            http_requests_total{method="post",code="400"}    3 1395066363000

            # A comment, and one without a text:
            #
            # TYPE rpc_duration_seconds histogram
            rpc_duration_seconds_bucket{le="+Inf"} 144320
            rpc_duration_seconds_sum 5.3423e+04
            # EOF

            """#
        )
        #expect(write.rejections.isEmpty)
        #expect(
            write.batch.contents == [
                SentSeries(
                    ["__name__": "http_requests_total", "code": "200", "method": "post"],
                    [(1_395_066_363_000, 1027)]
                ),
                SentSeries(
                    ["__name__": "http_requests_total", "code": "400", "method": "post"],
                    [(1_395_066_363_000, 3)]
                ),
                SentSeries(["__name__": "rpc_duration_seconds_bucket", "le": "+Inf"], [(777, 144320)]),
                SentSeries(["__name__": "rpc_duration_seconds_sum"], [(777, 53423)]),
            ]
        )
        #expect(
            write.batch.metadata == [
                MetricMetadata(
                    name: "http_requests_total",
                    kind: .counter,
                    help: "The total number of HTTP\nrequests, C:\\DIR."
                ),
                MetricMetadata(name: "rpc_duration_seconds", kind: .histogram),
            ]
        )
        #expect(write.batch.flaw == nil)
    }

    @Test(
        "odd lines that are fine",
        arguments: [
            ("up 1", ["__name__": "up"], 1, 777),
            ("  up\t1\t-5  ", ["__name__": "up"], 1, -5),
            ("up{} 1", ["__name__": "up"], 1, 777),
            ("up { a = \"x\" , b = \"y\" , } 1", ["__name__": "up", "a": "x", "b": "y"], 1, 777),
            (#"up{a="x"}1 2"#, ["__name__": "up", "a": "x"], 1, 2),
            (#"up{a=""} 1"#, ["__name__": "up"], 1, 777),
            (#"{"my.metric","l.x"="v"} 1"#, ["__name__": "my.metric", "l.x": "v"], 1, 777),
            (#"{"up"} 1"#, ["__name__": "up"], 1, 777),
            (#"{a="b","my metric"} 1"#, ["__name__": "my metric", "a": "b"], 1, 777),
            (#"{__name__="up",job="a"} 1"#, ["__name__": "up", "job": "a"], 1, 777),
            (#"{"größe \"x\"\n"} 1"#, ["__name__": "größe \"x\"\n"], 1, 777),
            (#"up{p="C:\\dir\"\n"} 1"#, ["__name__": "up", "p": "C:\\dir\"\n"], 1, 777),
            (#"up{p="C:\dir"} 1"#, ["__name__": "up", "p": #"C:\dir"#], 1, 777),
            (#"up{p="a}b,c=\"d\" #"} 1"#, ["__name__": "up", "p": "a}b,c=\"d\" #"], 1, 777),
            ("job:x:rate5m +0.5", ["__name__": "job:x:rate5m"], 0.5, 777),
            ("HELP 1", ["__name__": "HELP"], 1, 777),
            ("x 1 9223372036854775807", ["__name__": "x"], 1, .max),
            ("x 1 -9223372036854775808", ["__name__": "x"], 1, .min),
            ("x 1 +3", ["__name__": "x"], 1, 3),
        ] as [(String, KeyValuePairs<String, String>, Double, Int64)]
    )
    func accepted(line: String, labels: KeyValuePairs<String, String>, value: Double, millis: Int64) {
        for end in ["", "\n", "\r\n"] {
            let write = decode(line + end)
            #expect(write.batch.contents == [SentSeries(Labels(labels), [(millis, value)])])
            #expect(write.rejections.isEmpty, "\(write.rejections.summary)")
        }
    }

    @Test(
        "numbers are read to the bit",
        arguments: [
            ("0", 0), ("-0", -0.0), ("1.", 1), (".5", 0.5), ("1e3", 1000), ("1E-3", 0.001), ("1e+03", 1000),
            ("0.1", 0.1), ("123456789.123456789", 123456789.123456789),
            ("9007199254740993", 9007199254740992),
            ("1e22", 1e22), ("1e23", 1e23), ("4.9e-324", .leastNonzeroMagnitude),
            ("1.7976931348623157e308", .greatestFiniteMagnitude),
            ("2.2250738585072011e-308", Double.leastNormalMagnitude.nextDown), ("1e-400", 0), ("00012", 12),
            ("+Inf", .infinity),
            ("-Inf", -.infinity), ("inf", .infinity), ("-infinity", -.infinity), ("0x1F", 31),
            ("-0x1p-2", -0.25),
            ("NaN", Double(bitPattern: StaleMarker.ordinaryNaNBitPattern)),
            ("nan", Double(bitPattern: StaleMarker.ordinaryNaNBitPattern)),
            ("0.000000000000000000000000000000000000000000001", 1e-45),
            ("12345678901234567890123", 12345678901234567741440),
        ]
    )
    func numbers(text: String, value: Double) {
        let write = decode("x \(text)\n")
        #expect(write.batch.values.map { $0.bitPattern } == [value.bitPattern], "\(write.rejections.summary)")
    }

    @Test("any double that is printed is read back to the bit")
    func printedNumbers() throws {
        let seed: UInt64 = 99
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20_000 {
            var value = Double(bitPattern: generator.next())
            if Bool.random(using: &generator) {
                value = Double(Int64.random(in: -1_000_000...1_000_000, using: &generator)) / 1000
            }
            guard value.isFinite else { continue }
            for text in [value.description, ValueText.format(value)] {
                let write = decode("x \(text)")
                try #require(
                    write.batch.values.map { $0.bitPattern } == [value.bitPattern],
                    "\(text), seed \(seed)"
                )
            }
        }
    }

    @Test(
        "a bad line is refused by its number and the rest is stored",
        arguments: [
            ("up", "no value behind the series"),
            ("up{a=\"b\"}", "no value behind the series"),
            ("up abc", #"the value "abc" is not a number of 64 bits"#),
            ("up 1_000", #"the value "1_000" is not a number of 64 bits"#),
            ("up 1e999", #"the value "1e999" is not a number of 64 bits"#),
            ("up 1e", #"the value "1e" is not a number of 64 bits"#),
            ("up +-1", #"the value "+-1" is not a number of 64 bits"#),
            ("up .", #"the value "." is not a number of 64 bits"#),
            ("up 1 1.5", #"the timestamp "1.5" is not a whole number of milliseconds"#),
            ("up 1 9223372036854775808", "is not a whole number of milliseconds"),
            ("up 1 -", #"the timestamp "-" is not a whole number of milliseconds"#),
            ("up 1 2 3", #"unexpected "3" at the end"#),
            ("up 1 2 # {trace_id=\"x\"} 1", "unexpected \"# {trace_id="),
            ("up 1 # {trace_id=\"x\"} 1", #"the timestamp "#),
            ("1up 1", #"expected a metric name, got "1up 1""#),
            ("größe 1", #"the value "#),
            ("\"up\" 1", "expected a metric name"),
            ("up{a} 1", #""=" behind the label name, got "} 1""#),
            ("up{a=b} 1", #"a label value in double quotes, got "b} 1""#),
            ("up{a=\"b} 1", "no closing quote for \"\\\"b} 1\""),
            ("up{a=\"b\\", "no closing quote"),
            ("up{a=\"b\"", #""," or "}" behind the label value, got the end of the line"#),
            ("up{a=\"b\" c=\"d\"} 1", #""," or "}" behind the label value, got "c="#),
            ("up{", #"a label name or "}", got the end of the line"#),
            ("up{,} 1", #"a label name or "}", got ",} 1""#),
            ("up{a:b=\"c\"} 1", #""=" behind the label name"#),
            ("up{a=\"1\",a=\"1\"} 1", #"up{a="1", a="1"}: duplicate label name "a""#),
            ("up{__name__=\"down\"} 1", #"duplicate label name "__name__""#),
            ("{\"up\",__name__=\"up\"} 1", #"duplicate label name "__name__""#),
            ("up{\"down\"} 1", #"duplicate label name "__name__""#),
            ("{a=\"b\"} 1", #"{a="b"}: no metric name: the label __name__ is missing"#),
            ("{} 1", "{}: no metric name"),
            ("{\"\"} 1", "the metric name is empty"),
            ("up{\"\"=\"x\"} 1", "empty label name"),
            ("# TYPE up gouge", #"unknown metric type "gouge""#),
            ("# TYPE up", #"unknown metric type the end of the line"#),
            ("# TYPE up counter x", #"unexpected "x" at the end"#),
            ("# HELP 1up text", "expected a metric name"),
            ("# HELP \"\" text", "metadata without a metric name"),
        ]
    )
    func refused(line: String, reason: String) {
        let write = decode("before 1\n\n\(line)\nafter 2\n")
        #expect(
            write.batch.contents == [
                SentSeries(["__name__": "before"], [(777, 1)]), SentSeries(["__name__": "after"], [(777, 2)]),
            ]
        )
        #expect(write.rejections.count == 1)
        let text = write.rejections.first.first ?? ""
        #expect(text.hasPrefix("line 3: ") && text.contains(reason), "\(text)")
        #expect(write.batch.flaw == nil)
    }

    @Test("labels have the limits of every way in")
    func limits() {
        let many = (0..<40).map { "l\($0)=\"x\"" }.joined(separator: ",")
        let body = [
            "up{\(many)} 1", "up{\(String(repeating: "n", count: 257))=\"x\"} 1",
            "up{v=\"\(String(repeating: "v", count: 4097))\"} 1",
        ]
        let write = decode(body.joined(separator: "\n"))
        #expect(write.batch.contents.isEmpty && write.rejections.count == 3)
        for (text, name) in zip(
            write.rejections.first,
            ["labels_per_series", "label_name_bytes", "label_value_bytes"]
        ) {
            #expect(text.contains("(\(name))"), "\(text)")
        }
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        var body = Array("up{a=\"".utf8)
        body += [0xff]
        body += Array("\"} 1\nup{a=\"ü\"} 1\n".utf8)
        let write = TextExposition.decode(body, now: now)
        #expect(write.batch.contents == [SentSeries(["__name__": "up", "a": "ü"], [(777, 1)])])
        #expect(write.rejections.first.first?.contains("not valid UTF-8") == true)
    }

    @Test("a last line without a newline counts unless the caller wants one")
    func finalNewline() {
        #expect(decode("a 1\nb 2").batch.sampleCount == 2)
        let strict = decode("a 1\nb 2", finalNewline: true)
        #expect(strict.batch.sampleCount == 1)
        #expect(strict.rejections.first == ["line 2: the last line does not end with a newline"])
        #expect(decode("a 1\nb 2\n", finalNewline: true).rejections.isEmpty)
        #expect(decode("", finalNewline: true).rejections.isEmpty)
    }

    @Test("repeated series become one series with many samples, in the order of the lines")
    func repeatedSeries() {
        let write = decode(
            "x{a=\"1\"} 1 1\nx{a=\"1\"} 2 2\nx{a=\"1\",} 3 3\nx 4 4\nx {a=\"1\"} 5 5\nx{a=\"1\"} 6 6\nx 7 7\n"
        )
        let labelled = Labels(["__name__": "x", "a": "1"])
        let bare = Labels(["__name__": "x"])
        #expect(
            write.batch.contents == [
                SentSeries(labelled, [(1, 1), (2, 2), (3, 3)]), SentSeries(bare, [(4, 4)]),
                SentSeries(labelled, [(5, 5), (6, 6)]), SentSeries(bare, [(7, 7)]),
            ]
        )
    }

    @Test("a bad value behind a repeated series refuses only its line")
    func badRepeat() {
        let write = decode("x 1 1\nx oops 2\nx{} 3 3\nx\nx 4 4\n")
        #expect(write.batch.contents == [SentSeries(["__name__": "x"], [(1, 1), (3, 3), (4, 4)])])
        #expect(write.rejections.count == 2)
    }

    @Test("metadata of one family comes together whatever the order, quoted names and units too")
    func metadata() {
        let write = decode(
            "# TYPE a gauge\n# HELP a A.\n# UNIT a seconds\na 1\n"
                + "# HELP \"b.c\" B\\\\n\n# TYPE d untyped\n#HELP e E\n# HELPE f\n"
        )
        #expect(
            write.batch.metadata == [
                MetricMetadata(name: "a", kind: .gauge, help: "A.", unit: "seconds"),
                MetricMetadata(name: "b.c", kind: .unknown, help: "B\\n"),
                MetricMetadata(name: "d", kind: .unknown),
            ]
        )
        #expect(write.rejections.isEmpty)
    }
}
