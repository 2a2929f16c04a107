import Model
import Rules
import Testing

@testable import sextant

@Suite struct ConfigFileTests {
    @Test("What the file sets arrives, paths as seen from the file's folder")
    func everything() throws {
        let text = """
            global:
              evaluation_interval: 15s
              rule_query_offset: 2s
              external_labels: {region: eu}
            rule_files: [rules, /etc/rules/*.yml]
            sextant: {push_interval: 30s}
            """
        let configuration = try ConfigFile.parse(text, file: "/etc/sextant/sextant.yml")
        #expect(
            configuration.ruleDefaults
                == RuleDefaults(evaluationIntervalMillis: 15_000, queryOffsetMillis: 2000)
        )
        #expect(configuration.pushIntervalMillis == 30_000)
        #expect(configuration.externalLabels == Labels(["region": "eu"]))
        #expect(configuration.ruleFiles == ["/etc/sextant/rules", "/etc/rules/*.yml"])
        #expect(try ConfigFile.parse("rule_files: [rules]", file: "sextant.yml").ruleFiles == ["rules"])
    }

    @Test("An empty file sets nothing", arguments: ["", "global:\nrule_files:\nsextant:\n", "{}"])
    func empty(text: String) throws {
        #expect(try ConfigFile.parse(text, file: "f") == Configuration())
        #expect(Configuration().ruleDefaults.evaluationIntervalMillis == 60_000)
    }

    @Test(
        "Environment variables in external labels",
        arguments: [
            ("plain", "plain"), ("$A", "1"), ("${A}", "1"), ("x$A-${BC}y", "x1-23y"), ("$$A", "$A"),
            ("a$", "a$"), ("$NONE-", "-"), ("${}x", "x"), ("${A", "A"), ("$-x", "x"), ("$é", "$é"),
            ("$9A", "A"),
        ]
    )
    func environment(text: String, value: String) throws {
        let variables = ["A": "1", "BC": "23"]
        let configuration = try ConfigFile.parse(
            "global: {external_labels: {a: '\(text)'}}",
            file: "f",
            environment: { variables[$0] }
        )
        #expect(configuration.externalLabels["a"] == value)
    }

    @Test(
        "Faults are named with file, line and column",
        arguments: [
            (
                "scrape_configs: []",
                "f:1:1: \"scrape_configs\" is not supported: Sextant scrapes nothing; let Prometheus or an agent "
                    + "scrape and send by remote write"
            ),
            (
                "global: {}\nremote_write: []",
                "f:2:1: \"remote_write\" is not supported: Sextant forwards no samples; let what sends them "
                    + "send to several places"
            ),
            (
                "global: {scrape_interval: 1m}",
                "f:1:10: \"scrape_interval\" is not supported: Sextant scrapes nothing; let Prometheus or an "
                    + "agent scrape and send by remote write"
            ),
            (
                "glob: {}",
                "f:1:1: unknown field \"glob\" in the configuration; known are global, rule_files, "
                    + "alerting, sextant"
            ),
            (
                "sextant: {listen: x}",
                "f:1:11: unknown field \"listen\" in the section sextant; "
                    + "known are allowed_hosts, history, limits, push_interval, receivers, retention_confirm, "
                    + "slow_query_log_threshold"
            ),
            ("rule_files: rules", "f:1:13: rule_files has to be a list, not a text"),
            ("rule_files: [[a]]", "f:1:14: rule_files has to be a text, not a list"),
            (
                "global: {evaluation_interval: often}",
                "f:1:31: evaluation_interval has to be a duration such as 30s or 1h30m, not \"often\""
            ),
        ]
    )
    func faults(text: String, problem: String) {
        do {
            _ = try ConfigFile.parse(text, file: "f")
            Issue.record("no error")
        } catch {
            #expect("\(error)" == problem)
        }
    }
}
