import ChunkCodec
import Foundation
import Model
import Testing

@testable import Storage

private let hour: Int64 = 3_600_000
/// 2026-01-01T00:00:00Z.
private let start: Int64 = 1_767_225_600_000

/// Native histograms on their way through the store.
@Suite("Native histograms in storage")
struct HistogramTests {
    /// A histogram of any shape.
    static func random(_ random: inout SeededGenerator) -> NativeHistogram {
        var histogram = NativeHistogram()
        let isCustom = Int.random(in: 0..<4, using: &random) == 0
        histogram.schema = isCustom ? -53 : Int32.random(in: -4...8, using: &random)
        histogram.counterReset = Bool.random(using: &random) ? .gauge : .unknown
        let hasFractions = Bool.random(using: &random)
        func count() -> Double {
            hasFractions
                ? Double(bitPattern: random.next()) : Double(UInt32.random(in: 0...1000, using: &random))
        }
        if isCustom {
            histogram.customBounds = (0..<Int.random(in: 0...5, using: &random)).map { Double($0) * 1.5 }
        } else {
            histogram.zeroThreshold = [0, 0.001, 1].randomElement(using: &random) ?? 0
            histogram.zeroCount = count()
        }
        var index = isCustom ? 0 : Int32.random(in: -1000...1000, using: &random)
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            histogram.positive.append(index: index, count: count())
            if !isCustom { histogram.negative.append(index: -2000 + index, count: count()) }
            index += Int32.random(in: 1...3, using: &random)
        }
        histogram.count = count()
        histogram.sum = Double(bitPattern: random.next())
        return histogram
    }

    /// A series of histograms that mostly grow, now and then of another shape.
    static func series(_ count: Int, _ random: inout SeededGenerator) -> [NativeHistogram] {
        var last = HistogramTests.random(&random)
        return (0..<count).map { _ in
            if Int.random(in: 0..<12, using: &random) == 0 { last = HistogramTests.random(&random) }
            for place in last.positive.counts.indices { last.positive.counts[place] += 1 }
            last.count += Double(last.positive.count)
            last.sum += 0.5
            return last
        }
    }

    @Test("Histograms come back bit by bit from their bytes", arguments: UInt64(0)..<20)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            var column = HistogramColumn()
            var position = 0
            for histogram in HistogramTests.series(Int.random(in: 0...30, using: &random), &random) {
                position += Int.random(in: 0...2, using: &random)
                column.append(histogram, at: position)
                position += 1
            }
            var bytes: [UInt8] = []
            HistogramCodec.encode(column, in: 0..<position, into: &bytes)
            var reader = ByteReader(bytes)
            let back = try HistogramCodec.decodeColumn(sampleCount: position, from: &reader)
            try reader.expectEnd()
            #expect(back.positions == column.positions, "seed \(seed)")
            #expect(back.values == column.values, "seed \(seed)")
            #expect(back.values.map(\.counterReset) == column.values.map(\.counterReset), "seed \(seed)")
        }
    }

    @Test("Damaged bytes are refused or read as something, and nothing else", arguments: UInt64(0)..<10)
    func damage(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<500 {
            var column = HistogramColumn()
            for (position, histogram) in HistogramTests.series(6, &random).enumerated() {
                column.append(histogram, at: position)
            }
            var bytes: [UInt8] = []
            HistogramCodec.encode(column, in: 0..<6, into: &bytes)
            if Bool.random(using: &random) {
                bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
            } else {
                let place = bytes.indices.randomElement(using: &random) ?? 0
                bytes[place] ^= UInt8.random(in: 1...255, using: &random)
            }
            var reader = ByteReader(bytes)
            if let back = try? HistogramCodec.decodeColumn(sampleCount: 6, from: &reader) {
                #expect(back.count <= 6)
            }
        }
    }

    @Test("Numbers that look like a head's mark keep their bits")
    func marks() throws {
        let head = Head()
        let series = head.add(Labels(["__name__": "m"]), retentionMillis: nil)
        let bits: [UInt64] = [0xfffc_4e48_0000_0000, 0xfffc_4e48_ffff_ffff, 0xfffc_4e47_0000_0001, 1]
        for (index, bits) in bits.enumerated() {
            _ = head.append(series, millis: Int64(index), bits: head.storable(bits))
        }
        let column = head.snapshot(series).column()
        #expect(column.values.map(\.bitPattern) == bits)
        #expect(column.histograms.isEmpty)
    }

    @Test(
        "Mixed series outlive a kill, a flush and merges; later writes win",
        arguments: [1, 2, 3] as [UInt64]
    )
    func lives(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let clock = TestClock(start + 40 * hour)
        let folder = try TemporaryFolder()
        var store = try Store.open(folder, clock)
        var expected: [Labels: [Int64: NativeHistogram?]] = [:]
        var numbers: [Labels: [Int64: Double]] = [:]
        for round in 0..<12 {
            var batch = SampleBatch()
            for number in 0..<7 {
                let labels = Labels(["__name__": "h", "i": "\(number)"])
                batch.beginSeries(packed: labels.packed)
                let histograms = HistogramTests.series(30, &random)
                for (step, histogram) in histograms.enumerated() {
                    let late = Int.random(in: 0..<9, using: &random) == 0 ? 3 * hour : 0
                    let millis = start + Int64(round) * hour / 2 + Int64(step) * 60_000 - late
                    // Series 0 has numbers only, series 1 both.
                    if number == 0 || number == 1 && Bool.random(using: &random) {
                        batch.append(millis: millis, value: Double(step))
                        expected[labels, default: [:]][millis] = .some(nil)
                        numbers[labels, default: [:]][millis] = Double(step)
                    } else {
                        batch.append(millis: millis, histogram: histogram)
                        expected[labels, default: [:]][millis] = histogram
                    }
                }
            }
            _ = try await store.append(batch)
            if round % 3 == 0 { try await store.flush() }
            if round == 7 { store = try Store.open(try folder.copy(), clock) }
        }
        func check(_ store: Store, _ when: String) throws {
            let found = try store.read()
            #expect(found.count == expected.count, "\(when), seed \(seed)")
            for (labels, samples) in expected {
                let column = try #require(found[labels])
                #expect(column.timestamps == samples.keys.sorted(), "\(when), seed \(seed)")
                for (position, millis) in column.timestamps.enumerated() {
                    guard let histogram = samples[millis] ?? nil else {
                        #expect(column.histograms[position] == nil, "\(when), seed \(seed)")
                        #expect(column.values[position] == numbers[labels]?[millis], "\(when), seed \(seed)")
                        continue
                    }
                    #expect(column.histograms[position] == histogram, "\(when), seed \(seed)")
                }
            }
        }
        try check(store, "from the head and segments")
        try await store.flush()
        try check(store, "from segments")
        clock.advance(byMillis: 48 * hour)
        store.compaction.sync { store.maintainSegments() }
        try check(store, "after merges")
        let range = TimeRange(Timestamp(millis: start + hour), Timestamp(millis: start + hour + 60_000))
        let part = try store.read([Matcher("i", .equal, "5")], range)
        #expect(part.values.first?.histograms.positions == part.values.first?.timestamps.indices.map { $0 })
    }

    @Test("Large histograms make several chunks")
    func largeChunks() throws {
        var column = SampleColumn()
        for step in 0..<100 {
            var histogram = NativeHistogram(count: 4000)
            for index in 0..<4000 { histogram.positive.append(index: Int32(index), count: Double(step)) }
            column.append(millis: start + Int64(step) * 1000, histogram: histogram)
        }
        let segment = try SegmentTests.write(
            [(Labels(["__name__": "h"]), column)],
            try TemporaryFolder()
        )
        #expect(segment.chunkCount > 3)
        var reader = Segment.Reader()
        let back = try segment.read(0, in: .all, &reader)
        #expect(back.histograms.values == column.histograms.values)
        #expect(back.timestamps == column.timestamps)
    }
}
