import Model
import StrictYAML
import Testing

@testable import Rules

@Suite struct RelabelRuleTests {
    /// The rules of a list in YAML.
    private func rules(_ text: String) throws -> [RelabelRule] {
        var reader = StrictReader(file: "f")
        var rules: [RelabelRule] = []
        if let root = reader.document("rules:\n \(text)"),
            let fields = reader.fields(of: root, owner: "the test", known: ["rules"])
        {
            rules = RelabelReader.rules(fields, "rules", &reader)
        }
        try reader.finish()
        return rules
    }

    @Test(
        "What becomes of a label set",
        arguments: [
            ("[]", #"{a="foo", b="bar", c="Baz"}"#),
            // replace
            (
                "[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-$1'}]",
                #"{a="foo", b="bar", c="Baz", d="choo-oo"}"#
            ),
            (
                "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}]",
                #"{a="boobam", b="bar", c="Baz"}"#
            ),
            ("[{source_labels: [a], regex: 'o.*', target_label: d}]", #"{a="foo", b="bar", c="Baz"}"#),
            ("[{source_labels: [missing], target_label: a}]", #"{b="bar", c="Baz"}"#),
            ("[{target_label: d, replacement: static}]", #"{a="foo", b="bar", c="Baz", d="static"}"#),
            (
                "[{source_labels: [a], regex: '(f).*', target_label: 'x_$1', replacement: '$$1'}]",
                #"{a="foo", b="bar", c="Baz", x_f="$1"}"#
            ),
            (
                "[{source_labels: [a, b], separator: '', regex: 'foobar', target_label: b, replacement: ''}]",
                #"{a="foo", c="Baz"}"#
            ),
            // keep and drop
            ("[{action: keep, source_labels: [a], regex: foo}]", #"{a="foo", b="bar", c="Baz"}"#),
            ("[{action: keep, source_labels: [a], regex: fo}]", nil),
            ("[{action: drop, source_labels: [a, c], regex: 'foo;B.z'}]", nil),
            ("[{action: Drop, source_labels: [a], regex: oo}]", #"{a="foo", b="bar", c="Baz"}"#),
            ("[{action: keepequal, source_labels: [a], target_label: b}]", nil),
            ("[{action: dropequal, source_labels: [a], target_label: b}]", #"{a="foo", b="bar", c="Baz"}"#),
            ("[{action: dropequal, source_labels: [x], target_label: y}]", nil),
            // names
            ("[{action: labeldrop, regex: 'a|b'}]", #"{c="Baz"}"#),
            ("[{action: labelkeep, regex: 'a|b'}]", #"{a="foo", b="bar"}"#),
            (
                "[{action: labelmap, regex: '(a|c)', replacement: 'm_$1'}]",
                #"{a="foo", b="bar", c="Baz", m_a="foo", m_c="Baz"}"#
            ),
            // values
            ("[{action: lowercase, source_labels: [c], target_label: c}]", #"{a="foo", b="bar", c="baz"}"#),
            (
                "[{action: uppercase, source_labels: [a, b], target_label: d}]",
                #"{a="foo", b="bar", c="Baz", d="FOO;BAR"}"#
            ),
            // The last 8 bytes of the MD5 of "Baz", modulo 1000.
            (
                "[{action: hashmod, source_labels: [c], target_label: d, modulus: 1000}]",
                #"{a="foo", b="bar", c="Baz", d="940"}"#
            ),
            // one after the other
            (
                "[{target_label: d, replacement: x}, {action: keep, source_labels: [d], regex: x}, "
                    + "{action: labeldrop, regex: d}]", #"{a="foo", b="bar", c="Baz"}"#
            ),
        ] as [(String, String?)]
    )
    func results(_ text: String, _ expected: String?) throws {
        let labels = Labels(["a": "foo", "b": "bar", "c": "Baz"])
        #expect(try rules(text).apply(to: labels)?.description == expected)
    }

    @Test(
        "Faults are named with their places",
        arguments: [
            (
                "[{action: reply}]",
                "f:2:12: action \"reply\" is none; known are replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase"
            ),
            ("[{}]", "f:2:3: replace needs target_label"),
            (
                "[{target_label: a, regx: b}]",
                "f:2:21: unknown field \"regx\" in a relabelling rule; known are source_labels, separator, regex, modulus, target_label, replacement, action"
            ),
            ("[{action: hashmod, target_label: a}]", "f:2:3: hashmod needs modulus, above 0"),
            ("[{action: hashmod, modulus: -1, target_label: a}]", "f:2:30: modulus must not be negative"),
            (
                "[{action: lowercase, target_label: '${1}'}]",
                "f:2:37: \"${1}\" is no target_label for lowercase"
            ),
            (
                "[{action: labeldrop, regex: a, target_label: b}]",
                "f:2:3: labeldrop takes regex and nothing else"
            ),
            (
                "[{action: keepequal, regex: a, target_label: b}]",
                "f:2:3: keepequal takes source_labels and target_label, nothing else"
            ),
            ("[{action: labelmap, replacement: ''}]", "f:2:3: labelmap needs replacement, the new name"),
            (
                "[{action: keep, regex: '('}]",
                "f:2:25: regex is wrong: error parsing regexp: missing ): ( in \"(\""
            ),
        ]
    )
    func faults(_ text: String, _ problem: String) {
        do {
            _ = try rules(text)
            Issue.record("no error")
        } catch {
            #expect("\(error)".hasPrefix(problem), "\(error)")
        }
    }
}
