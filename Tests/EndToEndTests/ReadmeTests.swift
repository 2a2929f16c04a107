import Foundation
import Testing

extension EndToEnd {
    @Suite("The README")
    struct ReadmeTests {
        @Test("gives examples that all work as printed against the daemon of `make serve`")
        func examples() async throws {
            let readme = try String(contentsOfFile: "\(Repository.root)/README.md", encoding: .utf8)
            let examples = ReadmeExample.all(in: readme)
            try #require(!examples.isEmpty)
            let folder = try ScratchFolder("readme")
            try await withDaemon(serveArguments(), folder: folder) { sextant in
                for (index, example) in examples.enumerated() {
                    try await check(example, number: index + 1, sextant, folder)
                }
            }
        }

        @Test("and so does the page about the HTTP API")
        func apiExamples() async throws {
            let path = "\(Repository.root)/docs/http-api.md"
            let examples = ReadmeExample.all(in: try String(contentsOfFile: path, encoding: .utf8))
            try #require(!examples.isEmpty)
            let folder = try ScratchFolder("http-api")
            try await withDaemon(serveArguments(), folder: folder) { sextant in
                for (index, example) in examples.enumerated() {
                    try await check(example, number: index + 1, sextant, folder)
                }
            }
        }

        @Test("names the two commands that do everything")
        func commands() throws {
            let readme = try String(contentsOfFile: "\(Repository.root)/README.md", encoding: .utf8)
            #expect(readme.contains("make serve"))
            #expect(readme.contains("make test"))
        }

        /// The arguments that the Makefile gives to the daemon, with its relative paths made absolute.
        private func serveArguments() throws -> [String] {
            let makefile = try String(contentsOfFile: "\(Repository.root)/Makefile", encoding: .utf8)
            let line = try #require(
                makefile.split(separator: "\n").first { $0.contains("sextant\" serve ") },
                "no serve recipe"
            )
            let words = line.components(separatedBy: " serve ")[1].split(separator: " ").map(String.init)
            return words.filter { $0 != "$(ARGS)" }.map { word in
                word.hasPrefix("-") ? word : "\(Repository.root)/\(word)"
            }
        }

        /// Runs an example until it works and answers in the printed shape: a rule may need its first
        /// evaluation.
        private func check(
            _ example: ReadmeExample,
            number: Int,
            _ sextant: Daemon,
            _ folder: ScratchFolder
        ) async throws {
            let commands = example.commands.replacingOccurrences(
                of: "http://127.0.0.1:9797",
                with: sextant.baseURL
            )
            let script = try folder.write(
                "set -euo pipefail\n"
                    + "sextant() { \"\(Repository.daemon)\" \"$@\" --url \(sextant.baseURL); }\n"
                    + "curl() { command curl --silent --show-error --fail-with-body "
                    + "--max-time 60 \"$@\"; }\n\(commands)\n",
                to: "example-\(number).sh"
            )
            try await eventually(
                "example \(number) of the page: \(example.commands)",
                within: 90,
                everyMillis: 500
            ) {
                let run = try await Peers.run("/bin/bash", [script], in: folder)
                guard run.ending == .exited(0) else { throw NotYet("\(run.ending): \(run.output)") }
                guard let printed = example.answer else { return }
                let expected = try JSON(parsing: Array(printed.utf8))
                let answer = try JSON(parsing: Array(run.output.utf8))
                if let difference = JSONShape.difference(expected, answer, at: "") {
                    throw NotYet("\(difference) in \(run.output.prefix(2000))")
                }
            }
        }
    }

    @Suite("The README's test")
    struct ReadmeExampleTests {
        @Test("takes the runnable blocks and their answers from a page")
        func blocks() {
            let page = """
                # Title
                ```sh
                make serve
                ```
                ```sh
                curl -s \\
                  'http://127.0.0.1:9797/x'
                echo 'a 1' | curl --data-binary @- http://127.0.0.1:9797/y
                ```
                which prints
                ```json
                {"a":1}
                ```
                ```yaml
                curl: no
                ```
                ```sh
                printf 'b 2\\n' | curl --data-binary @- http://127.0.0.1:9797/z
                ```
                """
            let examples = ReadmeExample.all(in: page)
            #expect(examples.count == 2)
            #expect(examples.first?.commands.hasPrefix("curl -s \\\n") == true)
            #expect(examples.first?.answer == "{\"a\":1}")
            #expect(examples.last?.answer == nil)
        }

        @Test("compares names and kinds of an answer, not its numbers")
        func shapes() throws {
            func difference(_ expected: String, _ actual: String) throws -> String? {
                try JSONShape.difference(
                    JSON(parsing: Array(expected.utf8)),
                    JSON(parsing: Array(actual.utf8)),
                    at: ""
                )
            }
            let expected = #"{"status":"success","data":{"result":[{"metric":{"a":"b"},"value":[1.5,"2"]}]}}"#
            let other = #"{"status":"success","data":{"result":[{"metric":{"a":"c"},"value":[7,"NaN"]},{}]}}"#
            #expect(try difference(expected, other) == nil)
            #expect(try difference(expected, #"{"status":"error","data":{"result":[]}}"#) != nil)
            #expect(try difference(expected, #"{"status":"success","data":{"result":[]}}"#) != nil)
            #expect(try difference(#"{"a":1}"#, #"{"a":1,"b":2}"#) != nil)
            #expect(try difference(#"{"a":1}"#, #"{"a":"1"}"#) != nil)
            #expect(try difference("[]", "[1]") == nil)
        }
    }
}

