import Model
import Testing

@testable import PromQL

@Suite struct SeriesValuesTests {
    private func texts(_ text: String) throws -> [String] {
        try SeriesValues(text).values.map { value in
            switch value {
            case .missing: "_"
            case .number(let number): StaleMarker.matches(number) ? "stale" : ValueText.format(number)
            case .histogram(let histogram): HistogramDescription.text(histogram)
            }
        }
    }

    @Test(
        "What values stand for",
        arguments: [
            ("", ""), (" 1  2\t3 ", "1 2 3"), ("-1 +2.5 .5 1e3 1.5e-2", "-1 2.5 0.5 1000 0.015"),
            ("NaN Inf -inf +INF", "NaN +Inf -Inf +Inf"), ("_ stale _x3", "_ stale _ _ _"), ("_x0", ""),
            ("1x2", "1 1 1"), ("1x0", "1"), ("0+10x3", "0 10 20 30"), ("9-3x2", "9 6 3"),
            ("-2+1x2", "-2 -1 0"),
            ("1+-1x1", nil), ("1e1+1e1x1", "10 20"), ("stale 0x2", "stale 0 0 0"), ("1--1x1", nil),
            ("{{}}", "{{schema:0}}"),
            (
                "{{schema:1 count:3 sum:5 offset:2 buckets:[1 0 2] n_buckets:[1]}}x1",
                "{{schema:1 count:3 sum:5 offset:2 buckets:[1 0 2] n_buckets:[1]}} "
                    + "{{schema:1 count:3 sum:5 offset:2 buckets:[1 0 2] n_buckets:[1]}}"
            ),
            (
                "{{count:1 buckets:[1]}}+{{count:2 buckets:[1 1]}}x2",
                "{{schema:0 count:1 buckets:[1]}} {{schema:0 count:3 buckets:[2 1]}} "
                    + "{{schema:0 count:5 buckets:[3 2]}}"
            ),
            (
                "{{counter_reset_hint:gauge z_bucket:1 z_bucket_w:0.5}}",
                "{{schema:0 counter_reset_hint:gauge z_bucket:1 z_bucket_w:0.5}}"
            ),
            (
                "{{schema:-53 custom_values:[1 2] buckets:[1 2 3]}}",
                "{{schema:-53 custom_values:[1 2] buckets:[1 2 3]}}"
            ),
            // What is no value.
            ("x", nil), ("1x", nil), ("1+1", nil), ("1+x2", nil), ("1,2", nil), ("fresh", nil),
            ("-stale", nil),
            ("1 2 3x99999999999", nil), ("1x99999999999999999999", nil), ("_y", nil), ("1.2.3", nil),
            ("1e", nil),
            ("{{", nil), ("{{schema:9}}", nil), ("{{schema:1 schema:1}}", nil), ("{{buckets:[1 x]}}", nil),
            ("{{offset:99999999999}}", nil), ("{{count:1}}+1x2", nil), ("{{count 1}}", nil), ("{{a:1}}", nil),
            ("1+{{count:1}}x2", nil), ("{{counter_reset_hint:no}}", nil),
        ] as [(String, String?)]
    )
    func values(_ text: String, _ expected: String?) throws {
        guard let expected else {
            #expect(throws: NotationError.self) { try SeriesValues(text) }
            return
        }
        #expect(try texts(text).joined(separator: " ") == expected)
    }

    @Test("A metric is a set of labels")
    func metrics() throws {
        #expect(try Parser.parseMetric("up{a=\"b\", c='d'}").description == #"up{a="b", c="d"}"#)
        #expect(try Parser.parseMetric("") == .empty)
        #expect(try Parser.parseMetric("{}") == .empty)
        #expect(try Parser.parseMetric("{\"my metric\", a=\"b\"}").metricName == "my metric")
        for text in ["up{", "up{a=~\"b\"}", "up[5m]", "1", "up offset 5m", "up up"] {
            #expect(throws: ParseError.self) { try Parser.parseMetric(text) }
        }
    }
}
