import ChunkCodec
import Model
import Testing

@testable import Storage

/// Rollups of native histograms, as buckets and as bytes.
@Suite struct HistogramRollupTests {
    static let allParts: WindowParts = [.sum, .increase]

    /// Series of several sorts: counters with resets, regular or with gaps (0, 1), whose resolution changes
    /// (2), whose zero bucket grows (3), with custom bounds that change (4), of both sorts of buckets (5),
    /// gauges (6), with what clients say of resets (7), with staleness markers (8), with numbers (9).
    static func column(
        _ random: inout SeededGenerator,
        _ kind: Int,
        count: Int,
        from start: Int64,
        every steps: [Int64] = [15_000, 60_000]
    ) -> SampleColumn {
        var column = SampleColumn()
        var millis = start
        let step = steps.randomElement(using: &random) ?? 15_000
        func empty() -> NativeHistogram {
            var histogram = NativeHistogram(schema: 3, zeroThreshold: 1e-3)
            if kind == 2 { histogram.schema = Int32.random(in: -1...8, using: &random) }
            if kind == 3 { histogram.zeroThreshold = [1e-3, 0.5, 1].randomElement(using: &random) ?? 1 }
            if kind == 6 { histogram.counterReset = .gauge }
            let isCustom = kind == 4 || kind == 5 && Bool.random(using: &random)
            var index: Int32 = isCustom ? 0 : -10
            if isCustom {
                histogram.schema = NativeHistogram.customSchema
                histogram.zeroThreshold = 0
                histogram.customBounds = [0.1, 0.5, 1, 5].filter { _ in
                    kind == 5 || Int.random(in: 0..<8, using: &random) > 0
                }
            }
            for place in 0..<(isCustom ? histogram.customBounds.count + 1 : 5) {
                histogram.positive.append(index: index, count: 0)
                if !isCustom, place < 3 { histogram.negative.append(index: index, count: 0) }
                index += isCustom ? 1 : Int32.random(in: 1...3, using: &random)
            }
            return histogram
        }
        var current = empty()
        for _ in 0..<count {
            if Int.random(in: 0..<60, using: &random) == 0 { current = empty() }
            for place in current.positive.counts.indices {
                let more = Double(Int.random(in: kind == 6 ? -2...3 : 0...3, using: &random))
                current.positive.counts[place] += more
                current.count += more
                current.sum += more / 64
            }
            if !current.hasCustomBounds {
                current.zeroCount += 1
                current.count += 1
            }
            var stored = current
            if kind == 7 {
                stored.counterReset =
                    [.unknown, .notReset, .reset].randomElement(using: &random) ?? .unknown
            }
            let chance = Int.random(in: 0..<40, using: &random)
            if kind == 8, chance == 0 {
                column.append(millis: millis, value: StaleMarker.value)
            } else if kind == 9, chance == 0 {
                column.append(millis: millis, value: 5)
            } else {
                column.append(millis: millis, histogram: stored)
            }
            millis += step
            if kind % 2 == 1 {
                millis += Int64.random(in: -9...9, using: &random)
                if Int.random(in: 0..<60, using: &random) == 0 { millis += step * 60 }
            }
        }
        return column
    }

    /// The state of the histograms in `window`, added one by one.
    static func fold(_ column: SampleColumn, _ window: TimeRange = .all) -> HistogramState {
        var state = HistogramState()
        for (position, histogram) in zip(column.histograms.positions, column.histograms.values)
        where window.contains(Timestamp(millis: column.timestamps[position])) {
            state.add(millis: column.timestamps[position], histogram)
        }
        return state
    }

    /// Whether both are the same, apart from what rounding may do to sums; of uneven histograms the order of
    /// additions may decide where a zero bucket ends.
    static func areEqual(_ left: HistogramState, _ right: HistogramState, exactIfUneven: Bool = false) -> Bool
    {
        guard left.count == right.count else { return false }
        guard left.count > 0 else { return true }
        guard left.firstMillis == right.firstMillis, left.lastMillis == right.lastMillis,
            isSame(left.first, right.first), isSame(left.last, right.last), left.marks == right.marks,
            left.betweenSchema == right.betweenSchema
        else { return false }
        let isUneven = left.marks.contains(.uneven) && !exactIfUneven
        return areEqual(left.total, right.total, isUneven) && areEqual(left.resets, right.resets, isUneven)
    }

