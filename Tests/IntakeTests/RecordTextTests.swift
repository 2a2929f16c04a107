import Model
import Testing

@testable import Intake

@Suite("Records of dimensions and metrics") struct RecordTextTests {
    /// Days and hours of UTC for the few dates that the tests use.
    private static let clock = RecordClock(
        zoneName: "Test/Zone",
        day: { day($0) },
        hour: { date, hour in hour == 2 ? nil : day(date).map { $0 + Int64(hour) * 3_600_000 } }
    )

    private static func day(_ date: String) -> Int64? {
        ["2018-04-05": 1_522_886_400_000, "2018-04-06": 1_522_972_800_000][date]
    }

    private func series(_ body: String, limits: Limits = .default) throws -> [String] {
        let decoded = try RecordText.decode(Array(body.utf8), clock: RecordTextTests.clock, limits: limits)
        return decoded.batch.series.enumerated().map { index, series in
            let samples = series.samples.map { "\(decoded.batch.timestamps[$0])=\(decoded.batch.values[$0])" }
            return "\(decoded.batch.labels(at: index)) \(samples.joined(separator: " "))"
        }
    }

    private func message(_ body: String, limits: Limits = .default) -> String {
        do {
            _ = try RecordText.decode(Array(body.utf8), clock: RecordTextTests.clock, limits: limits)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("dates and hours are times, other dimensions are labels, metrics are names")
    func shapes() throws {
        let one =
            #"{"dims": {"date": "2018-04-05", "hour": 7, "page": "/"}, "metrics": {"visits": 12, "sum.e": -1.5e1}}"#
        #expect(
            try series(one) == [
                #"visits{page="/"} 1522911600000=12.0"#, #"{"sum.e", page="/"} 1522911600000=-15.0"#,
            ]
        )
        #expect(try series("[\(one)]") == series(one))
        #expect(try series("\u{feff}\n \(one)\n\(one)\n") == series(one))
        #expect(
            try series(
                #"{"metrics":{"n":1},"dims":{"date":"2018-04-05","hour":"07","up":true,"code":404,"x":null}}"#
            )
                == [#"n{code="404", up="true"} 1522911600000=1.0"#]
        )
        #expect(try series(#"{"dims":{"time":1522886400.25},"metrics":{"n":1}}"#) == ["n 1522886400250=1.0"])
        #expect(
            try series(#"{"dims":{"date":"2018-04-05"},"metrics":{"n":1}}"#)
                == [#"n{granularity="day"} 1522886400000=1.0"#]
        )
    }

    @Test("of one series and time the last one counts, and samples come in the order of time")
    func replacing() throws {
        let body = [("2018-04-06", 1), ("2018-04-05", 2), ("2018-04-06", 3), ("2018-04-06", 4)].map {
            #"{"dims":{"date":"\#($0)"},"metrics":{"n":\#($1)}}"#
        }
        #expect(
            try series(body.joined()) == [#"n{granularity="day"} 1522886400000=2.0 1522972800000=4.0"#]
        )
    }

    @Test("texts have escapes of JSON")
    func escapes() throws {
        let text = #"{"dims":{"time":1,"a":"\u00e9\n\"\\\/\ud83d\ude00"},"metrics":{"n":1}}"#
        let decoded = try RecordText.decode(Array(text.utf8), clock: RecordTextTests.clock)
        #expect(decoded.batch.labels(at: 0)["a"] == "é\n\"\\/😀")
    }

    @Test(
        "what is wrong is told with the record and the key",
        arguments: [
            (
                #"{"dims":{"time":1},"metrics":{"n":1}} {"dims":{"time":1},"metrics":{"n":"x"}}"#,
                #"record 2: metrics.n is "x", which is no number"#
            ),
            (#"{"dims":{"time":1},"metrics":{"n":1e999}}"#, "record 1: metrics.n is 1e999"),
            (#"{"dims":{"time":1},"metrics":{"n":null}}"#, "metrics.n is null"),
            (#"{"dims":{"time":1},"metrics":{"n":[[{}]]}}"#, "metrics.n has values in it"),
            (#"{"dims":{"time":1},"metrics":{"n":1,"n":2}}"#, "metrics.n is given twice"),
            (#"{"dims":{"time":1},"metrics":{}}"#, "metrics are missing"),
            (#"{"dims":{"time":1},"metrics":{"":1}}"#, "the metric name is empty"),
            (#"{"metrics":{"n":1}}"#, "dims are missing"),
            (#"{"dims":[],"metrics":{"n":1}}"#, "dims has to be an object"),
            (#"{"dims":{"a":"b"},"metrics":{"n":1}}"#, "neither date nor time"),
            (#"{"dims":{"date":"2018-02-30"},"metrics":{"n":1}}"#, #"dims.date is "2018-02-30""#),
            (#"{"dims":{"date":20180405},"metrics":{"n":1}}"#, "dims.date is 20180405"),
            (#"{"dims":{"date":"2018-04-05","hour":24},"metrics":{"n":1}}"#, "dims.hour is 24"),
            (#"{"dims":{"date":"2018-04-05","hour":-1},"metrics":{"n":1}}"#, "dims.hour is -1"),
            (#"{"dims":{"date":"2018-04-05","hour":2},"metrics":{"n":1}}"#, "has no hour 2 in Test/Zone"),
            (#"{"dims":{"time":1,"hour":2},"metrics":{"n":1}}"#, "date and hour do not go with it"),
            (#"{"dims":{"time":1e300},"metrics":{"n":1}}"#, "dims.time is 1e300"),
            (#"{"dims":{"time":1,"granularity":"week"},"metrics":{"n":1}}"#, "dims.granularity cannot be"),
            (#"{"dims":{"time":1,"__name__":"x"},"metrics":{"n":1}}"#, "dims.__name__ cannot be"),
            (#"{"dims":{"time":1},"metrics":{"n":1},"meta":[{"a":1}]}"#, #""meta" is no key of a record"#),
            ("[]", "the body has no record"), ("", "the body has no record"), (" ", "the body has no record"),
        ]
    )
    func faults(body: String, words: String) {
        let told = message(body)
        #expect(told.contains(words), "\(told)")
    }

    @Test(
        "what is no JSON is told with line and column",
        arguments: [
            ("{", "line 1, column 2", "a key in double quotes"),
            ("[{}\n,", "line 2, column 2", "begins with \"{\""),
            ("{\"dims\" 1}", "line 1, column 9", "\":\""),
            ("{\"dims\":{}", "line 1, column 11", "\",\" or \"}\""),
            ("{\"dims\":{\"a\":\"x", "line 1, column 14", "a text with an end"),
            ("{\"dims\":{\"a\":\"\\q\"}}", "column 16", "known character"),
            ("{\"dims\":{\"a\":\"\\ud800\"}}", "column 21", "surrogate"),
            ("{\"dims\":{\"a\":\"\\u12\"}}", "column 17", "four hexadecimal digits"),
            ("{\"dims\":{\"a\":01}}", "column 15", "without zeros"),
            ("{\"dims\":{\"a\":tru}}", "column 14", "a value"),
            ("{\"dims\":{\"a\":1.}}", "column 16", "a digit"),
            ("{\"dims\":{\"a\":NaN}}", "column 14", "a value"),
            ("[{\"dims\":{\"time\":1},\"metrics\":{\"n\":1}}] x", "column 41", "nothing behind the array"),
        ]
    )
    func syntax(body: String, place: String, words: String) {
        let told = message(body)
        #expect(told.contains(place) && told.contains(words), "\(told)")
    }

    @Test("what is nested too deeply, has too many labels or samples is refused")
    func limits() {
        let deep = #"{"a":"# + String(repeating: "[", count: 5000)
        #expect(message(deep).contains("at most \(Limits.nestingDepth) values in each other"))
        var limits = Limits.default
        limits.labelsPerSeries = 2
        let wide = #"{"dims":{"time":1,"a":"1","b":"2"},"metrics":{"n":1}}"#
        #expect(message(wide, limits: limits).contains("record 1: metrics.n: 3 labels are more"))
        limits = .default
        limits.samplesPerWrite = 1
        #expect(
            message(#"{"dims":{"time":1},"metrics":{"n":1,"m":2}}"#, limits: limits).contains(
                "samples_per_write"
            )
        )
    }

    @Test("no body traps, whatever bytes it has")
    func hostile() {
        let valid = Array(
            #"[{"dims":{"date":"2018-04-05","hour":7,"a":"\u00e9\ud83d\ude00"},"metrics":{"n":-1.5e-3}},{"dims":{"time":1},"metrics":{"m":2}}]"#
                .utf8
        )
        var random = SeededGenerator(seed: 7)
        for length in 0..<valid.count {
            _ = try? RecordText.decode(Array(valid[..<length]), clock: RecordTextTests.clock)
        }
        for _ in 0..<5000 {
            var body = valid
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let place = Int.random(in: 0..<body.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: body[place] = UInt8.random(in: 0...255, using: &random)
                case 1: body.remove(at: place)
                default: body.insert(valid[Int.random(in: 0..<valid.count, using: &random)], at: place)
                }
            }
            _ = try? RecordText.decode(body, clock: RecordTextTests.clock)
        }
    }
}
