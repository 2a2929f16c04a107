import Model
import Testing

@testable import PromQL
@testable import Rules

@Suite struct RecordedSeriesTests {
    private let time = Timestamp(millis: 0)

    private func record(_ series: [Labels], labels: String = "{}", limit: Int = 0) throws -> [String] {
        let text = """
            groups:
            - name: g
              labels: {env: group, team: group}
              rules: [{record: 'r:x', expr: up, labels: \(labels)}]
            """
        let rule = try groups(text)[0].rules[0]
        let vector = series.map { InstantSample(labels: $0, time: time, value: 1) }
        return try RecordedSeries.make(of: .vector(vector), rule: rule, limit: limit).map { "\($0.labels)" }
    }

    @Test(
        "The rule's labels count over the group's, those over the result's; an empty one removes the label"
    )
    func precedence() throws {
        let source = Labels(["__name__": "up", "job": "a", "env": "series", "team": "series"])
        #expect(try record([source]) == [#"r:x{env="group", job="a", team="group"}"#])
        #expect(try record([source], labels: "{env: rule}") == [#"r:x{env="rule", job="a", team="group"}"#])
        #expect(try record([source], labels: "{job: '', team: ''}") == [#"r:x{env="group"}"#])
    }

    @Test("Series that become the same are an error")
    func duplicates() {
        let series = [Labels(["__name__": "a", "x": "1"]), Labels(["__name__": "b", "x": "1"])]
        #expect(throws: RuleError.duplicateLabelSet) { try record(series) }
        #expect(throws: RuleError.duplicateLabelSet) {
            try record([Labels("x", "1"), .empty], labels: "{x: ''}")
        }
        #expect(
            "\(RuleError.duplicateLabelSet)"
                == "vector contains metrics with the same labelset after applying rule labels"
        )
    }

    @Test("More series than the limit are an error; 0 and less are no limit")
    func limit() throws {
        let series = (0..<5).map { Labels("x", "\($0)") }
        #expect(try record(series, limit: 5).count == 5)
        #expect(try record(series, limit: 0).count == 5)
        #expect(try record(series, limit: -1).count == 5)
        #expect(throws: RuleError.limitExceeded(limit: 4, seriesCount: 5)) { try record(series, limit: 4) }
        #expect("\(RuleError.limitExceeded(limit: 4, seriesCount: 5))" == "exceeded limit of 4 with 5 series")
    }

    @Test("A scalar is one series; a string or a matrix cannot be recorded")
    func types() throws {
        let rule = try group(["r": "up"]).rules[0]
        let scalar = try RecordedSeries.make(of: .scalar(time, 7), rule: rule, limit: 0)
        #expect(scalar == [RecordedSeries(labels: Labels("__name__", "r"), value: 7)])
        for value in [QueryValue.string(time, "x"), .matrix([])] {
            #expect(throws: RuleError.notAVector) { try RecordedSeries.make(of: value, rule: rule, limit: 0) }
        }
    }
}
