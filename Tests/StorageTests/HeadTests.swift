import Model
import Testing

@testable import Storage

@Suite("Head") struct HeadTests {
    private static let specials: [Double] = [
        .nan, Double(bitPattern: 0x7ff0_0000_0000_0002), -0.0, 0, .infinity, -.infinity,
        .leastNonzeroMagnitude, .greatestFiniteMagnitude, 9_007_199_254_740_992, -9_007_199_254_740_994,
        0.1, 1e300,
    ]

    /// Times and values of many shapes.
    private static func samples(_ count: Int, _ random: inout SeededGenerator) -> [HeadSample] {
        let shape = Int.random(in: 0..<8, using: &random)
        var millis = Int64.random(in: -1_000_000_000_000...2_000_000_000_000, using: &random)
        let step = Int64.random(in: 1...60_000, using: &random)
        var value = Double(Int.random(in: -1000...1000, using: &random))
        return (0..<count).map { index in
            switch shape {
            case 0: millis += step
            case 1: millis += Int64.random(in: 1...100, using: &random)
            case 2: millis += Int64.random(in: -100_000...100_000, using: &random)
            case 3: millis = Int64(bitPattern: random.next())
            case 4: millis += index % 20 == 0 ? -10_000_000 : step
            default: millis += step + Int64.random(in: -3...3, using: &random)
            }
            switch Int.random(in: 0..<(shape < 4 ? 3 : 30), using: &random) {
            case 0: value = HeadTests.specials.randomElement(using: &random) ?? 0
            case 1: value = Double(bitPattern: random.next())
            case 2: value = Double(Int.random(in: -100_000...100_000, using: &random)) / 100
            default: value = (value.isFinite ? value : 0) + Double(shape)
            }
            return HeadSample(millis: millis, bits: value.bitPattern)
        }
    }

    @Test("A run gives back every time and every bit", arguments: UInt64(0)..<20)
    func runs(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var exponent: UInt8 = 0
        for _ in 0..<2000 {
            let count = Int.random(in: 1...HeadRun.longest, using: &random)
            let samples = HeadTests.samples(count, &random)
            let source = UnsafeMutablePointer<HeadSample>.allocate(capacity: count)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: HeadRun.mostBytes, alignment: 8)
            defer {
                unsafe source.deallocate()
                unsafe memory.deallocate()
            }
            for (place, sample) in samples.enumerated() { unsafe source[place] = sample }
            let previous = unsafe UnsafeRawPointer(bitPattern: Int.random(in: 0...1 << 40, using: &random))
            let byteCount = unsafe HeadRun.encode(
                source,
                count: count,
                exponent: &exponent,
                previous: previous,
                to: memory
            )
            #expect(byteCount + 16 <= HeadRun.mostBytes, "seed \(seed)")
            let run = unsafe HeadRun(memory)
            var (times, values): ([Int64], [Double]) = ([], [])
            run.decode(into: &times, &values)
            #expect(run.count == count, "seed \(seed)")
            #expect(unsafe run.previous == previous, "seed \(seed)")
            #expect(times == samples.map(\.millis), "seed \(seed)")
            #expect(values.map(\.bitPattern) == samples.map(\.bits), "seed \(seed)")
        }
    }

    @Test("Samples in any order come back in order, of equal times the last one", arguments: UInt64(0)..<40)
    func columns(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let head = Head()
        var expected: [UInt32: [Int64: UInt64]] = [:]
        let series = (0..<5).map { head.add(Labels(["__name__": "m", "i": "\($0)"]), retentionMillis: nil) }
        for _ in 0..<40 {
            let one = series.randomElement(using: &random) ?? 0
            let samples = HeadTests.samples(Int.random(in: 1...100, using: &random), &random)
            for sample in samples {
                let newest = expected[one]?.keys.max()
                let placement = head.append(one, millis: sample.millis, bits: sample.bits)
                let isNewest = newest.map { sample.millis > $0 } ?? true
                #expect((placement == .atEnd) == isNewest, "seed \(seed)")
                expected[one, default: [:]][sample.millis] = sample.bits
            }
            // A snapshot stays as it is whatever is written afterwards.
            let snapshot = head.snapshot(one)
            let times = expected[one, default: [:]].keys.sorted()
            _ = head.append(one, millis: .random(in: 0...1000, using: &random), bits: 1)
            let column = snapshot.column()
            #expect(column.timestamps == times, "seed \(seed)")
            #expect(column.values.map(\.bitPattern) == times.map { expected[one]?[$0] }, "seed \(seed)")
            #expect(snapshot.minMillis == times.first && snapshot.maxMillis == times.last, "seed \(seed)")
            expected[one] = head.snapshot(one).column().bits
        }
        let all = expected.values.flatMap(\.keys)
        #expect(head.minMillis == all.min() && head.maxMillis == all.max(), "seed \(seed)")
    }

    @Test("A read of a range has what a read of all has there", arguments: [false, true])
    func ranges(isOutOfOrder: Bool) {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededGenerator(seed: seed)
        let head = Head()
        let series = (0..<3).map { head.add(Labels(["__name__": "m", "i": "\($0)"]), retentionMillis: nil) }
        for step in 0..<300 {
            for one in series where !Int.random(in: 0..<4, using: &random).isMultiple(of: 4) {
                let millis = Int64(step * 10) - (isOutOfOrder && step % 50 == 49 ? 200 : 0)
                _ = head.append(one, millis: millis, bits: Double(step).bitPattern)
            }
            let from = Int64.random(in: -20...3020, using: &random)
            let range = TimeRange(
                Timestamp(millis: from),
                Timestamp(millis: from + .random(in: 0...500, using: &random))
            )
            let found = head.snapshots(of: series, in: range)
            let expected = series.filter { head.hasSamples($0, in: range) }
            #expect(found.map(\.labels) == expected.map(head.labels), "seed \(seed)")
            for (snapshot, one) in zip(found, expected) {
                let wanted = head.snapshot(one).column().sliced(to: range)
                let column = snapshot.series.column(in: range)
                #expect(column.timestamps == wanted.timestamps, "seed \(seed)")
                #expect(column.values == wanted.values, "seed \(seed)")
            }
        }
    }

    @Test("Series are found by their labels and by what came before them, and known to the next head")
    func series() {
        var previous: Head?
        for generation in 0..<3 {
            let head = previous.map { Head(after: $0) } ?? Head()
            let labels = (0..<5000).map { Labels(["__name__": "m", "i": "\($0 + generation * 1000)"]) }
            for round in 0..<3 {
                for (place, set) in labels.enumerated() {
                    let guess = unsafe set.packed.withUnsafeBytes {
                        unsafe head.follower($0, PackedSpelling.shared, isRemembered: false)
                    }
                    if round == 2 { #expect(guess == UInt32(place)) }
                    if let guess {
                        #expect(guess == UInt32(place))
                        continue
                    }
                    #expect(head.isKnown(set) == (previous != nil && place < 4000))
                    #expect(head.series(of: set) { 5 } == UInt32(place))
                }
            }
            #expect(head.seriesCount == 5000)
            #expect(head.activeSeriesCount == (generation == 0 ? 5000 : 6000))
            #expect(head.find(Labels(["__name__": "other"])) == nil)
            #expect(head.labels(17) == labels[17] && head.retentionMillis(17) == 5)
            let order = head.seriesInLabelOrder()
            #expect(order.map { labels[Int($0)] } == labels.sorted())
            previous = head
        }
    }
}
