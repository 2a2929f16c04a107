import APIServer
import Foundation
import Model
import Testing

@testable import sextant

@Suite("The text of queries' answers")
struct QueryTextTests {
    /// Times in UTC, whatever the machine's zone.
    private func utc(_ time: Timestamp, _ form: String) -> String {
        let text = TimeText.format(time)
        let clock = text.dropFirst(11)
        return form == "%H:%M" ? String(clock.prefix(5)) : text
    }

    private func decode(_ json: String) throws -> QueryResult {
        try JSONDecoder().decode(APIAnswer<QueryData>.self, from: Data(json.utf8)).data.result
    }

    private func series(_ labels: [String: String], _ values: [Double], stepMillis: Int64) -> APISeries {
        APISeries(
            labels: labels,
            points: values.enumerated().map {
                APIPoint(
                    time: Timestamp(millis: 1_700_000_000_000 + Int64($0) * stepMillis),
                    text: ValueText.format($1)
                )
            }
        )
    }

    @Test("a vector is a table: labels in columns, values on the right")
    func vector() throws {
        let result = try decode(
            #"""
            {"status":"success","data":{"resultType":"vector","result":[
             {"metric":{"__name__":"up","job":"node","zone":"a"},"value":[1700000000.5,"1"]},
             {"metric":{"__name__":"up","job":"a\u001b[31m b"},"value":[1700000000,"123.25"]}]}}
            """#
        )
        #expect(
            QueryText.table(result) == [
                "metric  job       zone   value",
                "up      node      a          1",
                "up      a\u{fffd}[31m b        123.25",
            ]
        )
        #expect(
            QueryText.csv(result) == [
                "__name__,job,zone,time,value",
                "up,node,a,2023-11-14T22:13:20.5Z,1",
                "up,a\u{1b}[31m b,,2023-11-14T22:13:20Z,123.25",
            ]
        )
    }

    @Test("scalars, strings, range vectors and nothing")
    func others() throws {
        func data(_ type: String, _ result: String) throws -> QueryResult {
            try decode(#"{"status":"success","data":{"resultType":"\#(type)","result":\#(result)}}"#)
        }
        #expect(QueryText.table(try data("scalar", #"[1,"+Inf"]"#)) == ["+Inf"])
        #expect(QueryText.table(try data("string", #"[1,"text"]"#)) == ["text"])
        #expect(QueryText.table(try data("vector", "[]")) == [])
        let matrix = try data("matrix", #"[{"metric":{},"values":[[0,"1"],[60,"-0.5"]]}]"#)
        #expect(
            QueryText.table(matrix, timeText: utc) == [
                "series  time                  value",
                "{}      1970-01-01T00:00:00Z      1",
                "{}      1970-01-01T00:01:00Z   -0.5",
            ]
        )
        #expect(throws: (any Error).self) { try data("histogram", "[]") }
        #expect(
            QueryText.csv(.vector([series(["a": "x,\"y\""], [1], stepMillis: 1)])) == [
                "a,time,value", "\"x,\"\"y\"\"\",2023-11-14T22:13:20Z,1",
            ]
        )
    }

    @Test("a plot of one series in dots")
    func plot() {
        let values = (0...60).map { 50 + 40 * sin(Double($0) / 60 * 2 * .pi) }
        let lines = QueryText.plot(
            [series(["__name__": "wave"], values, stepMillis: 60_000)],
            from: Timestamp(millis: 1_700_000_000_000),
            to: Timestamp(millis: 1_700_003_600_000),
            stepMillis: 60_000,
            on: Terminal(isInteractive: false, hasColors: false, columns: 44, lines: 14),
            timeText: utc
        )
        #expect(
            lines == [
                "100 ┤       ⢀⣀⣀⣀⣀",
                "    │   ⢀⡠⠒⠊⠁    ⠉⠑⠢⢄",
                "    │ ⣀⠔⠁            ⠑⠤⡀",
                " 50 ┤⠊                 ⠈⠒⡄                ⢀⡠",
                "    │                    ⠈⠢⢄            ⣀⠔⠁",
                "    │                       ⠑⠤⢄⣀    ⢀⡠⠤⠊",
                "  0 ┤                           ⠉⠉⠉⠉⠁",
                "    └┴───────────┴────────────┴────────────┴",
                "   22:13       22:32        22:52      23:13",
                "",
                "  metric  min  avg  max  last",
                "━ wave     10   50   90    50",
            ],
            "\(lines.joined(separator: "\n"))"
        )
    }

    @Test("a plot of several series without colours, with a gap and with what cannot be drawn")
    func plots() {
        let rising = (0..<30).map { Double($0) * 1e6 }
        let broken = (0..<30).map { (10..<20).contains($0) ? Double.nan : $0 == 25 ? .infinity : 2e7 }
        let lines = QueryText.plot(
            [
                series(["job": "a"], rising, stepMillis: 60_000),
                series(["job": "b"], broken, stepMillis: 60_000),
                series(["job": "c"], [], stepMillis: 60_000),
            ],
            from: Timestamp(millis: 1_700_000_000_000),
            to: Timestamp(millis: 1_700_001_740_000),
            stepMillis: 60_000,
            on: Terminal(isInteractive: false, hasColors: false, columns: 44, lines: 14),
            timeText: utc
        )
        #expect(
            lines == [
                "40000000 ┤",
                "         │                              ••••",
                "20000000 ┤xxxxxxxxxxx           •xxxxx••xxxx",
                "         │               ••••••••",
                "         │       •••••••••",
                "       0 ┤••••••••",
                "         └┴──────────┴──────────┴──────────┴",
                "        22:13      22:23      22:32    22:42",
                "",
                "  job       min       avg       max      last",
                "• a           0  14500000  29000000  29000000",
                "x b    20000000      +Inf      +Inf  20000000",
                "o c           -         -         -         -",
            ],
            "\(lines.joined(separator: "\n"))"
        )
    }

    @Test("colours only where they are wanted, and no line wider than the terminal")
    func widths() {
        let all = (0..<12).map { index in
            series(["i": "\(index)"], (0..<200).map { Double($0 * index) }, stepMillis: 1000)
        }
        for columns in [40, 80, 131] {
            for hasColors in [false, true] {
                let lines = QueryText.plot(
                    all,
                    from: Timestamp(millis: 1_700_000_000_000),
                    to: Timestamp(millis: 1_700_000_200_000),
                    stepMillis: 1000,
                    on: Terminal(isInteractive: hasColors, hasColors: hasColors, columns: columns, lines: 40),
                    timeText: { _, _ in "12:34:56" }
                )
                let text = lines.joined(separator: "\n")
                #expect(text.contains("\u{1b}[") == hasColors)
                #expect(lines.last == "  (the first 10 of 12 series are drawn)")
                guard !hasColors else { continue }
                #expect(lines.allSatisfy { $0.count <= columns }, "\(columns): \(text)")
            }
        }
    }

    @Test(
        "axes have round numbers around the values",
        arguments: [
            (0.0, 97.0, [0.0, 20, 40, 60, 80, 100]), (3.02, 3.19, [3.0, 3.05, 3.1, 3.15, 3.2]),
            (-7.0, 12.0, [-10.0, -5, 0, 5, 10, 15]), (5.0, 5.0, [4.4, 4.6, 4.8, 5, 5.2, 5.4, 5.6]),
        ]
    )
    func axis(_ least: Double, _ greatest: Double, _ ticks: [Double]) {
        let axis = ValueAxis(least: least, greatest: greatest, tickCount: 5)
        #expect(axis.ticks.map(NumberText.short) == ticks.map(NumberText.short))
        #expect(axis.lower <= least && axis.upper >= greatest)
    }

    @Test(
        "axes and plots of extreme values",
        arguments: [
            (-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude),
            (0.0, Double.leastNonzeroMagnitude),
            (1e300, 1e300), (1.0, 1.0.nextUp),
        ]
    )
    func extremes(_ least: Double, _ greatest: Double) {
        let axis = ValueAxis(least: least, greatest: greatest, tickCount: 5)
        #expect(axis.lower < axis.upper)
        let lines = QueryText.plot(
            [series([:], [least, greatest, least], stepMillis: 1000)],
            from: Timestamp(millis: 1_700_000_000_000),
            to: Timestamp(millis: 1_700_000_002_000),
            stepMillis: 1000,
            on: Terminal(isInteractive: false, hasColors: false, columns: 60, lines: 20),
            timeText: utc
        )
        #expect(lines.count > 8)
    }

    @Test("errors and warnings point at their place in the expression")
    func marks() {
        let error = "invalid parameter \"query\": 1:8: parse error: unclosed left parenthesis"
        #expect(
            ExpressionMark.lines(error, expression: "sum(foo") == [error, "  sum(foo", "         ^"]
        )
        let second = "2:4: parse error: bad"
        #expect(ExpressionMark.lines(second, expression: "a +\n\té)") == [second, "  \té)", "  \t ^"])
        let info = "PromQL info: metric might not be a counter: \"x\" (1:6)"
        #expect(ExpressionMark.lines(info, expression: "rate(x[1h])") == [info, "  rate(x[1h])", "       ^"])
        for other in ["no place", "at 3:4 nothing", "9:9: parse error: x", "1:99: parse error: x", ""] {
            #expect(ExpressionMark.lines(other, expression: "up") == [other])
        }
    }

    @Test("steps of a plot are round and as many as the terminal shows")
    func steps() {
        let hour: Int64 = 3_600_000
        #expect(QueryCommand.stepMillis(over: hour, columns: 80) == 30_000)
        #expect(QueryCommand.stepMillis(over: 24 * hour, columns: 80) == 900_000)
        #expect(QueryCommand.stepMillis(over: 90 * 24 * hour, columns: 80) == 24 * hour)
        #expect(QueryCommand.stepMillis(over: 1000, columns: 80) == 1000)
        #expect(QueryCommand.stepMillis(over: 4000 * 24 * hour, columns: 80) % (24 * hour) == 0)
    }

    @Test("addresses of a daemon")
    func addresses() throws {
        #expect(try DaemonClient(url: "127.0.0.1:9797/").baseURL == "http://127.0.0.1:9797")
        #expect(try DaemonClient(url: "https://kpi.example/x//").baseURL == "https://kpi.example/x")
        for bad in ["", "ftp://a", "http://", "http://a b", "http://a?x=1"] {
            #expect(throws: Misuse.self) { try DaemonClient(url: bad) }
        }
        #expect(
            FormText.encode([("query", "a{b=\"é +\"}&"), ("x", "-._~")])
                == "query=a%7Bb%3D%22%C3%A9%20%2B%22%7D%26&x=-._~"
        )
    }

    @Test("progress says how far and how fast")
    func progress() {
        #expect(
            ProgressLine.text("history", fraction: 0.457, sampleCount: 7_012_000, seconds: 10)
                == "history      45 %    7012000 samples    701200 samples/s"
        )
    }
}