    private static func isSame(_ left: NativeHistogram, _ right: NativeHistogram) -> Bool {
        left == right && left.counterReset == right.counterReset
    }

    private static func areEqual(_ left: HistogramTotal, _ right: HistogramTotal, _ isUneven: Bool) -> Bool {
        guard left.mismatch == right.mismatch else { return false }
        guard let one = left.sum?.value, let two = right.sum?.value else {
            return left.sum == nil && right.sum == nil
        }
        return isNear(one, two, isUneven)
    }

    static func isNear(_ one: NativeHistogram, _ two: NativeHistogram, _ isUneven: Bool = false) -> Bool {
        func isNear(_ one: Double, _ two: Double) -> Bool {
            (one - two).magnitude <= 1e-12 * max(one.magnitude, two.magnitude)
        }
        func areNear(_ one: HistogramBuckets, _ two: HistogramBuckets) -> Bool {
            one.indices == two.indices && zip(one.counts, two.counts).allSatisfy(isNear)
        }
        guard isNear(one.count, two.count), isNear(one.sum, two.sum), one.schema == two.schema,
            one.customBounds == two.customBounds, one.counterReset == two.counterReset
        else { return false }
        return isUneven && !one.hasCustomBounds
            || one.zeroThreshold == two.zeroThreshold && isNear(one.zeroCount, two.zeroCount)
                && areNear(one.positive, two.positive) && areNear(one.negative, two.negative)
    }

    private static func rollups(_ column: SampleColumn, _ levels: [RollupLevel]) -> [SeriesRollup] {
        var fold = RollupFold(levels)
        fold.add(column)
        return fold.rollups(sparseToo: true)
    }

    private static func bytes(_ rollup: SeriesRollup) -> [UInt8] {
        var bytes: [UInt8] = []
        HistogramRollupCodec.encode(
            rollup.histograms,
            level: rollup.level,
            effort: .compaction,
            into: &bytes
        )
        return bytes
    }

    @Test("However a stretch is cut, joined states are those of all samples")
    func joins() {
        var random = SeededGenerator(seed: 5)
        for round in 0..<200 {
            let count = Int.random(in: 1...200, using: &random)
            let column = Self.column(&random, round % 10, count: count, from: 1_000_000)
            var states = [HistogramState()]
            for (position, histogram) in zip(column.histograms.positions, column.histograms.values) {
                if Int.random(in: 0..<4, using: &random) == 0 { states.append(HistogramState()) }
                states[states.count - 1].add(millis: column.timestamps[position], histogram)
            }
            while states.count > 1 {
                let place = Int.random(in: 1..<states.count, using: &random)
                states[place - 1].join(states.remove(at: place))
            }
            let expected = Self.fold(column)
            #expect(Self.areEqual(states[0], expected), "round \(round): \(states[0]), not \(expected)")
            guard count > 1, let last = expected.total.sum?.value, round % 10 < 2 else { continue }
            // By hand: what plain additions give.
            let total = column.histograms.values.reduce(0) { $0 + $1.count }
            #expect(last.count == total)
        }
    }

    @Test("The rise of a counter is what was added to it, whatever its resets")
    func increase() {
        var state = HistogramState()
        var (now, risen) = (NativeHistogram(schema: 0), 0.0)
        now.positive.append(index: 0, count: 5)
        now.count = 5
        for step in 0..<50 {
            if step % 7 == 3 {
                (now.count, now.positive.counts[0]) = (0, 0)
            }
            let more = Double(1 + step % 3)
            if step > 0 { risen += more }
            now.count += more
            now.positive.counts[0] += more
            state.add(millis: Int64(step), now)
        }
        let resets = state.resets.sum?.value.count ?? 0
        #expect(state.last.count - state.first.count + resets == risen)
    }

