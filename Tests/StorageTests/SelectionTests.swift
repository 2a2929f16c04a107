import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// Selections, whatever is kept of them: blocks of labels or label sets, one source or several.
@Suite struct SelectionTests {
    /// What was written and counts, by labels.
    private typealias Samples = [Labels: [Int64: UInt64]]

    private static let seriesCount = 900

    /// Writes some samples of many series: few of most, more than are kept apart of some.
    private static func write(
        _ store: Store,
        _ written: inout Samples,
        from millis: Int64,
        using random: inout SeededGenerator
    ) async throws {
        var batch = SampleBatch()
        for number in 0..<seriesCount where Int.random(in: 0..<8, using: &random) > 0 {
            let labels = Labels(["__name__": "m", "number": "\(number)", "third": "\(number % 3)"])
            batch.beginSeries(packed: labels.packed)
            for step in 0..<[1, 3, 3, 31, 32, 33, 90][number % 7] {
                let value = Double.random(in: 0...1, using: &random)
                let time = millis + Int64(step) * 15_000
                batch.append(millis: time, value: value)
                written[labels, default: [:]][time] = value.bitPattern
            }
        }
        _ = try await store.append(batch)
    }

    @Test(
        "Of one segment, of several and of a head all that was written is read, with its labels",
        arguments: 0..<6
    )
    func readsAll(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let clock = TestClock(start + 6 * hour)
        let hasRules = seed % 2 == 1
        let store = try Store.open(try TemporaryFolder(), clock) { options in
            guard hasRules else { return }
            let rule = RetentionPolicy.Rule(matchers: [Matcher("third", .equal, "1")], rawMillis: 4 * hour)
            options.retention = RetentionPolicy(defaultRawMillis: nil, rules: [rule])
        }
        defer { store.close() }
        var written: Samples = [:]
        for part in 0..<(seed < 2 ? 1 : 3) {
            let from = start + 5 * hour + Int64(part) * 1_200_000
            try await Self.write(store, &written, from: from, using: &random)
            if part < 2 { try await store.flush() }
        }
        let selections = [
            [], [Matcher("third", .equal, "1")], [Matcher("number", .regex, ".*(13|7)")],
            [Matcher("number", .equal, "444")], [Matcher("number", .equal, "none")],
        ]
        // All of it, a part of the range, and once some has expired, which does not come back.
        for (from, age) in [(Int64.min, Int64(0)), (start + 5 * hour + 900_000, 0), (.min, 190 * 60_000)] {
            clock.now = Timestamp(millis: start + 6 * hour + age)
            for matchers in selections {
                let compiled = try store.compile(matchers)
                let expected = written.compactMapValues { samples -> [Int64: UInt64]? in
                    let kept = samples.filter { $0.key >= from }
                    return kept.isEmpty ? nil : kept
                }.filter { labels, _ in compiled.allSatisfy { $0.matches(labels) } }
                let range = TimeRange(Timestamp(millis: from), .max)
                try Self.check(store, matchers, range, expected, clock, hasRules: hasRules)
            }
        }
    }

    /// Reads a selection in order, backwards and here and there.
    private static func check(
        _ store: Store,
        _ matchers: [Matcher],
        _ range: TimeRange,
        _ written: Samples,
        _ clock: TestClock,
        hasRules: Bool
    ) throws {
        let earliest = clock.now.millis - 4 * hour
        let expected = written.compactMap { labels, samples -> (Labels, [Int64: UInt64])? in
            guard hasRules, labels["third"] == "1" else { return (labels, samples) }
            let kept = samples.filter { $0.key >= earliest }
            return kept.isEmpty ? nil : (labels, kept)
        }.sorted { $0.0 < $1.0 }
        let set = try store.select(SelectRequest(matchers: matchers, range: range), budget: .unlimited())
        try #require(set.count == expected.count)
        #expect(set.warnings.isEmpty)
        let orders = [
            Array(expected.indices), expected.indices.reversed(), expected.indices.filter { $0 % 37 == 5 },
        ]
        for order in orders {
            try set.withReader { reader in
                var column = SampleColumn()
                for index in order {
                    #expect(reader.labels(at: index) == expected[index].0)
                    #expect(set.labels(at: index) == expected[index].0)
                    try reader.read(index, into: &column)
                    #expect(column.bits == expected[index].1 && column.histograms.isEmpty)
                    try #require(column.timestamps.count == column.values.count)
                }
            }
        }
        let answer = try store.series(
            LabelRequest(selections: [matchers], range: range),
            budget: .unlimited()
        )
        #expect(answer.items == expected.map(\.0))
    }

    @Test("A block of labels is kept where many of its series are selected, and found from anywhere")
    func keepsBlocks() async throws {
        let store = try Store.open(try TemporaryFolder(), TestClock(start))
        defer { store.close() }
        var batch = SampleBatch()
        for number in 0..<2000 {
            batch.beginSeries(packed: Labels(["__name__": "m", "number": "\(10_000 + number)"]).packed)
            batch.append(millis: start, value: 1)
        }
        _ = try await store.append(batch)
        try await store.flush()
        let segment = try #require(store.state.withLock { $0.segments.first })
        for distance in [1, 3, 15, 17, 300] {
            let ordinals = stride(from: UInt32(5), to: 2000, by: distance).map { UInt32($0) }
            let budget = QueryBudget.unlimited()
            var memory = SelectionMemory(budget)
            var reader = Segment.Reader()
            let labels = try SelectedLabels(of: segment, ordinals, &reader, &memory, isOver: { false })
            var hint = 0
            for place in Array(ordinals.indices) + ordinals.indices.reversed() + [0, ordinals.count - 1] {
                let found = labels.labels(at: place, ordinal: ordinals[place], near: &hint)
                #expect(found["number"] == "\(10_000 + ordinals[place])", "distance \(distance)")
            }
        }
    }

    @Test("Warnings of all readers are told once")
    func remarks() {
        let remarks = SelectionRemarks(["a"])
        #expect(remarks.note("b") && !remarks.note("a") && !remarks.note("b"))
        remarks.noteExpired(before: Timestamp(millis: start), .hour)
        remarks.noteExpired(before: Timestamp(millis: start - hour), .hour)
        #expect(
            remarks.texts == [
                "a", "b",
                "raw samples before 2026-01-01T00:00:00Z have expired: answered from 1h rollups",
            ]
        )
    }
}
