import Model
import Testing

@testable import APIServer

@Suite struct TextFormsTests {
    @Test(
        "times from text",
        arguments: [
            ("0", 0), ("4", 4000), ("1435781451.781", 1_435_781_451_781), ("-1.5", -1500), ("1.0004", 1000),
            ("1e3", 1_000_000), ("1970-01-01T00:00:00Z", 0), ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
            ("2015-07-01T22:10:51.781999999+02:00", 1_435_781_451_781), ("1969-12-31T23:59:59.5Z", -500),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000), ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000), ("1e30", Int64.max / 2),
            ("-1e30", -(Int64.max / 2)),
            ("9223372036854775807", Int64.max / 2), ("-292273086-05-16T16:47:06Z", -(Int64.max / 2)),
            ("292277025-08-18T07:12:54.999999999Z", Int64.max / 2),
        ] as [(String, Int64)]
    )
    func readsTime(_ text: String, _ millis: Int64) {
        #expect(TimeText.parse(text) == Timestamp(millis: millis))
    }

    @Test(
        "texts that are no times",
        arguments: [
            "", "x", "NaN", "Inf", "-Inf", "2015-07-01", "2015-07-01T20:10:51", "2015-02-29T00:00:00Z",
            "2015-13-01T00:00:00Z", "2015-01-01T24:00:00Z", "2015-01-01T00:00:00.Z",
            "2015-01-01T00:00:00+24:00",
            "2015-01-01T00:00:00Zx", "٢015-01-01T00:00:00Z", "1_000",
        ]
    )
    func refusesTime(_ text: String) {
        #expect(TimeText.parse(text) == nil)
    }

    @Test(
        "times are written so that they read back",
        arguments: [0, 1, -1, 1_435_781_451_780, -62_135_596_800_000]
    )
    func writesTime(_ millis: Int64) {
        let text = TimeText.format(Timestamp(millis: millis))
        #expect(TimeText.parse(text) == Timestamp(millis: millis))
    }

    @Test("the fraction of a written time has no trailing zeros")
    func writesFraction() {
        #expect(TimeText.format(Timestamp(millis: 1_435_781_451_780)) == "2015-07-01T20:10:51.78Z")
        #expect(TimeText.format(Timestamp(millis: 1_435_781_451_000)) == "2015-07-01T20:10:51Z")
    }

    @Test("every day of eight centuries goes to text and back")
    func roundTripsDays() {
        for day in stride(from: Int64(-146_097), through: 146_097, by: 1) {
            let time = Timestamp(millis: day * 86_400_000)
            guard TimeText.parse(TimeText.format(time)) == time else {
                Issue.record("day \(day) is \(TimeText.format(time))")
                return
            }
        }
    }

    @Test("strings are escaped as Go's encoder escapes them")
    func writesStrings() {
        var json = JSONWriter()
        json.strings(["a\"\\\n\r\t\u{1}\u{1f}", "<b>&", "é\u{2028}\u{2029}ਨ\u{10ffff}", ""])
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"["a\"\\\n\r\t\u0001\u001f","\u003cb\u003e\u0026","é\u2028\u2029ਨ"# + "\u{10ffff}"
                + #"",""]"#
        )
    }

    @Test("commas stand between values only")
    func writesNesting() {
        var json = JSONWriter()
        json.beginObject()
        json.key("a")
        json.beginArray()
        json.integer(-1)
        json.labels(Labels(["x": "<", "__name__": "up"]))
        json.labels(.empty)
        json.endArray()
        json.key("b")
        json.bool(false)
        json.key("c")
        json.valueString(-.infinity)
        json.key("d")
        json.number(.nan)
        json.endObject()
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"a":[-1,{"__name__":"up","x":"\u003c"},{}],"b":false,"c":"-Inf","d":0}"#
        )
    }

    @Test(
        "escaped label names",
        arguments: [
            ("job", "job"), ("U__a_2e_b", "a.b"), ("U__job", "job"), ("U__a__b", "a_b"), ("U___1F600_", "😀"),
            ("U__a_", "U__a_"), ("U__a_zz_", "U__a_zz_"), ("U__a_110000_", "U__a_110000_"), ("U__", ""),
        ]
    )
    func readsEscapedName(_ text: String, _ name: String) {
        #expect(EscapedName.decode(text) == name)
    }

    @Test("parameters of a form")
    func readsForm() throws {
        var parameters = Parameters()
        try parameters.add(form: "a=1+2%2B&b&a=x%3D=&%63=%e2%82%ac&".utf8)
        #expect(parameters.all("a") == ["1 2+", "x=="])
        #expect(parameters["b"] == "")
        #expect(parameters["c"] == "€")
        #expect(parameters["d"] == "")
    }

    @Test(
        "broken escapes and bytes that are no text are refused",
        arguments: ["a=%", "a=%4", "a=%zz", "a=%ff", "%c3=1"]
    )
    func refusesForm(_ form: String) {
        #expect(throws: APIError.self) {
            var parameters = Parameters()
            try parameters.add(form: form.utf8)
        }
    }
}
