import ChunkCodec
import Model
import Testing

@testable import Storage

/// The bytes of rollup chunks.
@Suite struct RollupCodecTests {
    private static let allParts: WindowParts = [.sum, .extremes, .increase, .area]

    /// Samples of some kind that a series may have.
    static func column(_ random: inout SeededGenerator, _ kind: Int, count: Int, from start: Int64)
        -> SampleColumn
    {
        var column = SampleColumn()
        var millis = start
        var value = Double(Int.random(in: 0...1000, using: &random))
        let step = [1000, 15_000, 60_000, 300_000, 777_777].randomElement(using: &random) ?? 15_000
        for _ in 0..<count {
            switch kind % 6 {
            case 0: value += Double(Int.random(in: 0...9, using: &random))
            case 1: value = (Double.random(in: -50...50, using: &random) * 100).rounded() / 100
            case 2: value = Double.random(in: 0...1, using: &random)
            case 3: break
            case 4:
                value += 0.25
                if Int.random(in: 0..<50, using: &random) == 0 { value = 0 }
            default:
                value = [1e300, -0.0, .infinity, -.infinity, 3, 1e-300].randomElement(using: &random) ?? 0
            }
            var stored = value
            if kind >= 6 {
                let chance = Int.random(in: 0..<40, using: &random)
                if chance == 0 { stored = .nan }
                if chance == 1 { stored = StaleMarker.value }
            }
            column.append(millis: millis, value: stored)
            millis += Int64(step)
            if kind % 2 == 1 {
                millis += Int64.random(in: -9...9, using: &random)
                if Int.random(in: 0..<30, using: &random) == 0 { millis += Int64(step) * 40 }
            }
        }
        return column
    }

    static func expectEqual(
        _ found: WindowState,
        _ expected: WindowState,
        magnitude: Double,
        _ place: SourceLocation = #_sourceLocation
    ) -> Bool {
        func isNear(_ one: Double, _ two: Double, _ scale: Double) -> Bool {
            one == two || (one.isNaN && two.isNaN) || (one - two).magnitude <= 1e-12 * scale
                || !scale.isFinite
        }
        guard found.count == expected.count, found.nanCount == expected.nanCount else { return false }
        guard found.count > 0 else { return true }
        let span = Double(expected.lastMillis - expected.firstMillis)
        return found.firstMillis == expected.firstMillis && found.lastMillis == expected.lastMillis
            && found.firstValue == expected.firstValue && found.lastValue == expected.lastValue
            && found.least == expected.least && found.greatest == expected.greatest
            && isNear(found.total, expected.total, magnitude)
            && isNear(found.resetSum, expected.resetSum, magnitude)
            && isNear(
                found.area,
                expected.area,
                max(expected.least.magnitude, expected.greatest.magnitude) * span
            )
    }

    @Test("States of buckets come back, and each part of them alone")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 7)
        for round in 0..<240 {
            let count = Int.random(in: 1...2000, using: &random)
            let start = Int64.random(in: 0...40_000, using: &random) * 15_000 - 300_000_000
            let column = RollupCodecTests.column(&random, round % 12, count: count, from: start)
            var fold = RollupFold(RollupLevel.allCases)
            fold.add(column)
            for rollup in fold.rollups(sparseToo: true) {
                var bytes: [UInt8] = []
                RollupCodec.encode(rollup.buckets, level: rollup.level, effort: .compaction, into: &bytes)
                func decode(_ parts: WindowParts) throws -> [RollupBucket] {
                    try RollupCodec.decode(
                        bytes[...],
                        starts: rollup.buckets.map(\.start),
                        level: rollup.level,
                        parts
                    )
                }
                let decoded = try decode(RollupCodecTests.allParts)
                #expect(decoded.count == rollup.buckets.count)
                for (found, expected) in zip(decoded, rollup.buckets) {
                    #expect(found.start == expected.start && found.edge == expected.edge)
                    #expect(found.edgeValue.bitPattern == expected.edgeValue.bitPattern)
                    let open = expected.open
                    let magnitude = max(open.least.magnitude, open.greatest.magnitude) * Double(open.count)
                    #expect(
                        RollupCodecTests.expectEqual(found.open, open, magnitude: magnitude),
                        "\(round) \(rollup.level) \(found.open) \(open)"
                    )
                }
                let (sums, extremes) = (try decode(.sum), try decode(.extremes))
                let (increases, areas) = (try decode(.increase), try decode(.area))
                for (index, whole) in decoded.enumerated() {
                    #expect(sums[index].open.sum.bitPattern == whole.open.sum.bitPattern)
                    #expect(extremes[index].open.least == whole.open.least)
                    #expect(extremes[index].open.greatest == whole.open.greatest)
                    #expect(increases[index].open.increase.bitPattern == whole.open.increase.bitPattern)
                    #expect(areas[index].open.area.bitPattern == whole.open.area.bitPattern)
                    #expect(areas[index].open.lastMillis == whole.open.lastMillis)
                }
            }
        }
    }

    @Test("Damaged bytes are refused or read as something else, and never stop the process")
    func damage() {
        var random = SeededGenerator(seed: 11)
        for round in 0..<120 {
            let column = RollupCodecTests.column(&random, round % 12, count: 400, from: 0)
            var fold = RollupFold([.fiveMinutes])
            fold.add(column)
            guard let rollup = fold.rollups(sparseToo: true).first else { continue }
            var bytes: [UInt8] = []
            RollupCodec.encode(rollup.buckets, level: .fiveMinutes, effort: .flush, into: &bytes)
            let starts = rollup.buckets.map(\.start)
            for _ in 0..<60 {
                var mutated = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<mutated.count, using: &random)
                    mutated[place] = UInt8.random(in: .min ... .max, using: &random)
                }
                if Bool.random(using: &random) { mutated.removeLast(Int.random(in: 0...3, using: &random)) }
                guard
                    let decoded = try? RollupCodec.decode(
                        mutated[...],
                        starts: starts,
                        level: .fiveMinutes,
                        RollupCodecTests.allParts
                    )
                else { continue }
                var state = WindowState()
                for bucket in decoded { state.join(bucket.full) }
            }
            #expect(throws: CodecError.self) {
                try RollupCodec.decode(bytes[...], starts: starts.map { $0 + 1 }, level: .fiveMinutes, .sum)
            }
        }
    }

    @Test("Coarser buckets joined from finer ones are those of the samples")
    func levels() {
        var random = SeededGenerator(seed: 3)
        for round in 0..<24 {
            let column = RollupCodecTests.column(&random, round % 5, count: 3000, from: 12_345_000)
            var fine = RollupFold([.fiveMinutes, .day])
            fine.add(column)
            var coarse = RollupFold([.day])
            coarse.add(column)
            let left = fine.rollups(sparseToo: true).last?.buckets ?? []
            let right = coarse.rollups(sparseToo: true).last?.buckets ?? []
            #expect(left.count == right.count)
            for (one, two) in zip(left, right) {
                let magnitude = max(two.open.least.magnitude, two.open.greatest.magnitude)
                #expect(one.edge == two.edge && one.edgeValue == two.edgeValue)
                #expect(
                    RollupCodecTests.expectEqual(
                        one.open,
                        two.open,
                        magnitude: magnitude * Double(two.open.count)
                    )
                )
            }
        }
    }
}
