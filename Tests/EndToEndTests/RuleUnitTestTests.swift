import Testing

extension EndToEnd {
    @Suite("Unit tests of rules")
    struct RuleUnitTestTests {
        private static let rules = """
            groups:
            - name: first
              rules:
              - {record: 'job:up:sum', expr: sum by (job) (up)}
              - alert: Down
                expr: up == 0
                for: 2m
                labels: {severity: page, where: '{{ $externalLabels.region }}'}
                annotations: {summary: '{{ $labels.job }} is {{ $value }}', link: '{{ $externalURL }}/x'}
              - {alert: Always, expr: vector(1), keep_firing_for: 5m}
            - name: second
              interval: 5m
              rules:
              - {record: 'job:up:double', expr: 'job:up:sum * 2'}
              - {record: 'late', expr: 'timestamp(up)', labels: {from: second}}

            """

        /// A test of the rules above; `extra` are keys of the file.
        private static func file(_ test: String, extra: String = "") -> String {
            let lines = test.split(separator: "\n", omittingEmptySubsequences: false)
            return "rule_files: [rules.yml]\n\(extra)tests:\n- " + lines.joined(separator: "\n  ") + "\n"
        }

        private static func expression(_ expr: String, at time: String, _ samples: String) -> String {
            "promql_expr_test: [{expr: '\(expr)', eval_time: \(time), exp_samples: [\(samples)]}]"
        }

        private static func up(_ values: String, _ rest: String) -> String {
            "interval: 1m\ninput_series: [{series: 'up{job=\"a\"}', values: '\(values)'}]\n" + rest
        }

        private static let firing = """
            alert_rule_test:
            - eval_time: 4m
              alertname: Down
              exp_alerts:
              - exp_labels: {severity: page, job: a}
                exp_annotations: {summary: 'a is 0', link: /x}
            """

