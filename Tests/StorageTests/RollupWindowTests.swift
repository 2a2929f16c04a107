import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
private let day: Int64 = 24 * hour
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// States of windows that come from rollups are those of the samples.
@Suite struct RollupWindowTests {
    static let allParts: WindowParts = [.sum, .extremes, .increase, .area]
    static let threeLevels = RetentionPolicy(
        defaultTimes: RetentionTimes(
            rawMillis: nil,
            rollups: RollupLevel.allCases.map { RetentionTimes.Rollup(level: $0, keptMillis: nil) }
        )
    )

    /// Folds samples as a reader without rollups would.
    static func fold(_ column: SampleColumn, _ window: TimeRange) -> (state: WindowState, magnitude: Double) {
        var state = WindowState()
        var magnitude = 0.0
        for index in column.timestamps.indices
        where window.contains(Timestamp(millis: column.timestamps[index]))
            && !StaleMarker.matches(column.values[index])
        {
            state.add(millis: column.timestamps[index], value: column.values[index])
            if !column.values[index].isNaN { magnitude += column.values[index].magnitude }
        }
        return (state, magnitude)
    }

    /// Whether two states have the same bits, as far as `parts` go.
    static func agree(_ one: WindowState, _ other: WindowState, _ parts: WindowParts) -> Bool {
        func same(_ left: Double, _ right: Double) -> Bool {
            left == right || left.isNaN && right.isNaN
        }
        guard one.count == other.count, one.nanCount == other.nanCount else { return false }
        guard one.count > 0 else { return true }
        guard one.firstMillis == other.firstMillis, one.lastMillis == other.lastMillis else { return false }
        if parts.contains(.ends), one.firstValue != other.firstValue || one.lastValue != other.lastValue {
            return false
        }
        if parts.contains(.extremes), one.least != other.least || one.greatest != other.greatest {
            return false
        }
        return (!parts.contains(.increase) || same(one.totalResets, other.totalResets))
            && (!parts.contains(.sum) || same(one.total, other.total))
            && (!parts.contains(.area) || same(one.totalArea, other.totalArea))
    }

    static func windows(_ random: inout SeededGenerator, days: Int64) -> [TimeRange] {
        let isOnBorders = Bool.random(using: &random)
        let unit: Int64 = isOnBorders ? [300_000, hour, day].randomElement(using: &random) ?? hour : 1
        func round(_ millis: Int64) -> Int64 { millis / unit * unit }
        let isLeftOpen = Bool.random(using: &random)
        let length = max(unit, round(Int64.random(in: 1...days * day, using: &random)))
        let step = max(unit, round(Int64.random(in: 1...day, using: &random)))
        var from = start + round(Int64.random(in: -day...day, using: &random))
        var windows: [TimeRange] = []
        for _ in 0..<Int.random(in: 1...40, using: &random) {
            // `(a, b]` or `[a, b)`.
            let shift: Int64 = isLeftOpen ? 1 : 0
            windows.append(
                TimeRange(
                    Timestamp(millis: from + shift),
                    Timestamp(millis: from + length - 1 + shift)
                )
            )
            from += step
        }
        return windows
    }

