import Model
import StrictYAML
import Testing

@testable import PromQL
@testable import Rules

@Suite struct RuleFileTests {
    @Test("All fields of a rule file arrive")
    func everything() throws {
        let text = """
            groups:
            - name: shop
              interval: 1m30s
              query_offset: 5s
              limit: 7
              labels: {team: sales, env: prod, gone: x}
              rules:
              - record: kpi:orders
                expr: sum( shop_orders_total )
                labels: {env: test, gone: "", number: 5}
              - alert: NoOrders
                expr: kpi:orders == 0
                for: 10m
                keep_firing_for: 5m
                labels: {severity: page}
                annotations: {summary: "none for {{ $value }}", about: ~}
            - name: defaults
            """
        let groups = try groups(text)
        #expect(groups.map(\.name) == ["shop", "defaults"])
        let shop = groups[0]
        #expect(shop.file == "rules.yml" && shop.key == "rules.yml;shop")
        #expect(shop.intervalMillis == 90_000 && shop.queryOffsetMillis == 5000 && shop.limit == 7)
        let record = shop.rules[0]
        #expect(record.kind == .recording(record: "kpi:orders"))
        #expect(record.query == "sum(shop_orders_total)")
        #expect(
            record.labels == [
                Label("env", "test"), Label("gone", ""), Label("number", "5"), Label("team", "sales"),
            ]
        )
        let alert = AlertDefinition(
            name: "NoOrders",
            forMillis: 600_000,
            keepFiringForMillis: 300_000,
            annotations: [Label("about", ""), Label("summary", "none for {{ $value }}")]
        )
        #expect(shop.rules[1].kind == .alerting(alert))
        #expect(
            groups[1].intervalMillis == nil && groups[1].queryOffsetMillis == nil && groups[1].rules.isEmpty
        )
    }

    @Test(
        "Empty files have no groups",
        arguments: ["", "# none", "groups:", "groups: []", "---\ngroups: ~\n"]
    )
    func empty(text: String) throws {
        #expect(try groups(text).isEmpty)
    }

    private static func rule(_ text: String) -> String { "groups:\n- name: g\n  rules:\n  - \(text)" }

    private static let faults: [(text: String, problem: String)] = [
        ("[]", "1:1: a rule file has to be a mapping, not a list"),
        ("rules: []", "1:1: unknown field \"rules\" in a rule file; known are groups"),
        ("groups: 5", "1:9: groups has to be a list, not a text"),
        ("groups:\n- shop", "2:3: a rule group has to be a mapping, not a text"),
        ("groups:\n- rules: []", "2:3: a rule group needs a name"),
        ("groups:\n- name: ''", "2:9: a rule group needs a name"),
        ("groups:\n- name: a\n- name: a", "3:3: the group \"a\" is already defined in this file"),
        (
            "groups:\n- name: a\n  evry: 1m",
            "3:3: unknown field \"evry\" in a rule group; known are name, interval, query_offset, limit, "
        ),
        (
            "groups:\n- name: a\n  interval: 5",
            "3:13: interval has to be a duration such as 30s or 1h30m, not \"5\""
        ),
        ("groups:\n- name: a\n  interval: [1m]", "3:13: interval has to be a text, not a list"),
        ("groups:\n- name: a\n  limit: many", "3:10: limit has to be a whole number, not \"many\""),
        ("groups:\n- name: a\n  limit: '5'", "3:10: limit has to be a whole number, not \"5\""),
        ("groups:\n- name: a\n  labels: [x]", "3:11: labels has to be a mapping, not a list"),
        ("groups:\n- name: a\n  labels: {x: [1]}", "3:15: labels.x has to be a text, not a list"),
        (
            "groups:\n- name: a\n  labels: {__name__: y}",
            "3:12: \"__name__\" is no name that a label may have here"
        ),
        (rule("{expr: up}"), "4:5: a rule needs either record or alert"),
        (rule("{record: a, alert: b, expr: up}"), "4:24: a rule has either record or alert, not both"),
        (rule("{record: a}"), "4:5: a rule needs expr"),
        (rule("{record: a, expr: ''}"), "4:23: expr must not be empty"),
        (rule("{record: a, expr: 'sum(up'}"), "4:23: expr is no PromQL: 1:7: parse error: "),
        (
            rule("{record: a, expr: 'sum(up{job=~\"(\"})'}"),
            "4:23: expr is no PromQL: 1:8: parse error: error parsing regexp: "
        ),
        (
            rule("{record: 'a{b=\"c\"}', expr: up}"),
            "4:14: record has to be a metric name; braces belong into expr"
        ),
        (rule("{record: a, expr: up, for: 5m}"), "4:32: for belongs to alerting rules only"),
        (
            rule("{record: a, expr: up, keep_firing_for: 5m}"),
            "4:44: keep_firing_for belongs to alerting rules only"
        ),
        (
            rule("{record: a, expr: up, annotations: {b: c}}"),
            "4:40: annotations belongs to alerting rules only"
        ),
        (rule("{record: a, expr: up, labels: {__name__: b}}"), "4:36: \"__name__\" is no name"),
        (rule("{alert: a, expr: up, annotations: {'': c}}"), "4:40: an annotation needs a name"),
    ]

    @Test("Faults are named with file, line and column", arguments: faults)
    func fault(text: String, problem: String) {
        do {
            _ = try groups(text)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix("rules.yml:" + problem), "\(error)")
        }
    }

    @Test("All faults of a file are told at once, in the order of lines")
    func allFaults() {
        let text =
            "groups:\n- name: a\n  limit: x\n  rules:\n  - {record: a}\n  - {alert: b, expr: '('}\n- {}"
        do {
            _ = try groups(text)
            Issue.record("no error")
        } catch {
            #expect((error as? YAMLFileError)?.problems.map(\.line) == [3, 5, 6, 7])
        }
    }

    @Test("Two rules with the same name and labels are no fault")
    func duplicateRules() throws {
        let rules = try group(["a": "b", "a": "b"]).rules
        #expect(rules.count == 2)
    }
}
