import Model
import Testing

@testable import Storage

private let minute: Int64 = 60_000
private let hour: Int64 = 60 * minute
private let day: Int64 = 24 * hour
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// States of windows of native histograms that come from rollups are those of the samples.
@Suite struct HistogramWindowTests {
    /// Writes samples to a store.
    private static func write(_ store: Store, _ columns: [(Labels, SampleColumn)]) async throws {
        var batch = SampleBatch()
        for (labels, column) in columns {
            batch.beginSeries(packed: labels.packed)
            for (position, millis) in column.timestamps.enumerated() {
                if let histogram = column.histograms[position] {
                    batch.append(millis: millis, histogram: histogram)
                } else {
                    batch.append(millis: millis, value: column.values[position])
                }
            }
        }
        _ = try await store.append(batch)
    }

    private static func policy(_ round: Int) -> RetentionPolicy {
        guard round % 2 == 0 else { return .keepForever }
        // All levels, also of few samples, as they are kept for longer.
        var policy = RollupWindowTests.threeLevels
        policy.defaultRawMillis = 400 * day
        return policy
    }

    @Test(
        "Windows are answered as from samples: kinds of series, late samples, deletes, merges, restarts",
        arguments: 0..<4
    )
    func windows(round: Int) async throws {
        var random = SeededGenerator(seed: 1900 + UInt64(round))
        let days: Int64 = 4
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let policy = HistogramWindowTests.policy(round)
        var store = try Store.open(folder, clock) { $0.retention = policy }
        var expected: [Labels: SampleColumn] = [:]
        var batches: [[(Labels, SampleColumn)]] = Array(repeating: [], count: Int(days) * 3)
        for kind in 0..<10 {
            let labels = Labels(["__name__": "m", "kind": "\(kind)"])
            let first = start + Int64.random(in: 0...40, using: &random) * 15_000
            let column = HistogramRollupTests.column(
                &random,
                kind,
                count: 1000,
                from: first,
                every: [60_000, 200_000]
            )
            let kept = column.sliced(to: TimeRange(.min, Timestamp(millis: start + days * day - 1)))
            expected[labels] = kept
            for slot in batches.indices {
                let from = Timestamp(millis: start + Int64(slot) * 8 * hour)
                let part = kept.sliced(to: TimeRange(from, from.advanced(byMillis: 8 * hour - 1)))
                if !part.isEmpty { batches[slot].append((labels, part)) }
            }
        }
        for (slot, samples) in batches.enumerated() {
            clock.now = Timestamp(millis: start + Int64(slot + 1) * 8 * hour)
            if !samples.isEmpty { try await Self.write(store, samples) }
            // The last ones stay in the head.
            if slot < batches.count - 1 { try await store.flush() }
            if slot % 5 == 4 { try await store.compact() }
        }
        var answered: [Int: Int] = [:]
        func check() throws {
            for _ in 0..<2 {
                let windows = Array(RollupWindowTests.windows(&random, days: days).prefix(6))
                let range = TimeRange(windows[0].start, windows[windows.count - 1].end)
                let parts =
                    [HistogramRollupTests.allParts, .sum, .increase, .ends, []]
                    .randomElement(using: &random) ?? []
                let set = try store.select(
                    SelectRequest(matchers: [], range: range),
                    budget: .unlimited()
                )
                for index in 0..<set.count {
                    let labels = set.labels(at: index)
                    let kind = Int(labels["kind"] ?? "") ?? 0
                    var numbers: [WindowState] = []
                    #expect(try !set.states(of: index, in: windows, parts, into: &numbers))
                    var states: [HistogramState] = []
                    guard
                        try set.histogramStates(
                            of: index,
                            in: windows,
                            parts,
                            { place, state in
                                #expect(place == states.count)
                                states.append(state)
                            }
                        )
                    else { continue }
                    answered[kind, default: 0] += 1
                    #expect(states.count == windows.count)
                    let column = expected[labels] ?? SampleColumn()
                    for (window, state) in zip(windows, states) {
                        var right = HistogramRollupTests.fold(column, window)
                        var found = state
                        // What was not asked for may be anything.
                        if !parts.contains(.sum) { (found.total, right.total) = (.init(), .init()) }
                        if !parts.contains(.increase) { (found.resets, right.resets) = (.init(), .init()) }
                        let isEqual =
                            parts.isEmpty
                            ? found.count == right.count
                                && (found.count == 0
                                    || found.firstMillis == right.firstMillis
                                        && found.lastMillis == right.lastMillis)
                            : HistogramRollupTests.areEqual(found, right)
                        #expect(isEqual, "\(labels) \(window) \(found) instead of \(right)")
                        if !isEqual { return }
                    }
                }
                #expect(set.warnings.isEmpty)
            }
        }
        try await store.compact()
        try check()
        for number in 0..<3 {
            // Late samples, some of which overwrite others, go to days that are merged.
            var late: [(Labels, SampleColumn)] = []
            for labels in expected.keys.sorted() {
                var own = SampleColumn()
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let column = expected[labels] ?? SampleColumn()
                    let place = Int.random(in: 0..<column.count, using: &random)
                    let millis = column.timestamps[place] + Int64.random(in: 0...1, using: &random) * 7
                    guard millis > own.timestamps.last ?? .min, let other = column.histograms[place] else {
                        continue
                    }
                    own.append(millis: millis, histogram: other)
                }
                guard !own.isEmpty else { continue }
                expected[labels]?.merge(own)
                late.append((labels, own))
            }
            if !late.isEmpty { try await Self.write(store, late) }
            if number == 1 {
                let from = start + Int64.random(in: 0...3 * day, using: &random)
                let range = TimeRange(Timestamp(millis: from), Timestamp(millis: from + 7 * hour))
                _ = try await store.delete(
                    DeleteRequest(selections: [[Matcher("__name__", .equal, "m")]], range: range)
                )
                for labels in expected.keys { expected[labels] = expected[labels]?.without([range]) }
            }
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
        for kind in 0..<9 {
            // Of uneven histograms samples are read, if these are wanted.
            let least = (3...5).contains(kind) ? 1 : 10
            #expect(answered[kind] ?? 0 >= least, "kind \(kind): \(answered)")
        }
    }

