import Matching
import Model
import Testing

@Suite struct PatternShapeTests {
    private static let pieces = [
        "a", "b", "ab", "é", "-", "\n", "{", "}", "]", ".*", ".+", ".", "?", "*", "+", "|", "|", "(", ")",
        "(?:",
        "(?i)", "[ab]", "[|]", "\\|", "\\Qa|", "\\E", "{0,1}", "{2}", "^", "$", "(a|b)", "(?:a|é|)", "x*",
    ]
    private static let letters = ["a", "b", "A", "é", "-", "|", "\n", "{", "x"]

    @Test("A shortcut gives the answer of RE2", arguments: 0..<20)
    func agreesWithRE2(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var compiledCount = 0
        for _ in 0..<2000 {
            let pattern = text(of: Self.pieces, 0...6, &random)
            // A random pattern that RE2 refuses has no answer to compare with; how many are left is checked.
            guard let regex = try? Regex(pattern) else { continue }
            compiledCount += 1
            let matcher = try CompiledMatcher(Matcher("n", .regex, pattern))
            let negated = try CompiledMatcher(Matcher("n", .notRegex, pattern))
            for count in 0..<12 {
                let value = text(of: Self.letters, 0...(count / 2), &random)
                let expected = regex.matches(value)
                let note: Comment =
                    "seed \(seed), pattern \(pattern.debugDescription), value \(value.debugDescription)"
                #expect(matcher.matches(value) == expected, note)
                #expect(negated.matches(value) != expected, note)
                let bytes = Array(value.utf8)
                #expect(unsafe bytes.withUnsafeBytes { unsafe matcher.matches(bytes: $0) } == expected, note)
            }
        }
        #expect(compiledCount > 500)
    }

    @Test(
        "The words of a choice within plain text are known values",
        arguments: [
            ("a|b", ["a", "b"]), ("x(a|b)y", ["xay", "xby"]), ("(?:a|)z", ["az", "z"]), ("(a)", ["a"]),
            ("a", ["a"]),
        ]
    )
    func knownValues(pattern: String, words: [String]) throws {
        let matcher = try CompiledMatcher(Matcher("n", .regex, pattern))
        #expect(matcher.knownValues == Set(words.map(ByteText.init)))
    }

    private func text(
        of parts: [String],
        _ count: ClosedRange<Int>,
        _ random: inout SeededGenerator
    ) -> String {
        (0..<Int.random(in: count, using: &random)).map { _ in parts.randomElement(using: &random) ?? "" }
            .joined()
    }

    @Test("What a search passes over is not found, and what it says is enough is")
    func search() throws {
        let values = ["", "a", "ab", "abc", "b", "b.c", "éa", "xaby"]
        let patterns = [
            "a", "a|b", "ab.*", "ab.+", ".*", ".+", ".*b", "a[bx].*", "x(a|é)", "(a|b).*", "", "a?b?",
        ]
        for pattern in patterns {
            for kind in [Matcher.Kind.regex, .notRegex] {
                let matcher = try CompiledMatcher(Matcher("l", kind, pattern))
                #expect(matcher.isNegated == (kind == .notRegex))
                for value in values {
                    let isFound = unsafe Array(value.utf8).withUnsafeBytes {
                        unsafe matcher.isFound(bytes: $0)
                    }
                    #expect(isFound == (matcher.matches(value) != matcher.isNegated))
                    switch matcher.search {
                    case .words(let words): #expect(isFound == words.contains(ByteText(value)))
                    case .anything: #expect(isFound || value.isEmpty)
                    case .prefix(let prefix, let isEnough):
                        let hasPrefix = value.utf8.starts(with: prefix)
                        #expect(isEnough ? isFound == hasPrefix : !isFound || hasPrefix)
                    }
                }
            }
        }
    }
}