/// A fenced `sh` block of a page that only calls curl or sextant, with the `json` block that follows it, if
/// one does.
struct ReadmeExample: Equatable {
    let commands: String
    let answer: String?

    /// The runnable examples of a Markdown page in their order: blocks of `sh` whose first command is
    /// `sextant`, or that call curl and begin with `curl`, `echo` or `printf`.
    static func all(in page: String) -> [ReadmeExample] {
        let blocks = fencedBlocks(of: page)
        return blocks.enumerated().compactMap { index, block in
            guard block.language == "sh", isRunnable(block.text) else { return nil }
            let next = index + 1 < blocks.count ? blocks[index + 1] : nil
            return ReadmeExample(commands: block.text, answer: next?.language == "json" ? next?.text : nil)
        }
    }

    private static func isRunnable(_ text: String) -> Bool {
        guard let first = text.split(separator: "\n").first(where: { !$0.hasPrefix("#") }) else {
            return false
        }
        if first.hasPrefix("sextant ") { return true }
        return ["curl ", "echo ", "printf "].contains { first.hasPrefix($0) } && text.contains("curl ")
    }

    private static func fencedBlocks(of page: String) -> [(language: String, text: String)] {
        var blocks: [(language: String, text: String)] = []
        var open: (language: String, lines: [String])?
        for line in page.components(separatedBy: "\n") {
            if let block = open, line.hasPrefix("```") {
                blocks.append((block.language, block.lines.joined(separator: "\n")))
                open = nil
            } else if open != nil {
                open?.lines.append(line)
            } else if line.hasPrefix("```") {
                open = (line.dropFirst(3).trimmingCharacters(in: .whitespaces), [])
            }
        }
        return blocks
    }
}

/// Compares JSON documents by their shape.
enum JSONShape {
    /// Where `actual` has other names or kinds than `expected`, or nil.
    ///
    /// Arrays are compared as far as both go, but an empty one is no answer where something is printed; what
    /// tells success and kind of an answer (`status`, `resultType`) is compared to the letter.
    static func difference(_ expected: JSON, _ actual: JSON, at path: String) -> String? {
        switch (expected, actual) {
        case (.object(let expected), .object(let members)):
            let names = Set(expected.map(\.name))
            let actualNames = Set(members.map(\.name))
            if names != actualNames { return "\(path): \(actualNames.sorted()) instead of \(names.sorted())" }
            for member in expected {
                guard let value = actual[member.name] else { continue }
                if ["status", "resultType"].contains(member.name), value != member.value {
                    return "\(path).\(member.name): \(value) instead of \(member.value)"
                }
                if let found = difference(member.value, value, at: "\(path).\(member.name)") { return found }
            }
            return nil
        case (.array(let expected), .array(let elements)):
            if !expected.isEmpty && elements.isEmpty { return "\(path): empty" }
            for (index, pair) in zip(expected, elements).enumerated() {
                if let found = difference(pair.0, pair.1, at: "\(path)[\(index)]") { return found }
            }
            return nil
        case (.null, .null), (.bool, .bool), (.number, .number), (.string, .string): return nil
        default: return "\(path): \(actual) instead of \(expected)"
        }
    }
}
