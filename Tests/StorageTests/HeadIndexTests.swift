import Matching
import Model
import Testing

@testable import Storage

@Suite("Index of the head")
struct HeadIndexTests {
    /// An index with the memory that its labels lie in, and the labels.
    @safe private final class Filled {
        let index = HeadIndex()
        private(set) var labels: [Labels] = []
        private var pieces: [UnsafeMutableRawBufferPointer] = unsafe []

        deinit {
            while let piece = unsafe pieces.popLast() { unsafe piece.deallocate() }
        }

        func add(_ labels: Labels) {
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: labels.packed.count, alignment: 1)
            unsafe piece.copyBytes(from: labels.packed)
            unsafe pieces.append(piece)
            unsafe index.add(UInt32(self.labels.count), packed: UnsafeRawBufferPointer(piece))
            self.labels.append(labels)
        }

        func series(_ matchers: [CompiledMatcher]) -> [UInt32] {
            labels.indices.filter { index in matchers.allSatisfy { $0.matches(labels[index]) } }
                .map { UInt32($0) }
        }
    }

    private static func randomLabels(_ valueCount: Int, using generator: inout SeededGenerator) -> Labels {
        var labels = LabelsBuilder()
        labels.set("__name__", "m\(Int.random(in: 0..<8, using: &generator))")
        for name in ["a", "b", "é", "job", "unique"] where Int.random(in: 0..<4, using: &generator) > 0 {
            let count = name == "unique" ? 1 << 30 : name == "job" ? 2 : valueCount
            labels.set(name, "v\(Int.random(in: 0..<count, using: &generator))")
        }
        if Int.random(in: 0..<50, using: &generator) == 0 {
            labels.set("long", String(repeating: "x", count: Int.random(in: 120...300, using: &generator)))
        }
        return labels.build()
    }

    private static func randomMatcher(using generator: inout SeededGenerator) -> Matcher {
        let name = ["__name__", "a", "b", "é", "job", "unique", "long", "none"]
        let kind: [Matcher.Kind] = [.equal, .notEqual, .regex, .notRegex]
        let value = [
            "", "m1", "v1", "v2", "m1|m2", "v1.*", ".*", ".+", "v[0-9]", "|v3", "(v1|v2)?", ".*9", "x+",
        ]
        return Matcher(
            name.randomElement(using: &generator) ?? "",
            kind.randomElement(using: &generator) ?? .equal,
            value.randomElement(using: &generator) ?? ""
        )
    }

    @Test("finds the series that a look at each of them finds", arguments: [1, 30, 700, 8000])
    func random(_ count: Int) throws {
        let seed = UInt64.random(in: 0..<1 << 40)
        var generator = SeededGenerator(seed: seed)
        let filled = Filled()
        for _ in 0..<count {
            filled.add(HeadIndexTests.randomLabels(max(2, count / 50), using: &generator))
        }
        for round in 0..<(count > 1000 ? 40 : 200) {
            let matchers = try CompiledMatcher.compile(
                (0..<Int.random(in: 0...3, using: &generator))
                    .map { _ in HeadIndexTests.randomMatcher(using: &generator) }
            )
            let expected = filled.series(matchers)
            let asked = matchers.map { "\($0.matcher)" }
            try #require(
                filled.index.series(matching: matchers) == expected,
                "seed \(seed), round \(round), \(asked)"
            )
            let few = [expected, Array(expected.prefix(3))].randomElement(using: &generator) ?? []
            let labels = few.map { filled.labels[Int($0)] }
            let names = Set(labels.flatMap { $0.map { ByteText($0.name) } }).sorted().map(\.string)
            let found = filled.index.labelNames(of: few).map { ByteText($0) }.sorted().map(\.string)
            try #require(found == names, "seed \(seed), round \(round)")
            for name in ["__name__", "a", "unique", "none"] {
                let values = filled.index.labelValues(of: name, in: few).map { ByteText($0) }.sorted()
                let expected = Set(labels.compactMap { $0[name].map { ByteText($0) } })
                try #require(values == expected.sorted(), "seed \(seed)")
            }
        }
    }

    @Test("counts series by value and metric")
    func counts() {
        let seed = UInt64.random(in: 0..<1 << 40)
        var generator = SeededGenerator(seed: seed)
        let filled = Filled()
        for _ in 0..<3000 { filled.add(HeadIndexTests.randomLabels(20, using: &generator)) }
        #expect(filled.index.seriesCount == 3000)
        for name in ["__name__", "a", "unique", "none"] {
            var found: [ByteText: Int] = [:]
            filled.index.forEachValue(of: name) { value, count in found[value] = count }
            var expected: [ByteText: Int] = [:]
            for labels in filled.labels {
                if let value = labels[name] { expected[ByteText(value), default: 0] += 1 }
            }
            #expect(found == expected, "seed \(seed), \(name)")
            let values = filled.index.labelValues(of: name, in: nil).map { ByteText($0) }
            #expect(values.sorted() == expected.keys.sorted())
        }
        let metrics = filled.index.metricCounts()
        for name in ["m0", "m7", "m8"] {
            let expected = filled.labels.count { $0.metricName == name }
            #expect(filled.index.seriesCount(ofMetric: name) == expected && metrics[name] == expected)
        }
        let names = Set(filled.labels.flatMap { $0.map { ByteText($0.name) } })
        #expect(filled.index.labelNames(of: nil).map { ByteText($0) }.sorted() == names.sorted())
    }

    @Test("series that come while a selection is under way are left out of it")
    func lateSeries() throws {
        let filled = Filled()
        for number in 0..<100 { filled.add(Labels(["__name__": "m", "n": "\(number)"])) }
        let selections = try [
            [], [Matcher("n", .notRegex, "1.*")], [Matcher("n", .regex, ".*")], [Matcher("n", .regex, "1.*")],
            [Matcher("__name__", .equal, "m"), Matcher("n", .notEqual, "5")], [Matcher("x", .equal, "")],
        ].map { try CompiledMatcher.compile($0) }
        let expected = selections.map { filled.series($0) }
        var pending = selections.map { filled.index.prepare($0) }
        for number in 0..<5000 { filled.add(Labels(["__name__": "m", "n": "1\(number)", "x": "y"])) }
        for index in pending.indices {
            pending[index].evaluate()
            #expect(filled.index.finish(pending[index]) == expected[index], "\(index)")
        }
    }

    @Test("steps of any size between the series of a value come back")
    func steps() throws {
        let seed = UInt64.random(in: 0..<1 << 40)
        var generator = SeededGenerator(seed: seed)
        let filled = Filled()
        var expected: [UInt32] = []
        while filled.labels.count < 60_000 {
            for _ in 0..<([0, 1, 126, 127, 128, 16_383, 16_384].randomElement(using: &generator) ?? 0) {
                filled.add(Labels(["__name__": "other"]))
            }
            expected.append(UInt32(filled.labels.count))
            filled.add(Labels(["__name__": "wanted"]))
        }
        let matchers = try CompiledMatcher.compile([Matcher("__name__", .equal, "wanted")])
        #expect(filled.index.series(matching: matchers) == expected, "seed \(seed)")
    }

    @Test("an empty label set is a series too")
    func noLabels() throws {
        let filled = Filled()
        filled.add(.empty)
        filled.add(Labels(["a": "b"]))
        let matchers = try CompiledMatcher.compile([Matcher("a", .equal, "")])
        #expect(filled.index.series(matching: []) == [0, 1])
        #expect(filled.index.series(matching: matchers) == [0])
    }
}
