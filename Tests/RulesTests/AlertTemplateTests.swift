import Foundation
import Model
import StrictYAML
import Testing

@testable import Rules

/// The texts of `Golden` are what promtool 3.5.3 makes of the same templates.
@Suite struct AlertTemplateTests {
    private static let folder = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }

    /// The pairs of a golden file: a template, and what comes of it.
    private static func pairs(_ file: String) throws -> [(template: String, text: String)] {
        let text = try TextFile.read("\(folder)/Golden/\(file)")
        return try text.split(separator: "\n").map { line in
            let pair = try JSONDecoder().decode([String].self, from: Data(line.utf8))
            return (pair[0], pair[1])
        }
    }

    private let data = TemplateData(
        labels: Labels(["__name__": "m", "instance": "db-1.example.com:9100", "job": "db"]),
        externalLabels: Labels(["region": "eu"]),
        externalURL: "http://prom.example.com:9090/base",
        value: 12345.678
    )
    private let setting = TemplateSetting(
        query: { text in
            let n = [("a", 1.0), ("b", 2.0)].map {
                TemplateSample(labels: Labels(["__name__": "n", "x": $0.0]), value: $0.1)
            }
            switch text {
            case "n": return n
            case "n{x='a'}": return [n[0]]
            case "m": return [TemplateSample(labels: Labels(["__name__": "m"]), value: 12345.678)]
            case "1": return [TemplateSample(labels: .empty, value: 1)]
            case "loop": return Array(repeating: n[0], count: 1000)
            case "none", "nothing": return []
            default: throw TemplateError("no answer for \(text)")
            }
        },
        time: Timestamp(millis: 1_700_000_000_250),
        externalURL: "http://prom.example.com:9090/base",
        pathPrefix: "/base"
    )

    private func expand(_ text: String) -> String {
        AlertTemplate(text, alert: "Tpl").expand(data, setting)
    }

    @Test("Templates yield what Prometheus yields, failures included")
    func golden() throws {
        for pair in try Self.pairs("templates.txt") {
            #expect(expand(pair.template) == pair.text, "\(pair.template)")
        }
    }

    @Test("Templates that cannot be parsed are told as Prometheus tells it")
    func mistakes() throws {
        for pair in try Self.pairs("template-mistakes.txt") {
            let problem = AlertTemplate(pair.template, alert: "Tpl").problem
            #expect((problem?.description ?? "") == pair.text, "\(pair.template)")
        }
    }

    @Test("Functions that newer versions have, and those that need the daemon's address")
    func others() {
        #expect(
            expand("{{ now }} {{ toDuration 3600.5 }} {{ (toDuration 90).Minutes }}")
                == "1.70000000025e+09 1h0m0.5s 1.5"
        )
        #expect(expand("{{ externalURL }}{{ pathPrefix }}") == "http://prom.example.com:9090/base/base")
        #expect(expand(#"{{ urlQueryEscape "a b/c" }}"#) == "a+b%2Fc")
        #expect(expand(#"{{ define "t" }}<{{ . }}>{{ end }}{{ tmpl "t" 5 }}{{ 6 | tmpl "t" }}"#) == "<5><6>")
        #expect(expand(#"{{ tmpl "x" 5 }}"#).contains("error calling tmpl: template \"x\" not defined"))
    }

    @Test("What would run for ever or grow without end is cut off")
    func bounds() {
        #expect(
            expand(#"{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}"#)
                .contains("exceeded maximum template depth")
        )
        let nested = String(repeating: "{{ range query `loop` }}", count: 4)
        let ends = String(repeating: "{{ end }}", count: 4)
        #expect(expand("\(nested)x\(ends)").contains("exceeded 200000 steps"))
        let wide = "{{ range query `loop` }}{{ printf `%9999d` 1 }}{{ end }}"
        #expect(expand(wide).contains("the text is longer than"))
        let deep = String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
        #expect(
            AlertTemplate("{{ \(deep) }}", alert: "x").problem?.description.contains("nested deeper") == true
        )
        let blocks = String(repeating: "{{ if 1 }}", count: 5000)
        #expect(AlertTemplate(blocks, alert: "x").problem != nil)
        #expect(expand("{{ range 9223372036854775807 }}{{ end }}").contains("steps"))
        #expect(expand("{{ printf `%99999999999999999999d` 1 }}").count <= 10_000)
        #expect(expand("{{ printf `%*d` -9223372036854775807 1 }}").contains("BADWIDTH"))
        #expect(expand("{{ humanizeDuration 1e300 }}") == "1e+300s")
        #expect(expand(#"{{ slice "é" 1 }}"#) == "\u{fffd}")
    }

    @Test("Random texts make no harm", arguments: [UInt64.random(in: 0...(.max))])
    func hostile(seed: UInt64) {
        let pieces = [
            "{{", "}}", "{{-", "-}}", " ", "\"", "`", "'", "$", "$labels", ".", ".Labels", ".x", "(", ")",
            "|",
            ":=", "=", ",", "if", "else", "end", "range", "with", "define", "template", "block", "break",
            "nil",
            "true", "1", "-1", "0x", "1e9", "\\", "\n", "é", "\u{0}", "humanize", "printf", "\"%*[1]d\"",
            "index",
            "slice", "query", "\"n\"", "first", "args", "and", "or", "eq", "/*", "*/", "reReplaceAll",
            "\"(\"",
            "toTime", ".Format", "title", "stripDomain", "\"a.b:1\"", "{{ end }}", "{{ $value }}",
        ]
        var state = seed
        for _ in 0..<4000 {
            var text = "{{"
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text += pieces[Int(truncatingIfNeeded: state >> 33) % pieces.count]
                if state & 0x100 == 0 { text += " " }
            }
            _ = expand(text)
            _ = expand(text + " }}{{ end }}")
        }
    }
}