    @Test(
        "Windows are answered as from samples: kinds of series, late samples, merges, restarts",
        arguments: 0..<6
    )
    func windows(round: Int) async throws {
        var random = SeededGenerator(seed: 900 + UInt64(round))
        let days: Int64 = 6
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let policy = round % 2 == 0 ? RollupWindowTests.threeLevels : .keepForever
        var store = try Store.open(folder, clock) { $0.retention = policy }
        var expected: [Labels: SampleColumn] = [:]
        var batches: [[(Labels, Int64, Double)]] = Array(repeating: [], count: Int(days) * 3)
        for kind in 0..<12 {
            let labels = Labels(["__name__": "m", "kind": "\(kind)"])
            let column = RollupCodecTests.column(
                &random,
                kind,
                count: 2500,
                from: start + Int64.random(in: 0...40, using: &random) * 15_000
            )
            let kept = column.sliced(to: TimeRange(.min, Timestamp(millis: start + days * day - 1)))
            expected[labels] = kept
            for index in kept.timestamps.indices {
                let slot = Int((kept.timestamps[index] - start) / (8 * hour))
                batches[slot].append((labels, kept.timestamps[index], kept.values[index]))
            }
        }
        func write(_ samples: [(Labels, Int64, Double)]) async throws {
            var batch = SampleBatch()
            for (labels, millis, value) in samples {
                batch.append(labels, Timestamp(millis: millis), value)
            }
            _ = try await store.append(batch)
        }
        for (slot, samples) in batches.enumerated() {
            clock.now = Timestamp(millis: start + Int64(slot + 1) * 8 * hour)
            try await write(samples)
            // The last ones stay in the head.
            if slot < batches.count - 1 { try await store.flush() }
            if slot % 5 == 4 { try await store.compact() }
        }
        var answered = 0
        func check() throws {
            for _ in 0..<6 {
                let windows = RollupWindowTests.windows(&random, days: days)
                let range = TimeRange(windows[0].start, windows[windows.count - 1].end)
                let set = try store.select(
                    SelectRequest(matchers: [], range: range),
                    budget: .unlimited()
                )
                for index in 0..<set.count {
                    var states: [WindowState] = []
                    guard try set.states(of: index, in: windows, RollupWindowTests.allParts, into: &states)
                    else { continue }
                    answered += 1
                    let column = expected[set.labels(at: index)] ?? SampleColumn()
                    #expect(states.count == windows.count)
                    for (window, state) in zip(windows, states) {
                        let (right, magnitude) = RollupWindowTests.fold(column, window)
                        let isEqual = RollupCodecTests.expectEqual(state, right, magnitude: magnitude)
                        #expect(
                            isEqual,
                            "\(set.labels(at: index)) \(window) \(state) instead of \(right)"
                        )
                        if !isEqual { return }
                    }
                    for parts in [WindowParts.increase, .ends, .sum, .extremes, .area, []] {
                        var some: [WindowState] = []
                        #expect(try set.states(of: index, in: windows, parts, into: &some))
                        #expect(some.count == states.count)
                        for (one, all) in zip(some, states) {
                            #expect(RollupWindowTests.agree(one, all, parts), "\(one) instead of \(all)")
                        }
                    }
                }
                #expect(set.warnings.isEmpty)
            }
        }
        try await store.compact()
        try check()
        for _ in 0..<3 {
            // Late samples, some of which overwrite others, go to days that are merged.
            var late: [(Labels, Int64, Double)] = []
            for labels in expected.keys.sorted() {
                var own = SampleColumn()
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let column = expected[labels] ?? SampleColumn()
                    let place = Int.random(in: 0..<column.count, using: &random)
                    let millis = column.timestamps[place] + Int64.random(in: 0...1, using: &random) * 7
                    guard !own.timestamps.contains(millis), millis > own.timestamps.last ?? .min else {
                        continue
                    }
                    own.append(millis: millis, value: Bool.random(using: &random) ? 17 : StaleMarker.value)
                }
                expected[labels]?.merge(own)
                for index in own.timestamps.indices {
                    late.append((labels, own.timestamps[index], own.values[index]))
                }
            }
            try await write(late)
            try check()
            try await store.flush()
            try check()
            if Bool.random(using: &random) {
                store.close()
                store = try Store.open(folder, clock) { $0.retention = policy }
                try check()
            }
            clock.advance(byMillis: day)
            try await store.compact()
            try check()
        }
        #expect(answered > 100)
    }

    @Test("A late sample costs its bucket only: all others are read from rollups")
    func lateSample() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        for step in 0..<5 * 1440 {
            batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + Int64(step) * 60_000), 1)
        }
        clock.now = Timestamp(millis: start + 6 * day)
        _ = try await store.append(batch)
        try await store.compact()
        try await store.flush()
        try await store.compact()
        var late = SampleBatch()
        late.append(Labels(["__name__": "m"]), Timestamp(millis: start + day + 90_000), 5)
        _ = try await store.append(late)
        let windows = (0..<5).map {
            TimeRange(Timestamp(millis: start + $0 * day), Timestamp(millis: start + ($0 + 1) * day - 1))
        }
        let budget = QueryBudget.unlimited()
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: budget)
        var states: [WindowState] = []
        #expect(try set.states(of: 0, in: windows, .sum, into: &states))
        #expect(states.map(\.count) == [1440, 1441, 1440, 1440, 1440])
        #expect(states.map(\.total) == [1440, 1445, 1440, 1440, 1440])
        #expect(budget.bucketCount(.day) == 5)
        #expect(budget.bucketCount(.fiveMinutes) == 0)
        #expect(budget.bucketCount(.hour) > 0)
    }

    @Test("A delete behind the last sample of a bucket takes nothing from it")
    func deleteBehind() async throws {
        let clock = TestClock(start + 2 * day)
        let store = try Store.open(try TemporaryFolder(), clock)
        var batch = SampleBatch()
        for step in 0..<600 {
            batch.append(Labels(["__name__": "m"]), Timestamp(millis: start + Int64(step) * 60_000), 1)
        }
        _ = try await store.append(batch)
        try await store.flush()
        try await store.compact()
        let deleted = TimeRange(
            Timestamp(millis: start + 12 * hour),
            Timestamp(millis: start + 13 * hour)
        )
        let matcher = Matcher("__name__", .equal, "m")
        _ = try await store.delete(DeleteRequest(selections: [[matcher]], range: deleted))
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        let window = TimeRange(Timestamp(millis: start), Timestamp(millis: start + day - 1))
        var states: [WindowState] = []
        #expect(try set.states(of: 0, in: [window], .sum, into: &states))
        #expect(states.map(\.count) == [600])
    }
}