    /// Writes a day after the other of a counter, a histogram a minute with 16 buckets, with what the daemon
    /// does beside it.
    private static func fill(_ store: Store, _ clock: TestClock, days: Range<Int64>) async throws {
        for number in days {
            var column = SampleColumn()
            for step in 0..<1440 {
                column.append(
                    millis: start + number * day + Int64(step) * minute,
                    histogram: histogram(number * 1440 + Int64(step))
                )
            }
            clock.now = Timestamp(millis: start + (number + 1) * day)
            try await write(store, [(Labels(["__name__": "h"]), column)])
            try await store.flush()
            clock.advance(byMillis: 2 * hour)
            store.compaction.sync { store.expire() }
            try await store.compact()
            store.compaction.sync { store.expire() }
        }
    }

    /// The counter after so many minutes.
    private static func histogram(_ minutes: Int64) -> NativeHistogram {
        var histogram = NativeHistogram(schema: 3, zeroThreshold: 1e-9)
        for index in 0..<Int32(16) {
            // Some buckets fill faster than others, none evenly.
            let count = Double((minutes * Int64(1 + index * index % 17) + minutes % Int64(3 + index)) / 2)
            histogram.positive.append(index: index - 8, count: count)
            histogram.count += count
        }
        histogram.sum = histogram.count / 8
        return histogram
    }

    private static func states(
        _ store: Store,
        _ windows: [TimeRange],
        _ parts: WindowParts
    ) throws -> (states: [HistogramState], warnings: [String]) {
        let range = TimeRange(windows[0].start, windows[windows.count - 1].end)
        let set = try store.select(SelectRequest(matchers: [], range: range), budget: .unlimited())
        var states: [HistogramState] = []
        guard set.count == 1,
            try set.histogramStates(of: 0, in: windows, parts, { states.append($1) })
        else { return ([], []) }
        return (states, set.warnings)
    }

    private static func byteCount(_ store: Store) -> Int {
        store.state.withLock { state in state.segments.reduce(0) { $0 + $1.record.byteCount } }
    }

