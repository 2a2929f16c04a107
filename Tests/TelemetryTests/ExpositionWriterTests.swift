import Model
import Telemetry
import Testing

@Suite struct ExpositionWriterTests {
    /// A name, labels, and the line that each escaping writes.
    private struct Case: CustomTestStringConvertible {
        var name: String
        var labels: Labels
        var underscores: String
        var utf8: String

        var testDescription: String { underscores }
    }

    private static let cases = [
        Case(name: "up", labels: .empty, underscores: "up 1", utf8: "up 1"),
        Case(
            name: "kpi:a_percent",
            labels: Labels(["__name__": "kpi:a_percent", "b": "\"\\\n"]),
            underscores: #"kpi:a_percent{b="\"\\\n"} 1"#,
            utf8: #"kpi:a_percent{b="\"\\\n"} 1"#
        ),
        Case(
            name: "kpi:a.b",
            labels: .empty,
            underscores: "kpi:a_b 1",
            utf8: #"{"kpi:a.b"} 1"#
        ),
        Case(
            name: "9é",
            labels: Labels(["my.label": "x"]),
            underscores: #"__{my_label="x"} 1"#,
            utf8: #"{"9é","my.label"="x"} 1"#
        ),
    ]

    @Test("a sample's line", arguments: cases)
    private func writesSample(_ one: Case) {
        for (escaping, expected) in [
            (ExpositionWriter.Escaping.underscores, one.underscores), (.allowUTF8, one.utf8),
        ] {
            var writer = ExpositionWriter(escaping: escaping)
            writer.sample(one.name, labels: one.labels, value: 1)
            #expect(String(decoding: writer.bytes, as: UTF8.self) == expected + "\n")
        }
    }

    @Test(
        "values as the format has them",
        arguments: [
            (Double.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (1e21, "1e+21"), (0.1, "0.1"),
            (123_456_789_012, "123456789012"), (-0.0, "-0"),
        ]
    )
    func writesValue(_ value: Double, _ expected: String) {
        var writer = ExpositionWriter()
        writer.sample("x", labels: .empty, value: value, time: Timestamp(millis: -1500))
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "x \(expected) -1500\n")
    }

    @Test("types the format does not know are written as the nearest it knows")
    func writesTypes() {
        var writer = ExpositionWriter(escaping: .allowUTF8)
        writer.family("a_info", kind: .info, help: "")
        writer.family("b.c", kind: .unknown, help: "B.")
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "# TYPE a_info gauge\n# HELP \"b.c\" B.\n# TYPE \"b.c\" untyped\n"
        )
    }
}
