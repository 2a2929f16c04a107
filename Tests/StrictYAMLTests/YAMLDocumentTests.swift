import Model
import Testing

@testable import StrictYAML

@Suite struct YAMLDocumentTests {
    private func firstProblem(_ text: String) -> String? {
        do {
            _ = try YAMLDocument.parse(text, file: "f.yml")
            return nil
        } catch {
            return error.problems.first?.description
        }
    }

    @Test(
        "What is no YAML document is named with its place",
        arguments: [
            ("a: [1", "f.yml:1:1: not valid YAML: did not find expected ',' or ']'"),
            ("a: 1\n\tb: 2", "f.yml:2:1: not valid YAML: found a tab character that violates indentation"),
            ("a: *b", "f.yml:1:4: not valid YAML: found undefined alias"),
            (
                "a: 1\n---\nb: 2",
                "f.yml:2:1: the file has to be one YAML document, but a second one begins here"
            ),
            ("b: 1\na: 1\na: 2", "f.yml:2:1: the key \"a\" is written twice in one mapping"),
            ("? [a]\n: 1", "f.yml:1:3: a key has to be a text, not a list"),
            ("<<: 1", "f.yml:1:5: the merge key << needs a mapping, not a text"),
            ("a: \u{1}", "f.yml:1:4: not valid YAML: control characters are not allowed"),
        ]
    )
    func faults(text: String, expected: String) {
        let problem = firstProblem(text)
        #expect(problem?.hasPrefix(expected) == true, "\(problem ?? "no problem")")
    }

    @Test("Short texts, empty ones and comments are read")
    func short() throws {
        for text in ["", " ", "# nothing", "\n\n"] {
            #expect(try YAMLDocument.parse(text, file: "f.yml") == nil)
        }
        for text in ["a", "a: 1", "[]", "x: {y: z}"] {
            #expect(try YAMLDocument.parse(text, file: "f.yml") != nil)
        }
    }

    @Test("Merge keys fill in what the mapping does not say")
    func merge() throws {
        let text = "base: &b {x: 1, y: 2}\nmore: &m {z: 3, x: 9}\nown: {<<: [*b, *m], y: 5}"
        let root = try #require(try YAMLDocument.parse(text, file: "f.yml"))
        guard case .mapping(let entries) = root.content, case .mapping(let own) = entries[2].value.content
        else {
            Issue.record("no mapping")
            return
        }
        let shown = own.map { entry in
            guard case .scalar(let value, _) = entry.value.content else { return entry.name }
            return "\(entry.name)=\(value)"
        }
        #expect(shown == ["y=5", "x=1", "z=3"])
    }

    @Test("Deep nesting is refused, and does not overflow the stack")
    func depth() {
        for depth in [200, 900, 5000, 200_000] {
            let flow = "a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            #expect(firstProblem(flow) != nil, "\(depth) brackets")
            let compact = String(repeating: "- ", count: depth) + "x"
            #expect(firstProblem(compact) != nil, "\(depth) dashes")
        }
    }

    @Test("Aliases that multiply are refused")
    func aliases() {
        var text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let items = Array(repeating: "*l\(level - 1)", count: 10).joined(separator: ", ")
            text += "l\(level): &l\(level) [\(items)]\n"
        }
        #expect(firstProblem(text)?.contains("more than 500000 nodes") == true)
        for (key, kind) in [
            ("? *l9\n", "an alias"), ("*l9 ", "an alias"), ("? [*l9]\n", "a list"),
            ("{*l9 : 1}", "a mapping"),
        ] {
            let problem = firstProblem(text + key + ": 1")
            #expect(
                problem?.contains("a key has to be a text, not \(kind)") == true,
                "\(problem ?? "no problem")"
            )
        }
    }

    @Test("A star inside a text is no alias")
    func stars() throws {
        let text = "a: x *y\nb: '*y'\nc: |\n  sum(x) *on() y *z\n'*d': *\u{e000}"
        #expect(firstProblem(text) != nil)
        let root = try #require(try YAMLDocument.parse(String(text.dropLast(2)) + "1", file: "f.yml"))
        guard case .mapping(let entries) = root.content else {
            Issue.record("no mapping")
            return
        }
        let values = entries.map { entry in
            if case .scalar(let value, _) = entry.value.content { value } else { "" }
        }
        #expect(values == ["x *y", "*y", "sum(x) *on() y *z\n", "1"])
        #expect(entries[3].name == "*d")
    }
}
