import Model
import Testing

@testable import PromQL
@testable import Rules

@Suite struct AlertingRuleTests {
    private func scenario(_ rule: String, extra: String = "") throws -> AlertScenario {
        try AlertScenario("groups:\n- name: g\n\(extra)  rules:\n  - {\(rule)}\n")
    }

    @Test("Labels of sample, group and rule; templates see the sample's; the name is dropped")
    func labels() async throws {
        let scenario = try scenario(
            #"alert: A, expr: 'm > 0', labels: {b: "{{ $value }}{{ $externalLabels.region }}", c: "", team: x}"#,
            extra: "  labels: {team: group, a: '{{ $labels.job }}!', gone: '{{ $labels.nope }}'}\n"
        )
        scenario.store.set(Labels(["__name__": "m", "job": "j", "c": "1", "alertname": "old"]), 0, 5)
        await scenario.evaluate(0)
        let alert = try #require(scenario.runner.status.rules[0].alerting?.alerts.first)
        #expect(
            alert.labels == Labels(["a": "j!", "alertname": "A", "b": "5eu", "job": "j", "team": "x"])
        )
        // As in Prometheus, a template that yields nothing stays in the series as it was written.
        #expect(
            scenario.alertSeries(0) == [
                #"ALERTS{a="j!", alertname="A", alertstate="firing", b="5eu", gone="{{ $labels.nope }}", job="j", team="x"}"#
            ]
        )
        #expect(scenario.store.values(atMillis: 0).count == 3)
    }

    @Test("keep_firing_for goes on after the end, from the first slot without the condition")
    func keepFiring() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0', keep_firing_for: 1m")
        let labels = Labels(["__name__": "m"])
        for (seconds, value) in [(0, 1.0), (30, 0), (60, 0), (90, 1), (120, 0), (150, 0), (180, 0)] {
            scenario.store.set(labels, Int64(seconds) * 1000, value)
        }
        var since: [Int64?] = []
        var states: [AlertState] = []
        for seconds in stride(from: Int64(0), through: 180, by: 30) {
            await scenario.evaluate(seconds)
            let alerting = try #require(scenario.runner.status.rules[0].alerting)
            since.append(alerting.alerts.first?.keepFiringSince.map { $0.millis / 1000 })
            states.append(alerting.state)
        }
        #expect(since == [nil, 30, 30, nil, 120, 120, nil])
        #expect(states == [.firing, .firing, .firing, .firing, .firing, .firing, .inactive])
        #expect(scenario.recorder.take().last?.alert.endsAt.millis == 180_000)
    }

    @Test("Series of a state that was left end at once, and ALERTS_FOR_STATE holds whole seconds")
    func staleness() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0', for: 30s")
        for seconds in [Int64(0), 30, 60] { scenario.store.set(Labels(["__name__": "m"]), seconds * 1000, 1) }
        scenario.store.set(Labels(["__name__": "m"]), 90_000, 0)
        await scenario.evaluate(0)
        await scenario.evaluate(30)
        #expect(scenario.alertSeries(30) == [#"ALERTS{alertname="A", alertstate="firing"}"#])
        let pending = Labels(["__name__": "ALERTS", "alertname": "A", "alertstate": "pending"])
        #expect(scenario.store.value(pending, 30_000).map(StaleMarker.matches) == true)
        let since = Labels(["__name__": "ALERTS_FOR_STATE", "alertname": "A"])
        #expect(scenario.store.value(since, 30_000) == 0)
        await scenario.evaluate(90)
        #expect(scenario.store.value(since, 90_000).map(StaleMarker.matches) == true)
    }

    @Test("query_offset moves the query and the samples, not the alert's times")
    func queryOffset() async throws {
        let scenario = try scenario(
            "alert: A, expr: 'm > 0', annotations: {now: '{{ query \"m\" | first | value }}'}",
            extra: "  query_offset: 10s\n"
        )
        scenario.store.set(Labels(["__name__": "m"]), 20_000, 1)
        scenario.store.set(Labels(["__name__": "m"]), 30_000, -7)
        await scenario.evaluate(30)
        let alert = try #require(scenario.runner.status.rules[0].alerting?.alerts.first)
        #expect(alert.activeAt.millis == 30_000 && alert.value == 1)
        #expect(alert.annotations[0].value == "-7")
        #expect(scenario.alertSeries(20).count == 1 && scenario.alertSeries(30).isEmpty)
    }

    @Test("Alerts that would be the same are an error; nothing changes then")
    func duplicates() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0', labels: {x: one}")
        scenario.store.set(Labels(["__name__": "m", "x": "a"]), 0, 1)
        await scenario.evaluate(0)
        scenario.store.set(Labels(["__name__": "m", "x": "b"]), 30_000, 1)
        await scenario.evaluate(30)
        #expect(
            scenario.runner.status.rules[0].lastError
                == "vector contains metrics with the same labelset after applying alert labels"
        )
        #expect(scenario.alerts() == ["firing 1 0"])
    }

    @Test("More alerts than the limit are an error, and all are forgotten")
    func limit() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0'", extra: "  limit: 1\n")
        scenario.store.set(Labels(["__name__": "m", "x": "a"]), 0, 1)
        await scenario.evaluate(0)
        #expect(scenario.alerts().count == 1)
        scenario.store.set(Labels(["__name__": "m", "x": "b"]), 30_000, 1)
        await scenario.evaluate(30)
        #expect(scenario.runner.status.rules[0].lastError == "exceeded limit of 1 with 2 alerts")
        #expect(scenario.alerts().isEmpty)
    }

    @Test("A failing query leaves the alerts as they are; a scalar is an alert without labels")
    func failures() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0'")
        scenario.store.set(Labels(["__name__": "m"]), 0, 1)
        await scenario.evaluate(0)
        let failing = try self.scenario("alert: A, expr: 'm * on() group_left() m'")
        failing.store.set(Labels(["__name__": "m", "x": "a"]), 0, 1)
        failing.store.set(Labels(["__name__": "m", "x": "b"]), 0, 1)
        await failing.evaluate(0)
        #expect(failing.runner.status.rules[0].health == .err)
        let scalar = try self.scenario("alert: A, expr: '2'")
        await scalar.evaluate(0)
        #expect(scalar.alerts() == ["firing 2 0"])
    }

    @Test("A reload keeps the alerts of rules that are the same by name and labels")
    func reload() async throws {
        let scenario = try scenario("alert: A, expr: 'm > 0', for: 1m")
        scenario.store.set(Labels(["__name__": "m"]), 0, 1)
        await scenario.evaluate(0)
        let text =
            "groups:\n- name: g\n  rules:\n  - {alert: A, expr: 'm > 0.5', for: 2m}\n  - {alert: B, expr: m}"
        let state = RuleGroupState(
            of: try groups(text)[0],
            replacing: scenario.runner.group,
            in: scenario.runner.snapshot
        )
        #expect(state.rules.map(\.alerts.active.count) == [1, 0])
    }

    @Test("Mistakes in templates are problems of the file, each at its place")
    func badTemplates() throws {
        let text = """
            groups:
            - name: g
              rules:
              - alert: A
                expr: up
                labels: {ok: "{{ $value }}", bad: "{{ $vlaue }}"}
                annotations:
                  summary: "{{ humanise 1 }}"
            """
        do {
            _ = try groups(text)
            Issue.record("no error")
        } catch {
            #expect(
                "\(error)" == """
                    rules.yml:6:34: label "bad": template: __alert_A:1: undefined variable "$vlaue"
                    rules.yml:8:7: annotation "summary": template: __alert_A:1: function "humanise" not defined
                    """
            )
        }
    }
}