    @Test("Samples go, hours stay for their time, days for ever; the answers are those of before")
    func expiry() async throws {
        let clock = TestClock(start)
        let folder = try TemporaryFolder()
        let policy = RetentionPolicy(
            defaultTimes: RetentionTimes(
                rawMillis: 6 * day,
                rollups: [.init(level: .hour, keptMillis: 20 * day), .init(level: .day, keptMillis: nil)]
            )
        )
        var store = try Store.open(folder, clock) { $0.retention = policy }
        try await Self.fill(store, clock, days: 0..<40)
        let other = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = RetentionPolicy(defaultRawMillis: nil)
        }
        try await Self.fill(other, clock, days: 0..<40)
        store.close()
        store = try Store.open(folder, clock) { $0.retention = policy }
        defer { print("40 days: \(Self.byteCount(store)) bytes, of samples \(Self.byteCount(other))") }
        // What is gone is gone from the disk.
        let sampleCount = store.state.withLock { state in
            state.segments.reduce(0) { $0 + $1.record.sampleCount }
        }
        #expect(sampleCount < 20 * 1440)
        #expect(Self.byteCount(store) < Self.byteCount(other) / 2)
        // Days, exactly; left-open ranges too.
        for shift: Int64 in [0, 1] {
            let days = (0..<39).map {
                TimeRange(
                    Timestamp(millis: start + $0 * day + shift),
                    Timestamp(millis: start + ($0 + 1) * day - 1 + shift)
                )
            }
            let (found, warnings) = try Self.states(store, days, HistogramRollupTests.allParts)
            #expect(found.count == 39 && warnings.isEmpty)
            for (number, state) in found.enumerated() {
                let first = Int64(number) * 1440 + shift
                #expect(state.count == 1440 && state.first == Self.histogram(first))
                #expect(state.last == Self.histogram(first + 1439))
                let total = (first..<first + 1440).reduce(0) { $0 + Self.histogram($1).count }
                #expect(state.total.sum?.value.count == total)
                #expect(state.total.sum?.value.positive.counts.reduce(0, +) == total)
            }
        }
        // Before, a day belongs to where its last sample is.
        let old = [
            TimeRange(
                Timestamp(millis: start + 5 * day + hour),
                Timestamp(millis: start + 5 * day + 3 * hour - 1)
            ),
            TimeRange(
                Timestamp(millis: start + 5 * day + 22 * hour),
                Timestamp(millis: start + 6 * day - 1)
            ),
        ]
        let (cut, warnings) = try Self.states(store, old, .sum)
        #expect(cut.map(\.count) == [0, 1440])
        #expect(warnings.count == 1)
        #expect(warnings.first?.hasSuffix("have expired: answered from 1d rollups") == true)
        // Plain reads: the last sample of each bucket.
        let set = try store.select(SelectRequest(matchers: [], range: .all), budget: .unlimited())
        var column = SampleColumn()
        try set.read(0, into: &column)
        #expect(column.histograms.count == column.count)
        #expect(column.timestamps[0] == start + day - minute)
        #expect(column.histograms[0] == Self.histogram(1439))
        #expect(set.warnings.count == 2)
        #expect(zip(column.timestamps, column.timestamps.dropFirst()).allSatisfy { $0 < $1 })
        let now = clock.now.millis
        let hours = column.timestamps.filter { $0 < now - 6 * day && $0 >= now - 20 * day }
        #expect((14 * 24 - 1...14 * 24).contains(hours.count))
    }

    @Test("Numbers and histograms of one series are each rolled up, and nothing of them is lost")
    func numbersBeside() async throws {
        let clock = TestClock(start)
        let store = try Store.open(try TemporaryFolder(), clock) {
            $0.retention = RetentionPolicy(
                defaultTimes: RetentionTimes(
                    rawMillis: 2 * day,
                    rollups: [.init(level: .day, keptMillis: nil)]
                )
            )
        }
        for number in 0..<Int64(12) {
            var column = SampleColumn()
            for step in 0..<Int64(1440) {
                let millis = start + number * day + step * minute
                if step % 4 == 3 {
                    column.append(millis: millis, value: Double(step))
                } else {
                    column.append(millis: millis, histogram: Self.histogram(step))
                }
            }
            clock.now = Timestamp(millis: start + (number + 1) * day)
            try await Self.write(store, [(Labels(["__name__": "h"]), column)])
            try await store.flush()
            clock.advance(byMillis: 2 * hour)
            try await store.compact()
            store.compaction.sync { store.expire() }
        }
        let found = try #require(try store.read().values.first)
        // The last histogram and the last number of each day.
        let first = start + day - 2 * minute
        #expect(Array(found.timestamps.prefix(4)) == [0, minute, day, day + minute].map { first + $0 })
        #expect(found.histograms[0] == Self.histogram(1438) && found.values[1] == 1439)
    }
}
