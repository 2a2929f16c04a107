import Model
import Testing

@testable import Rules

/// The scenarios of prometheus/compliance, `alert_generator`: samples every 15 s, groups every 30 s.
@Suite struct AlertComplianceTests {
    private static func metric(_ name: String, _ variant: String? = nil) -> Labels {
        let labels = Labels(["__name__": "suite", "alertname": name])
        return variant.map { labels.setting("variant", $0) } ?? labels
    }

    @Test("Pending, firing, resolved and firing again, with values that change")
    func pendingFiringResolved() async throws {
        let scenario = try AlertScenario(
            """
            groups:
            - name: g
              interval: 30s
              rules:
              - alert: Simple
                expr: suite{alertname="Simple"} > 10
                for: 6m
                labels: {foo: bar}
                annotations: {summary: "The value is {{$value}} {{.Value}}"}
            """
        )
        scenario.write(
            Self.metric("Simple"),
            "3 5x2 9x3 11x12 15x11 15x19 19x15 9x19 15x24 15x19 8x15"
        )
        // Samples 8, 21, 54 and so on; the evaluations see them at the next even one.
        var log: [(Int64, String)] = []
        var sent: [(Int64, AlertNotification)] = []
        for seconds in stride(from: Int64(0), through: 150 * 15, by: 30) {
            await scenario.evaluate(seconds)
            let line = scenario.alerts().joined(separator: ",")
            if log.last?.1 != line { log.append((seconds, line)) }
            sent += scenario.recorder.take().map { ($0.millis / 1000, $0.alert) }
            let states = scenario.alertSeries(seconds)
            #expect(states.count == (line.isEmpty ? 0 : 1), "\(seconds)")
            #expect(line.isEmpty || states[0].contains(#"alertstate="\#(line.prefix { $0 != " " })""#))
        }
        #expect(log.map(\.0) == [0, 120, 330, 480, 810, 1050, 1350, 1710, 2010])
        #expect(
            log.map(\.1) == [
                "", "pending 11 120", "pending 15 120", "firing 15 120", "firing 19 120", "",
                "pending 15 1350",
                "firing 15 1350", "",
            ]
        )
        // A minute has to be over before receivers are told again, so every third slot tells.
        let firing = sent.filter { !$0.1.isResolved }
        #expect(firing.map(\.0) == [480, 570, 660, 750, 840, 930, 1020, 1710, 1800, 1890, 1980])
        #expect(firing.prefix(7).allSatisfy { $0.1.startsAt.millis == 480_000 })
        #expect(firing.suffix(4).allSatisfy { $0.1.startsAt.millis == 1_710_000 })
        #expect(firing.allSatisfy { $0.1.endsAt.millis == ($0.0 + 240) * 1000 })
        #expect(
            firing.map { $0.1.annotations[0].value.suffix(5) }.prefix(5) == [
                "15 15", "15 15", "15 15", "15 15", "19 19",
            ]
        )
        let resolved = sent.filter { $0.1.isResolved }
        #expect(resolved.map(\.0) == [1050, 1140, 1230, 1320, 2010, 2100, 2190])
        #expect(resolved.prefix(4).allSatisfy { $0.1.endsAt.millis == 1_050_000 })
        #expect(sent.allSatisfy { $0.1.labels == Labels(["alertname": "Simple", "foo": "bar"]) })
        #expect(
            sent.allSatisfy {
                $0.1.generatorURL
                    == "http://s.example.com/x/graph?g0.expr=suite%7Balertname%3D%22Simple%22%7D+%3E+10&g0.tab=1"
            }
        )
    }

    @Test("Pending that ends with the data, and a rule that is never active, tell nobody")
    func pendingResolved() async throws {
        let scenario = try AlertScenario(
            """
            groups:
            - name: g
              rules:
              - {alert: Pending, expr: 'suite > 10', for: 3m}
              - {alert: Inactive, expr: 'suite > 99', for: 3m}
            """
        )
        scenario.write(Self.metric("x"), "3 5x2 9x3 11x10 9")
        var states: [String] = []
        for seconds in stride(from: Int64(0), through: 900, by: 30) {
            await scenario.evaluate(seconds)
            states.append(scenario.alerts().joined())
            #expect(scenario.alerts(1).isEmpty)
        }
        #expect(states.prefix(4).allSatisfy { $0.isEmpty })
        #expect(states[4...9].allSatisfy { $0 == "pending 11 120" })
        #expect(states[10...].allSatisfy { $0.isEmpty })
        #expect(scenario.recorder.take().isEmpty)
    }

    @Test(
        "A rule without for fires at once; a small for fires at the second evaluation; resolved for 15 minutes"
    )
    func zeroAndSmallFor() async throws {
        let scenario = try AlertScenario(
            #"""
            groups:
            - name: g
              rules:
              - alert: Zero
                expr: suite{alertname="z"} > 10
                annotations:
                  query: '{{ define "t" }}Args are: {{.arg0}} {{.arg1}} {{.arg2}}. {{ with query "ids" }}first:{{ . | sortByLabel "id" | first | label "id" }},{{ range $v := sortByLabel "id" . }}{{ . | label "id" }}:{{ . | value }},{{ end }}{{ end }}{{ end }}{{ template "t" (args "foo" "bar" 99) }}'
                  text: '{{humanize 1048576}} {{humanize1024 1048576}} {{humanizeDuration 135.3563}}
                    {{humanizePercentage 0.959}} {{humanizeTimestamp 1643114203}}'
              - alert: Small
                expr: suite{alertname="z"} > 13
                for: 15s
                annotations:
                  text: '{{title "this part"}} {{toUpper "is testing"}} {{toLower "THE STRINGS"}}. {{ stripPort "[::1]:6006"}} {{ stripPort "127.0.0.1:4004"}}. {{parseDuration "2h10m15s"}}. {{if match "[0-9]+" "1234"}}{{reReplaceAll "r.*d" "replaced" "rpld text"}}{{end}}. {{if match "[0-9]+$" "1234a"}}WRONG{{end}}.'
            """#
        )
        scenario.write(Self.metric("z"), "3 5x2 9x3 15x12 9x71 11x12 9x40")
        for id in 1...3 {
            scenario.write(Labels(["__name__": "ids", "id": "\(100 + id)"]), "\(id)x27 \(2 * id)x200")
        }
        var sent: [String: [(Int64, AlertNotification)]] = [:]
        for seconds in stride(from: Int64(0), through: 130 * 15, by: 30) {
            await scenario.evaluate(seconds)
            for told in scenario.recorder.take() {
                sent[told.alert.labels["alertname"] ?? "", default: []].append(
                    (told.millis / 1000, told.alert)
                )
            }
            if seconds == 120 { #expect(scenario.alerts(1) == ["pending 15 120"]) }
        }
        let zero = try #require(sent["Zero"])
        #expect(zero.filter { !$0.1.isResolved }.map(\.0) == [120, 210, 300, 1410, 1500])
        // Told for 15 minutes after the end at 330, and not longer.
        let over = zero.filter { $0.1.isResolved && $0.0 < 1400 }.map(\.0)
        #expect(over == Array(stride(from: 330, through: 1230, by: 90)))
        #expect(
            zero[0].1.annotations.map(\.value) == [
                "Args are: foo bar 99. first:101,101:1,102:2,103:3,",
                "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC",
            ]
        )
        #expect(zero.first { $0.0 == 1410 }?.1.annotations[0].value.hasSuffix("101:2,102:4,103:6,") == true)
        let small = try #require(sent["Small"])
        #expect(small.first?.0 == 150 && small.first?.1.startsAt.millis == 150_000)
        #expect(
            small[0].1.annotations.map(\.value) == [
                "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. ."
            ]
        )
    }

    @Test("New alerts beside active ones; a rule sees the alerts of the rule before it at the same slot")
    func newAlertsAndOrder() async throws {
        let scenario = try AlertScenario(
            """
            groups:
            - name: g
              rules:
              - alert: Rule1
                expr: suite > 10
                for: 3m
                labels: {foo: bar}
              - alert: Rule2
                expr: (ALERTS{alertstate="firing",alertname="Rule1",foo="bar",variant="one"}
                  + ignoring(variant) ALERTS{alertstate="firing",alertname="Rule1",variant="two"}) == 2
                labels: {foo: baz, ba_dum: tss}
                annotations:
                  description: "Old alertname was {{$labels.alertname}}. foo was {{.Labels.foo}}."
            """
        )
        scenario.write(Self.metric("r", "one"), "1x7 11x64 9x20")
        scenario.write(Self.metric("r", "two"), "1x31 11x32 9x20")
        var first: [String: Int64] = [:]
        var last: [String: Int64] = [:]
        for seconds in stride(from: Int64(0), through: 85 * 15, by: 30) {
            await scenario.evaluate(seconds)
            for line in scenario.alerts() + scenario.alerts(1).map({ "second \($0)" }) {
                first[line] = first[line] ?? seconds
                last[line] = seconds
            }
        }
        #expect(
            first == [
                "pending 11 120": 120, "firing 11 120": 300, "pending 11 480": 480, "firing 11 480": 660,
                "second firing 2 660": 660,
            ]
        )
        #expect(last["firing 11 480"] == 960 && last["second firing 2 660"] == 960)
        let told = scenario.recorder.take().first { $0.alert.labels["alertname"] == "Rule2" }
        #expect(
            told?.alert.labels
                == Labels(["alertname": "Rule2", "alertstate": "firing", "ba_dum": "tss", "foo": "baz"])
        )
        #expect(told?.alert.annotations[0].value == "Old alertname was Rule1. foo was bar.")
    }
}
