import Model
import Rules
import Testing

@testable import sextant

@Suite struct RetentionFileTests {
    private static let dayMillis: Int64 = 86_400_000

    @Test("Default and rules arrive in order")
    func everything() throws {
        let text = """
            default: {raw: 90d}
            rules:
            - {match: '{__name__=~"kpi:.*"}', raw: forever}
            - match: shop_orders_total{country!="DE"}
              raw: 400d
            """
        let policy = try RetentionFile.parse(text, file: "retention.yaml")
        #expect(policy.defaultRawMillis == 90 * Self.dayMillis)
        #expect(policy.rules.map(\.rawMillis) == [nil, 400 * Self.dayMillis])
        #expect(policy.rules[0].matchers == [Matcher("__name__", .regex, "kpi:.*")])
        #expect(
            Set(policy.rules[1].matchers) == [
                Matcher("__name__", .equal, "shop_orders_total"), Matcher("country", .notEqual, "DE"),
            ]
        )
        #expect(try RetentionFile.parse("default: {raw: forever}", file: "f") == .keepForever)
    }

    @Test("Rollups are kept by level; without a word about them hours and days are, as long as samples")
    func rollups() throws {
        let text = """
            default: {raw: 90d, rollups: {1d: forever, 5m: 2y}}
            rules:
            - {match: a, raw: 30d, name: short}
            - {match: b, raw: 30d, rollups: {}}
            """
        let policy = try RetentionFile.parse(text, file: "f")
        #expect(policy.defaultTimes.levels == [.fiveMinutes, .day])
        #expect(policy.defaultTimes.rollups.map(\.keptMillis) == [730 * Self.dayMillis, nil])
        #expect(policy.rules.map(\.times.levels) == [[.hour, .day], []])
        #expect(policy.rules[0].times.rollups.allSatisfy { $0.keptMillis == 30 * Self.dayMillis })
        #expect(policy.rules.map(\.name) == ["short", nil])
    }

    @Test("A rule whose series an earlier one takes is told of")
    func shadows() throws {
        let text = """
            default: {raw: 90d}
            rules:
            - {match: '{__name__=~"shop_.*"}', raw: 1y}
            - {match: 'shop_orders{job="a"}', raw: 2y}
            - {match: 'other', raw: 2y}
            - {match: 'other{job!=""}', raw: 3y}
            """
        let warnings = try RetentionFile.content(of: text, file: "f").warnings
        #expect(
            warnings.map(\.description) == [
                "f:4:3: the rule is never used: the rule of line 3 takes all its series",
                "f:6:3: the rule is never used: the rule of line 5 takes all its series",
            ]
        )
    }

    @Test("The file that ships keeps business figures for ever")
    func shipped() throws {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        let policy = try RetentionFile.load(root + "/retention.yaml")
        #expect(policy.defaultRawMillis == 90 * Self.dayMillis)
        #expect(policy.rules.first?.matchers == [Matcher("__name__", .regex, "kpi:.*|kpi_metric_value")])
        #expect(policy.rules.map(\.rawMillis) == [nil, 400 * Self.dayMillis, 30 * Self.dayMillis])
    }

    @Test(
        "Faults are named with file, line and column",
        arguments: [
            ("", "f: a retention file needs default with raw, a duration or forever"),
            ("rules: []", "f:1:1: a retention file needs default with raw, a duration or forever"),
            (
                "default: {raw: ever}",
                #"f:1:16: raw has to be a duration such as 400d, or forever, not "ever""#
            ),
            ("default: 90d", "f:1:10: default has to be a mapping"),
            (
                "default: {raw: 1d, rollups: {2h: 3d}}",
                "f:1:30: unknown field \"2h\" in rollups; known are 5m, 1h, 1d"
            ),
            (
                "default: {raw: 10d, rollups: {1h: 3d}}",
                "f:1:35: 1h has to be kept at least as long as raw"
            ),
            (
                "default: {raw: 10d, rollups: {5m: forever, 1h: 1y}}",
                "f:1:48: 1h has to be kept at least as long as 5m"
            ),
            (
                "default: {raw: 10d, rollups: {1h: soon}}",
                #"f:1:35: 1h has to be a duration such as 400d, or forever, not "soon""#
            ),
            ("default: {}", "f:1:10: default needs raw, a duration or forever"),
            ("default: {raw: 0}", #"f:1:16: raw has to be a duration such as 400d, or forever, not "0""#),
            (
                "default: {raw: 1d}\nrule: []",
                "f:2:1: unknown field \"rule\" in a retention file; known are default, rules"
            ),
            ("default: {raw: 1d}\nrules: {}", "f:2:8: rules has to be a list, not a mapping"),
            (
                "default: {raw: 1d}\nrules:\n- {raw: 1d}",
                "f:3:3: a retention rule needs match, a series selector"
            ),
            (
                "default: {raw: 1d}\nrules:\n- {match: up}",
                "f:3:3: a retention rule needs raw, a duration or forever"
            ),
            (
                "default: {raw: 1d}\nrules:\n- {match: 'sum(up)', raw: 1d}",
                "f:3:11: match is no series selector: "
            ),
            (
                "default: {raw: 1d}\nrules:\n- {match: '{a=~\"(\"}', raw: 1d}",
                "f:3:11: match is no series selector: "
            ),
            (
                "default: {raw: 1d}\nrules:\n- {match: up, raw: 1d, keep: 2d}",
                "f:3:24: unknown field \"keep\""
            ),
        ]
    )
    func faults(text: String, problem: String) {
        do {
            _ = try RetentionFile.parse(text, file: "f")
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix(problem), "\(error)")
        }
    }
}
