import Model
import Testing

@testable import Rules

@Suite struct UnitTestRunnerTests {
    private let rules = """
        groups:
        - name: g
          rules:
          - {record: 'a:sum', expr: sum(up)}
          - alert: Down
            expr: up == 0
            for: 2m
            labels: {severity: page}
            annotations: {summary: '{{ $labels.job }} is {{ $value }}'}
        """

    /// What of the only test of the text fails.
    private func failures(_ text: String) async throws -> [UnitTestFailure] {
        let file = try UnitTestReader.parse(text, file: "t.yml")
        let test = try #require(file.tests.first)
        return await UnitTestRunner(file, groups: try groups(rules)).run(test)
    }

    @Test("What fails says where it is, what was expected and what there is")
    func differences() async throws {
        let failures = try await failures(
            """
            tests:
            - input_series:
              - {series: 'up{job="a"}', values: '1 1 0x5'}
              - {series: 'up{job="b"}', values: '0+1x10'}
              alert_rule_test:
              - eval_time: 4m
                alertname: Down
                exp_alerts:
                - exp_labels: {severity: page, job: a}
                  exp_annotations: {summary: a is 1}
                - exp_labels: {severity: page, job: c}
              promql_expr_test:
              - {expr: 'a:sum', eval_time: 3m, exp_samples: [{labels: 'a:sum', value: 4}]}
              - {expr: up, eval_time: 3m, exp_samples: [{labels: 'up{job="a"}', value: 0}]}
              - {expr: 'sum(', eval_time: 3m}
              - {expr: 'up{job="a"}', eval_time: 3m, exp_samples: [{labels: 'up{job="a"}', value: 0}]}
            """
        )
        #expect(
            failures.map(\.description) == [
                """
                alert Down at 4m
                    + {alertname="Down", job="a", severity="page"} annotations {summary="a is 0"}
                    - {alertname="Down", job="a", severity="page"} annotations {summary="a is 1"}
                    - {alertname="Down", job="c", severity="page"}
                """,
                """
                expr "a:sum" at 3m
                    + a:sum 3
                    - a:sum 4
                """,
                """
                expr "up" at 3m
                      up{job="a"} 0
                    + up{job="b"} 3
                """,
                #"expr "sum(" at 3m fails: 1:5: parse error: unclosed left parenthesis"#,
            ]
        )
        #expect(failures.map(\.place.line) == [6, 13, 14, 15])
        #expect(failures.map(\.place.column) == [5, 5, 5, 5])
    }

    @Test("A rule that fails ends the test")
    func failingRule() async throws {
        let file = try UnitTestReader.parse(
            "tests: [{promql_expr_test: [{expr: '1', eval_time: 5m, exp_samples: [{value: 2}]}]}]",
            file: "t.yml"
        )
        let bad = try groups(
            "groups: [{name: g, rules: [{record: r, expr: 'label_replace(vector(1), \"a\", \"b\", \"c\", \"(\")'}]}]"
        )
        let failures = await UnitTestRunner(file, groups: bad).run(try #require(file.tests.first))
        #expect(failures.count == 1)
        #expect(failures.first?.title.hasPrefix("rule r at 0s fails: ") == true)
    }

    @Test("A test may begin at any time")
    func start() async throws {
        for start in ["2026-11-21T08:00:00Z", "1795248000"] {
            let failures = try await failures(
                """
                tests:
                - start_timestamp: \(start)
                  input_series: [{series: 'up', values: '1 1'}]
                  promql_expr_test: [{expr: timestamp(up), eval_time: 1m, exp_samples: [{value: 1795248060}]}]
                """
            )
            #expect(failures.map(\.description) == [])
        }
    }

    @Test(
        "Faults of a file are named with their places",
        arguments: [
            ("test: []", "t.yml:1:1: unknown field \"test\" in a file of unit tests; known are rule_files, "),
            ("tests: [{input_series: [{series: 'up{', values: '1'}]}]", "t.yml:1:34: series is no series: "),
            (
                "tests: [{input_series: [{series: 'up{a!=\"b\"}', values: '1'}]}]",
                "t.yml:1:34: series is no series: 1:1: parse error: a series has labels with ="
            ),
            (
                "tests: [{input_series: [{series: up, values: '1 2y'}]}]",
                "t.yml:1:46: values: \"y\" stands at byte 4 of the values instead of a space, a sign or x"
            ),
            ("tests: [{alert_rule_test: [{eval_time: 1m}]}]", "t.yml:1:28: a test of alerts needs alertname"),
            (
                "tests: [{promql_expr_test: [{exp_samples: [{value: much}]}]}]",
                "t.yml:1:52: value has to be a number, not \"much\""
            ),
            (
                "tests: [{promql_expr_test: [{exp_samples: [{histogram: '{{x:1}}'}]}]}]",
                "t.yml:1:56: histogram: a histogram has no \"x\""
            ),
            ("tests: [{start_timestamp: today}]", "t.yml:1:27: start_timestamp has to be a time in RFC 3339"),
            ("group_eval_order: [a, a]", "t.yml:1:23: group name repeated in evaluation order: a"),
        ]
    )
    func faults(_ text: String, _ problem: String) {
        do {
            _ = try UnitTestReader.parse(text, file: "t.yml")
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix(problem), "\(error)")
        }
    }
}
