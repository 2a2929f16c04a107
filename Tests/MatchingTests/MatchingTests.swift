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

@Suite struct InvertedIndexTests {
    @Test("Canonically equivalent spellings are different values")
    func spellings() throws {
        let (one, two) = ("caf\u{e9}", "cafe\u{301}")
        var index = InvertedIndex()
        index.add(SeriesID(1), Labels(["a": one]))
        index.add(SeriesID(2), Labels(["a": two]))
        #expect(index.values(of: "a").count == 2)
        for (value, id) in [(one, 1), (two, 2)] as [(String, UInt64)] {
            let matcher = try CompiledMatcher(Matcher("a", .equal, value))
            #expect(index.series(matching: [matcher]) == [SeriesID(id)])
            let other = try CompiledMatcher(Matcher("a", .notEqual, value))
            #expect(index.series(matching: [other]) == [SeriesID(3 - id)])
        }
    }

    @Test("Any set of matchers selects the series that a scan selects", arguments: 0..<20)
    func agreesWithScan(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var index = InvertedIndex()
        var series: [SeriesID: Labels] = [:]
        for id in (1...200).shuffled(using: &random) {
            var labels = LabelsBuilder()
            labels.set("__name__", "m\(Int.random(in: 0..<3, using: &random))")
            for name in ["a", "b", "c"] where Bool.random(using: &random) {
                labels.set(name, "v\(Int.random(in: 0..<6, using: &random))")
            }
            series[SeriesID(UInt64(id))] = labels.build()
            index.add(SeriesID(UInt64(id)), labels.build())
        }
        for round in 0..<2 {
            for _ in 0..<100 {
                let matchers = try CompiledMatcher.compile(
                    (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                        Matcher(
                            ["__name__", "a", "b", "c", "d"].randomElement(using: &random) ?? "a",
                            Matcher.Kind.allCases.randomElement(using: &random) ?? .equal,
                            ["m1", "v1", "v1|v2", "v.*", ".*", ".+", "", "v[0-3]|"].randomElement(
                                using: &random
                            )
                                ?? ""
                        )
                    }
                )
                let expected = series.filter { entry in matchers.allSatisfy { $0.matches(entry.value) } }
                #expect(
                    index.series(matching: matchers) == expected.keys.sorted(),
                    "seed \(seed) round \(round) \(matchers.map(\.matcher))"
                )
            }
            let gone = series.filter { $0.key.rawValue % 3 == 0 }
            index.remove(gone)
            series = series.filter { gone[$0.key] == nil }
            #expect(index.seriesCount == series.count)
        }
        index.remove(series)
        #expect(index.labelNames.isEmpty && index.allSeries.isEmpty)
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