        /// Files with whether they pass.
        private static let cases: [(name: String, text: String, passes: Bool)] = [
            ("a firing alert", file(up("1 1 0x9", firing)), true),
            ("one that does not fire yet", file(up("1 1 1 0x9", firing)), false),
            (
                "one that is not told of", file(up("1 1 0x9", firing.replacing("job: a", with: "job: b"))),
                false
            ),
            ("another annotation", file(up("1 1 0x9", firing.replacing("a is 0", with: "a is 1"))), false),
            (
                "an unknown alert with none expected",
                file(up("0x9", "alert_rule_test: [{eval_time: 5m, alertname: No}]")), true
            ),
            (
                "a test without a name of an alert", file(up("0x9", "alert_rule_test: [{eval_time: 5m}]")),
                false
            ),
            (
                "an alert between two evaluations",
                file(up("1 1 0x9", firing.replacing("eval_time: 4m", with: "eval_time: 4m59s"))), true
            ),
            (
                "external labels and address",
                file(
                    up(
                        "1 1 0x9",
                        firing.replacing("page,", with: "page, where: eu,").replacing(
                            "/x",
                            with: "http://s/x"
                        )
                    )
                        + "\nexternal_labels: {region: eu}\nexternal_url: http://s"
                ), true
            ),
            (
                "a recorded sum",
                file(
                    up(
                        "1+1x9",
                        expression("job:up:sum", at: "3m", "{labels: 'job:up:sum{job=\"a\"}', value: 4}")
                    )
                ), true
            ),
            (
                "a wrong value",
                file(
                    up(
                        "1+1x9",
                        expression("job:up:sum", at: "3m", "{labels: 'job:up:sum{job=\"a\"}', value: 5}")
                    )
                ), false
            ),
            (
                "a missing sample",
                file(up("1+1x9", expression("nothing", at: "3m", "{labels: nothing, value: 5}"))), false
            ),
            ("a sample too many", file(up("1", expression("up", at: "3m", ""))), false),
            ("a stale series", file(up("1 stale", expression("up", at: "3m", ""))), true),
            ("lookback at its end", file(up("1 _x9", expression("up", at: "5m", ""))), true),
            (
                "lookback before its end",
                file(up("1 _x9", expression("up", at: "4m59s", "{labels: 'up{job=\"a\"}', value: 1}"))), true
            ),
            (
                "a scalar", file(up("1", expression("scalar(up) + 1", at: "0", "{labels: '{}', value: 2}"))),
                true
            ),
            ("no labels at all", file(up("1", expression("sum(up)", at: "0", "{value: 1}"))), true),
            ("a string", file(up("1", expression("\"a\"", at: "0", ""))), false),
            ("a range", file(up("1", expression("up[5m]", at: "0", ""))), false),
            ("a wrong expression", file(up("1", expression("sum(", at: "0", ""))), false),
            (
                "values that fall",
                file(
                    up(
                        "9-3x2",
                        expression("sum_over_time(up[10m])", at: "5m", "{labels: '{job=\"a\"}', value: 18}")
                    )
                ), true
            ),
            (
                "repeated values",
                file(
                    up(
                        "5x2 -1e1 _ .5",
                        expression("sum_over_time(up[10m])", at: "6m", "{labels: '{job=\"a\"}', value: 5.5}")
                    )
                ), true
            ),
            (
                "not a number",
                file(
                    up("NaN Inf -Inf", expression("up", at: "2m", "{labels: 'up{job=\"a\"}', value: -.inf}"))
                ), true
            ),
            (
                "NaN is not itself",
                file(up("NaN", expression("up", at: "0m", "{labels: 'up{job=\"a\"}', value: .nan}"))), false
            ),
            ("wrong values", file(up("1 x2", expression("up", at: "0m", ""))), false),
            ("a wrong word", file(up("1 fresh", expression("up", at: "0m", ""))), false),
            (
                "the last bit",
                file(up("0.1+0.1x9", expression("up", at: "2m", "{labels: 'up{job=\"a\"}', value: 0.3}"))),
                false
            ),
            (
                "the last bit, compared fuzzily",
                file(
                    up("0.1+0.1x9", expression("up", at: "2m", "{labels: 'up{job=\"a\"}', value: 0.3}")),
                    extra: "fuzzy_compare: true\n"
                ), true
            ),
            (
                "groups in the order of the file",
                file(
                    up(
                        "1",
                        expression("job:up:double", at: "0", "{labels: 'job:up:double{job=\"a\"}', value: 2}")
                    ),
                    extra: "group_eval_order: [first, second]\n"
                ), true
            ),
            (
                "groups in the other order",
                file(
                    up("1", expression("job:up:double", at: "0", "")),
                    extra: "group_eval_order: [second, first]\n"
                ), true
            ),
            (
                "a group twice in the order",
                file(up("1", expression("up", at: "0", "")), extra: "group_eval_order: [a, a]\n"), false
            ),
            (
                "evaluations at their own interval",
                file(
                    up(
                        "1",
                        expression("late", at: "2m", "{labels: 'late{job=\"a\", from=\"second\"}', value: 0}")
                    ),
                    extra: "evaluation_interval: 2m\n"
                ), true
            ),
            ("an unknown field", file(up("1", "promql_test: []")), false),
            (
                "a missing rule file",
                file(up("1", expression("up", at: "0", "{labels: 'up{job=\"a\"}', value: 1}"))).replacing(
                    "rules.yml",
                    with: "none.yml"
                ), true
            ),
            (
                "a rule file with a fault", file(up("1", "name: x")).replacing("rules.yml", with: "bad.yml"),
                false
            ),
            (
                "a rule that fails",
                file(
                    up(
                        "1",
                        "name: x\npromql_expr_test: [{expr: up, eval_time: 1m, exp_samples: [{labels: 'up{job=\"a\"}', value: 1}]}]"
                    )
                ).replacing("rules.yml", with: "failing.yml"), false
            ),
            (
                "histograms",
                file(
                    "input_series: [{series: h, values: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}+{{count:2 sum:1 buckets:[1 1]}}x3'}]\n"
                        + expression(
                            "h",
                            at: "1m",
                            "{labels: h, histogram: \"{{counter_reset_hint:not_reset schema:0 count:6 sum:6 buckets:[2 3 1]}}\"}"
                        )
                ), true
            ),
            (
                "another histogram",
                file(
                    "input_series: [{series: h, values: '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}x3'}]\n"
                        + expression(
                            "h",
                            at: "1m",
                            "{labels: h, histogram: \"{{schema:0 count:4 sum:5 buckets:[1 2 2]}}\"}"
                        )
                ), false
            ),
            ("no tests", "rule_files: [rules.yml]\ntests: []\n", true),
            ("no YAML", "tests: [", false),
        ]

        @Test("pass and fail as with promtool", .enabled(if: Peers.areAvailable, "\(Peers.absence)"))
        func verdicts() async throws {
            let folder = try ScratchFolder("unit-tests")
            try folder.write(RuleUnitTestTests.rules, to: "rules.yml")
            try folder.write("groups: [{name: a, rules: [{record: a}]}]\n", to: "bad.yml")
            let failing =
                "groups: [{name: a, rules: [{record: a, expr: 'up * on () group_left () vector(1) / on () (up or vector(1))'}]}]\n"
            try folder.write(failing, to: "failing.yml")
            for (index, test) in RuleUnitTestTests.cases.enumerated() {
                let path = try folder.write(test.text, to: "test-\(index).yml")
                let ours = try await Peers.run(Repository.daemon, ["test", "rules", path], in: folder)
                let theirs = try await Peers.promtool(["test", "rules", path], in: folder)
                #expect(
                    theirs.ending == .exited(test.passes ? 0 : 1),
                    "promtool, \(test.name): \(theirs.output)"
                )
                #expect(ours.ending == .exited(test.passes ? 0 : 1), "\(test.name): \(ours.output)")
                if !test.passes {
                    #expect(
                        ours.output.contains("test-\(index).yml:") || ours.output.contains("bad.yml:"),
                        "\(ours.output)"
                    )
                }
            }
        }

        @Test("of the example pass")
        func example() async throws {
            let folder = try ScratchFolder("unit-tests")
            let path = "\(Repository.root)/rules/tests/shop_test.yml"
            let (ending, output) = try await Peers.run(
                Repository.daemon,
                ["test", "rules", path],
                in: folder
            )
            #expect(ending == .exited(0))
            #expect(output == "Unit Testing:  \(path)\n  SUCCESS\n\n")
        }
    }
}