    @Test("Buckets come back from their bytes, and each part of them alone")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 7)
        for round in 0..<60 {
            let count = Int.random(in: 1...700, using: &random)
            let start = Int64.random(in: 0...40_000, using: &random) * 15_000 - 300_000_000
            let column = Self.column(&random, round % 10, count: count, from: start)
            for rollup in Self.rollups(column, RollupLevel.allCases) {
                let bytes = Self.bytes(rollup)
                let starts = rollup.histograms.map(\.start)
                func decode(_ parts: WindowParts) throws -> [HistogramRollup] {
                    try HistogramRollupCodec.decode(
                        bytes[...],
                        starts: starts,
                        level: rollup.level,
                        parts
                    )
                }
                let (all, none) = (try decode(Self.allParts), try decode([]))
                let (sums, rises, ends) = (try decode(.sum), try decode(.increase), try decode(.ends))
                #expect(all.count == rollup.histograms.count)
                for (index, expected) in rollup.histograms.enumerated() {
                    let found = all[index]
                    #expect(found.start == expected.start && (found.edge == nil) == (expected.edge == nil))
                    #expect(found.edge == expected.edge)
                    #expect(found.edge?.counterReset == expected.edge?.counterReset)
                    #expect(Self.areEqual(found.open, expected.open, exactIfUneven: true), "round \(round)")
                    #expect(none[index].lastMillis == expected.lastMillis)
                    #expect(none[index].firstMillis == expected.firstMillis)
                    #expect(none[index].sampleCount == expected.sampleCount)
                    #expect(ends[index].last?.histogram == expected.last?.histogram)
                    #expect(sums[index].open.total.sum?.value == found.open.total.sum?.value)
                    #expect(rises[index].open.resets.sum?.value == found.open.resets.sum?.value)
                    #expect(rises[index].open.marks == expected.open.marks)
                }
            }
        }
    }

    @Test("Coarser buckets joined from finer ones are those of the samples")
    func levels() throws {
        var random = SeededGenerator(seed: 3)
        for round in 0..<20 {
            let column = Self.column(&random, round % 10, count: 1500, from: 12_345_000)
            let left = try #require(Self.rollups(column, [.fiveMinutes, .day]).last)
            let right = try #require(Self.rollups(column, [.day]).last)
            #expect(left.histograms.count == right.histograms.count)
            #expect(left.buckets.count == right.buckets.count)
            for (one, two) in zip(left.histograms, right.histograms) {
                #expect(one.start == two.start && one.edge == two.edge)
                #expect(Self.areEqual(one.open, two.open), "round \(round)")
            }
        }
    }

    @Test("Chunks are cut before they have too many buckets")
    func chunks() {
        var rollups: [HistogramRollup] = []
        for number in 0..<3000 {
            var rollup = HistogramRollup(start: Int64(number) * 300_000)
            var histogram = NativeHistogram(count: 1)
            for index in 0..<Int32(number < 1500 ? 1 : 400) {
                histogram.positive.append(index: index, count: 1)
            }
            rollup.open.add(millis: rollup.start + 1, histogram)
            rollups.append(rollup)
        }
        let chunks = HistogramRollup.chunks(of: rollups)
        #expect(chunks.flatMap { $0.map(\.start) } == rollups.map(\.start))
        #expect(chunks.first?.count == 1024)
        #expect(chunks.dropFirst(2).allSatisfy { $0.count < 60 } && chunks.count > 20)
    }

    @Test("Damaged bytes are refused or read as something else, and never stop the process")
    func damage() throws {
        var random = SeededGenerator(seed: 11)
        for round in 0..<100 {
            let column = Self.column(&random, round % 10, count: 200, from: 0)
            let rollup = try #require(Self.rollups(column, [.fiveMinutes]).first)
            let bytes = Self.bytes(rollup)
            let starts = rollup.histograms.map(\.start)
            for _ in 0..<60 {
                var mutated = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<mutated.count, using: &random)
                    mutated[place] = UInt8.random(in: .min ... .max, using: &random)
                }
                if Bool.random(using: &random) { mutated.removeLast(Int.random(in: 0...3, using: &random)) }
                guard
                    let decoded = try? HistogramRollupCodec.decode(
                        mutated[...],
                        starts: starts,
                        level: .fiveMinutes,
                        Self.allParts
                    )
                else { continue }
                var state = HistogramState()
                for bucket in decoded { state.join(bucket.full) }
                var again: [UInt8] = []
                HistogramRollupCodec.encode(decoded, level: .fiveMinutes, effort: .flush, into: &again)
            }
            #expect(throws: CodecError.self) {
                try HistogramRollupCodec.decode(
                    bytes[...],
                    starts: starts.map { $0 + 1 },
                    level: .fiveMinutes,
                    .sum
                )
            }
        }
    }
}
