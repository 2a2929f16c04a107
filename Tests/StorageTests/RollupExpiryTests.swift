import Model
import Testing

@testable import Storage

private let minute: Int64 = 60_000
private let hour: Int64 = 60 * minute
private let day: Int64 = 24 * hour
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// What goes when, and what is read of what is left.
@Suite struct RollupExpiryTests {
    private static func policy(_ raw: Int64?, _ rollups: [(RollupLevel, Int64?)]) -> RetentionPolicy {
        RetentionPolicy(
            defaultTimes: RetentionTimes(
                rawMillis: raw,
                rollups: rollups.map { RetentionTimes.Rollup(level: $0.0, keptMillis: $0.1) }
            )
        )
    }

    private static func range(_ from: Int64, _ to: Int64) -> TimeRange {
        TimeRange(Timestamp(millis: from), Timestamp(millis: to))
    }

    /// Writes `days` days of a counter (a sample a minute, `dense`) and of a series with one sample in eight
    /// hours (`sparse`), day by day, with what the daemon does beside it.
    private static func fill(_ store: Store, _ clock: TestClock, days: Range<Int64>) async throws {
        for number in days {
            var batch = SampleBatch()
            for step in 0..<1440 {
                let millis = start + number * day + Int64(step) * minute
                batch.append(
                    Labels(["__name__": "dense"]),
                    Timestamp(millis: millis),
                    Double(number * 1440) + Double(step)
                )
            }
            for step in 0..<3 {
                let millis = start + number * day + Int64(step) * 8 * hour + 5
                batch.append(Labels(["__name__": "sparse"]), Timestamp(millis: millis), Double(step))
            }
            clock.now = Timestamp(millis: start + (number + 1) * day)
            _ = try await store.append(batch)
            try await store.flush()
            clock.advance(byMillis: 2 * hour)
            try await settle(store)
        }
    }

    private static func settle(_ store: Store) async throws {
        store.compaction.sync { store.expire() }
        try await store.compact()
        store.compaction.sync { store.expire() }
    }

