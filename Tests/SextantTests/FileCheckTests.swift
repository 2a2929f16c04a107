import Glibc
import Testing

@testable import sextant

@Suite struct FileCheckTests {
    /// What a check said.
    private final class Lines {
        var out: [String] = []
        var errors: [String] = []
    }

    /// Checks files that are in a new folder, whose path is left out of what is said.
    private func check(
        _ files: KeyValuePairs<String, String>,
        _ run: (inout FileCheck, String) -> Void
    ) throws -> (out: [String], errors: [String], isFailed: Bool) {
        let folder = try TestFolder()
        for (name, text) in files { try folder.write(text, to: name) }
        let lines = Lines()
        var check = FileCheck { line, descriptor in
            let line = line.replacing(folder.path + "/", with: "")
            if descriptor == STDOUT_FILENO { lines.out.append(line) } else { lines.errors.append(line) }
        }
        run(&check, folder.path)
        return (lines.out, lines.errors, check.isFailed)
    }

    private let good = """
        groups:
        - name: g
          rules:
          - {record: 'a:b', expr: up}
          - {record: 'a:b', expr: down}
          - {record: 'a:b', expr: up, labels: {x: y}}
        """

    @Test("Good rule files are counted, doubtful rules are warned of")
    func goodRules() throws {
        let (out, errors, isFailed) = try check(["r/a.yml": good, "r/b.yml": "groups: []"]) {
            $0.rules(at: $1 + "/r")
            $0.rules(at: $1 + "/r/a.yml")
            $0.rules(at: $1 + "/r/x*.yml")
        }
        #expect(
            out == [
                "Checking r/a.yml", "  SUCCESS: 3 rules found\n", "Checking r/b.yml",
                "  SUCCESS: 0 rules found\n",
            ]
        )
        #expect(
            errors == [
                "warning: r/a.yml:5:5: a:b has the name and labels of the rule at line 4",
                "warning: r/x*.yml: there is no rule file",
            ]
        )
        #expect(!isFailed)
    }

    @Test("KPI files are checked together, and what they lack is warned of")
    func kpiFiles() throws {
        let metrics = """
            kpi_version: 1
            calendars: {c: {timezone: Asia/Kathmandu}}
            metrics: [{name: m, from: {samples: x}}]
            """
        let kpis = """
            kpi_version: 1
            kpis:
              - {name: a, type: simple, metric: m, calendar: c}
              - {name: b, type: simple, metric: n}
            """
        let (out, errors, isFailed) = try check(["r/a.kpi.yaml": kpis, "r/b.yml": good, "r/c.yaml": metrics])
        {
            $0.rules(at: $1 + "/r")
            $0.kpis()
        }
        #expect(
            out == [
                "Checking r/b.yml", "  SUCCESS: 3 rules found\n", "Checking r/a.kpi.yaml",
                "  SUCCESS: 0 metrics, 2 KPIs, 0 funnels found\n", "Checking r/c.yaml",
                "  SUCCESS: 1 metric, 0 KPIs, 0 funnels found\n",
            ]
        )
        #expect(
            errors.last
                == "warning: r/a.kpi.yaml:4:5: the KPI b needs the metric n, which is not defined"
        )
        #expect(!isFailed)
    }

    @Test("What is wrong with KPI files, or with one that is a rule file too, is told with its place")
    func badKPIFiles() throws {
        let bad = "kpi_version: 1\nkpis: [{name: a, type: simple, metric: m, calendar: c}]"
        let (_, errors, isFailed) = try check(
            ["a.kpi.yaml": bad, "b.yml": "kpi_version: 1\ngroups: []", "c.kpi.yaml": "kpi_version: 1"]
        ) {
            for name in ["a.kpi.yaml", "b.yml", "c.kpi.yaml"] { $0.rules(at: $1 + "/" + name) }
            $0.kpis()
        }
        #expect(errors.first == "a.kpi.yaml:2:53: calendar \"c\" is not defined")
        #expect(
            errors.last?.hasPrefix("b.yml:2:1: rule groups and KPI definitions need files of their own")
                == true
        )
        #expect(errors.count == 2)
        #expect(isFailed)
    }

    @Test("All problems of all rule files are told with their places")
    func badRules() throws {
        let bad = """
            groups:
            - name: g
              rules:
              - {record: 'a', expr: 'up +'}
              - {record: 'a', expr: up, lables: {}}
            """
        let (out, errors, isFailed) = try check(["a.yml": bad, "b.yml": "x: 1"]) {
            $0.rules(at: $1 + "/a.yml")
            $0.rules(at: $1 + "/b.yml")
            $0.rules(at: $1 + "/c.yml")
        }
        #expect(
            out == [
                "Checking a.yml", "  FAILED: 2 problems\n", "Checking b.yml", "  FAILED: 1 problem\n",
            ]
        )
        let text = errors.joined(separator: "\n")
        #expect(text.hasPrefix("a.yml:4:25: expr is no PromQL: "))
        #expect(text.contains("\na.yml:5:29: unknown field \"lables\" in a rule; known are"))
        #expect(text.contains("\nb.yml:1:1: unknown field \"x\" in a rule file; known are groups"))
        #expect(text.hasSuffix("c.yml: there is no such file or directory"))
        #expect(isFailed)
    }

    @Test("A configuration is checked with the rule files that it names")
    func configuration() throws {
        let good = try check(["s.yml": "rule_files: [r.yml]", "r.yml": "groups: []"]) {
            $0.configuration(at: $1 + "/s.yml")
        }
        #expect(
            good.out == [
                "Checking s.yml", "  SUCCESS: s.yml is a valid configuration, 1 rule file entry\n",
                "Checking r.yml", "  SUCCESS: 0 rules found\n",
            ]
        )
        #expect(good.errors == [] && !good.isFailed)
        let bad = try check(["s.yml": "rule_files: [r.yml]\nscrape_configs: []"]) {
            $0.configuration(at: $1 + "/s.yml")
        }
        #expect(bad.isFailed)
        #expect(bad.errors.count == 1)
        #expect(bad.errors.first?.hasPrefix("s.yml:2:1: \"scrape_configs\" is not supported: ") == true)
        let missing = try check(["s.yml": "rule_files: [r.yml]"]) { $0.configuration(at: $1 + "/s.yml") }
        #expect(missing.errors == ["r.yml: there is no such file or directory"])
        #expect(missing.isFailed)
    }

    @Test("A retention file is checked")
    func retention() throws {
        let text = "default: {raw: 90d}\nrules:\n- {match: '{a=\"b\"}', raw: forever}"
        let good = try check(["r.yaml": text]) { $0.retention(at: $1 + "/r.yaml") }
        #expect(good.out == ["Checking r.yaml", "  SUCCESS: 1 rule found, by default kept 90d\n"])
        let bad = try check(["r.yaml": "rules: []"]) { $0.retention(at: $1 + "/r.yaml") }
        #expect(bad.isFailed)
        #expect(
            bad.errors == ["r.yaml:1:1: a retention file needs default with raw, a duration or forever"]
        )
    }
}
