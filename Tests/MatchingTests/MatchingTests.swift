import Matching
import Model
import Testing

@Suite struct RegexTests {
    @Test("A pattern must match the whole value, and a dot matches a line end")
    func anchoring() throws {
        let regex = try Regex("a.c")
        #expect(regex.matches("abc"))
        #expect(regex.matches("a\nc"))
        #expect(!regex.matches("xabc"))
        #expect(!regex.matches("abcd"))
        #expect(try Regex("").matches(""))
        #expect(try !Regex("").matches("a"))
        #expect(try Regex("a|ab").matches("ab"))
        #expect(try Regex("é+").matches("éé"))
    }

    @Test(
        "What RE2 refuses is an error that names the pattern",
        arguments: ["a(?=b)", "[", "(", "a**", "\\8"]
    )
    func refusals(pattern: String) {
        #expect(throws: RegexError.self) { _ = try Regex(pattern) }
    }

    @Test("A pattern longer than the limit is refused")
    func tooLong() {
        #expect(
            throws: RegexError.tooLong(
                byteCount: Limits.default.regexBytes + 1,
                limit: Limits.default.regexBytes
            )
        ) {
            _ = try Regex(String(repeating: "a", count: Limits.default.regexBytes + 1))
        }
    }

    @Test("Captures come with the whole first, and nil for a group that took no part")
    func captures() throws {
        let regex = try Regex("(?P<first>[a-z]+)(-([0-9]+))?")
        #expect(regex.groupNames == [nil, "first", nil, nil])
        #expect(regex.captures(in: "web-12") == ["web-12", "web", "-12", "12"])
        #expect(regex.captures(in: "web") == ["web", "web", nil, nil])
        #expect(regex.captures(in: "12") == nil)
        #expect(try Regex("(.*)").captures(in: "") == ["", ""])
    }
}

@Suite struct CompiledMatcherTests {
    @Test(
        "Each kind of matcher agrees with its definition",
        arguments: [
            (Matcher("a", .equal, "x"), "x", true), (Matcher("a", .equal, "x"), "", false),
            (Matcher("a", .equal, ""), "", true), (Matcher("a", .notEqual, "x"), "", true),
            (Matcher("a", .notEqual, "x"), "x", false), (Matcher("a", .regex, "x|y"), "y", true),
            (Matcher("a", .regex, "x|y"), "xy", false), (Matcher("a", .regex, "x|"), "", true),
            (Matcher("a", .regex, ".*"), "", true), (Matcher("a", .regex, ".+"), "", false),
            (Matcher("a", .notRegex, ".+"), "", true), (Matcher("a", .notRegex, "x.*"), "y", true),
            (Matcher("a", .notRegex, "x.*"), "xy", false), (Matcher("a", .regex, "x\\|y"), "x|y", true),
        ]
    )
    func kinds(matcher: Matcher, value: String, expected: Bool) throws {
        #expect(try CompiledMatcher(matcher).matches(value) == expected)
        #expect(try CompiledMatcher(matcher).matches(Labels(["a": value])) == expected)
    }
}

/// A small random generator that gives the same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