    @Test("Of any range the same is read as of all, beside rollups and where samples have expired")
    func rangesOfSamples() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = Self.policy(3 * day, [(.fiveMinutes, 5 * day), (.hour, nil)])
        }
        defer { store.close() }
        try await Self.fill(store, clock, days: 0..<6)
        let hasRollups = try store.state.withLock { $0.segments }.contains { segment in
            var reader = Segment.Reader()
            return try segment.chunks(of: 0, &reader).contains { !$0.isRaw }
        }
        #expect(hasRollups)
        var random = SeededGenerator(seed: 7)
        for mayReadMore in [false, true] {
            for _ in 0..<60 {
                // Before the samples that are left buckets stand for others, as far as a range takes them in.
                let from = start + Int64.random(in: 4 * day...6 * day, using: &random)
                let range = Self.range(from, from + Int64.random(in: 0...2 * day, using: &random))
                var request = SelectRequest(matchers: [], range: range)
                request.mayReadMore = mayReadMore
                let set = try store.select(request, budget: .unlimited())
                let all = try store.read([], Self.range(start + 3 * day, start + 9 * day))
                for index in 0..<set.count {
                    var column = SampleColumn()
                    try set.read(index, into: &column)
                    let whole = all[set.labels(at: index)]?.bits ?? [:]
                    let wanted = whole.filter { range.contains(Timestamp(millis: $0.key)) }
                    let found = column.bits
                    #expect(found.filter { range.contains(Timestamp(millis: $0.key)) } == wanted)
                    #expect(mayReadMore || found.count == wanted.count)
                    #expect(found.allSatisfy { whole[$0.key] == $0.value })
                }
            }
        }
    }

    /// The states of `windows` for the series of this name, and the warnings.
    private static func states(
        _ store: Store,
        _ name: String,
        _ windows: [TimeRange]
    ) throws -> (states: [WindowState], warnings: [String]) {
        let range = TimeRange(windows[0].start, windows[windows.count - 1].end)
        let set = try store.select(
            SelectRequest(matchers: [Matcher("__name__", .equal, name)], range: range),
            budget: .unlimited()
        )
        var states: [WindowState] = []
        let parts: WindowParts = [.sum, .extremes, .increase, .area]
        guard set.count == 1, try set.states(of: 0, in: windows, parts, into: &states) else {
            return ([], [])
        }
        return (states, set.warnings)
    }

    @Test("Samples go, hours stay for their time, days for ever; the answers are those of before")
    func levels() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let policy = Self.policy(10 * day, [(.hour, 40 * day), (.day, nil)])
        var store = try Store.open(folder, clock) { $0.retention = policy }
        try await Self.fill(store, clock, days: 0..<100)
        store.close()
        store = try Store.open(folder, clock) { $0.retention = policy }
        let end = start + 100 * day
        // Days, exactly.
        let days = (0..<100).map {
            Self.range(start + Int64($0) * day, start + Int64($0 + 1) * day - 1)
        }
        let (found, warnings) = try Self.states(store, "dense", days)
        #expect(found.map(\.count) == Array(repeating: 1440, count: 100))
        #expect(found.map(\.increase) == Array(repeating: 1439, count: 100))
        let firstValues = (0..<100).map { Double($0 * 1440) }
        #expect(found.map(\.firstValue) == firstValues)
        #expect(warnings.isEmpty)
        // Left-open ranges too.
        let open = (1..<100).map { Self.range(start + Int64($0 - 1) * day + 1, start + Int64($0) * day) }
        let (leftOpen, openWarnings) = try Self.states(store, "dense", open)
        #expect(leftOpen.map(\.increase) == Array(repeating: 1439, count: 99))
        let secondValues = (0..<99).map { Double($0 * 1440 + 1) }
        #expect(leftOpen.map(\.firstValue) == secondValues)
        #expect(openWarnings.isEmpty)
        // Hours of the last forty days are exact; before, a day belongs to the hour of its last sample.
        let hours = Self.range(end - 30 * day + hour, end - 30 * day + 3 * hour - 1)
        let (exact, exactWarnings) = try Self.states(store, "dense", [hours])
        #expect(exact.map(\.count) == [120] && exactWarnings.isEmpty)
        let old = [
            Self.range(start + 5 * day + hour, start + 5 * day + 3 * hour - 1),
            Self.range(start + 5 * day + 22 * hour, start + 6 * day - 1),
        ]
        let (cut, cutWarnings) = try Self.states(store, "dense", old)
        #expect(cut.map(\.count) == [0, 1440])
        #expect(cutWarnings.count == 1)
        #expect(cutWarnings.first?.hasSuffix("have expired: answered from 1d rollups") == true)
        // Plain reads: the last sample of each bucket.
        let set = try store.select(
            SelectRequest(matchers: [Matcher("__name__", .equal, "dense")], range: .all),
            budget: .unlimited()
        )
        var column = SampleColumn()
        try set.read(0, into: &column)
        #expect(column.timestamps[0] == start + day - minute && column.values[0] == 1439)
        #expect(set.warnings.count == 2)
        let now = clock.now.millis
        let raw = column.timestamps.filter { $0 >= now - 10 * day }.count
        let rawSpan = end - now + 10 * day
        #expect(raw == Int(rawSpan / minute))
        let hoursOnly = column.timestamps.filter { $0 < now - 10 * day && $0 >= now - 40 * day }
        #expect((719...720).contains(hoursOnly.count))
        #expect(zip(column.timestamps, column.timestamps.dropFirst()).allSatisfy { $0 < $1 })
        // What is gone is gone from the disk.
        let (samples, count) = store.state.withLock { state in
            (state.segments.reduce(0) { $0 + $1.record.sampleCount }, state.segments.count)
        }
        #expect(samples < 22 * 1443 + 300)
        // The samples that stand in for hours are kept by day.
        #expect(count < 48)
        // The question for series finds what has nothing but days.
        let old5 = Self.range(start + 5 * day, start + 6 * day)
        let series = try store.series(LabelRequest(range: old5), budget: .unlimited())
        #expect(series.items.count == 2)
    }

    @Test("The samples of a series that is too sparse for a level stand in for it")
    func standIns() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = Self.policy(2 * day, [(.hour, 20 * day), (.day, 50 * day)])
        }
        try await Self.fill(store, clock, days: 0..<30)
        let samples = try store.read([Matcher("__name__", .equal, "sparse")]).values.first
        // Hours are not kept of it, so its samples live as long as these would.
        let earliest = clock.now.millis - 20 * day
        let raw = samples?.timestamps.filter { $0 >= earliest } ?? []
        #expect((59...60).contains(raw.count))
        let before = samples?.timestamps.filter { $0 < earliest } ?? []
        let lastOfDays = (0..<before.count).map { start + Int64($0) * day + 16 * hour + 5 }
        #expect(before == lastOfDays)
    }

    @Test("Without rollups everything is as it was; a policy that drops them has them go with samples")
    func dropped() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = Self.policy(2 * day, [(.day, nil)])
        }
        try await Self.fill(store, clock, days: 0..<12)
        #expect(try store.read().values.allSatisfy { ($0.timestamps.first ?? .max) < start + day })
        try store.setRetention(RetentionPolicy(defaultRawMillis: 3 * day))
        store.maintenance.sync {}
        try await Self.settle(store)
        let earliest = clock.now.millis - 3 * day
        #expect(try store.read().values.allSatisfy { ($0.timestamps.first ?? .min) >= earliest })
    }
}
