import ChunkCodec
import Model
import Testing

@testable import Storage

@Suite("Records of the log")
struct LogRecordTests {
    private struct Sample: Hashable {
        var series: UInt32
        var millis: Int64
        var bits: UInt64
    }

    private func write(_ samples: [Sample], _ builder: LogRecordBuilder, sequence: UInt64 = 9) -> [UInt8] {
        for sample in samples { builder.append(sample.series, millis: sample.millis, bits: sample.bits) }
        return builder.finish(sequence: sequence).record
    }

    private func read(_ content: [UInt8]) throws -> [Sample] {
        guard case .write(let write) = try LogRecord.decode(content) else { return [] }
        let series = zip(write.series, write.sampleCounts).flatMap { Array(repeating: $0, count: $1) }
        return series.indices.map { index in
            Sample(
                series: series[index],
                millis: write.timestamps[index],
                bits: write.values[index].bitPattern
            )
        }
    }

    @Test("a write has the bytes that the format page says")
    func goldenWrite() throws {
        let values = [1.0, 3, 12.5, 0.125, .pi, -0.0]
        let samples = values.enumerated().map { index, value in
            Sample(series: index < 2 ? 7 : 8, millis: 1000 + 5 * Int64(index), bits: value.bitPattern)
        }
        let content = write(samples, LogRecordBuilder(), sequence: 300)
        let expected: [UInt8] =
            [1, 0xac, 2, 2, 6]  // kind, sequence 300, 2 series, 6 samples
            + [14, 1]  // series 7 and one more
            + [2, 0, 4, 0]  // 2 samples, then 4
            + [0xd0, 0x0f, 0, 10, 4]  // 1000, then five times 5 more
            + [0x11, 0xc8, 0xff]  // 1, 3; 12.5, 0.125; pi, -0
            + [2, 4]  // 1 and 2 more
            + [0xc4, 0x09]  // 1250 hundredths
            + [250, 0]  // 125 thousandths
            + [0x18, 0x2d, 0x44, 0x54, 0xfb, 0x21, 0x09, 0x40]
            + [0, 0, 0, 0, 0, 0, 0, 0x80]
        #expect(content == expected)
        #expect(try read(content) == samples)
    }

    @Test("definitions have the bytes that the format page says")
    func goldenDefinitions() throws {
        let builder = LogRecordBuilder()
        let labels = [Labels(["a": "b"]), Labels(["a": "c", "d": "e"]), .empty]
        for (series, labels) in zip([5, 6, 2] as [UInt32], labels) {
            unsafe labels.packed.withUnsafeBytes { unsafe builder.define(series, packed: $0) }
        }
        builder.append(5, millis: 0, bits: 0)
        let content = builder.finish(sequence: 1)
        let expected: [UInt8] =
            [3, 3] + [10, 4, 1, 97, 1, 98] + [0, 8, 1, 97, 1, 99, 1, 100, 1, 101] + [9, 0]
        #expect(content.definitions == expected)
        guard case .definitions(let found) = try LogRecord.decode(content.definitions) else {
            Issue.record("no definitions")
            return
        }
        #expect(found.entries.map(\.series) == [5, 6, 2])
        #expect(found.entries.map { found.labels(of: $0) } == labels)
        #expect(builder.isEmpty && builder.finish(sequence: 2).definitions.isEmpty)
    }

    @Test("metadata comes back as it was")
    func metadata() throws {
        let items = [
            MetricMetadata(name: "a", kind: .counter, help: "Help with \"quotes\"\n", unit: "seconds"),
            MetricMetadata(name: "b", kind: .unknown),
        ]
        guard case .metadata(let found) = try LogRecord.decode(LogRecord.encode(items).record) else {
            Issue.record("no metadata")
            return
        }
        #expect(found == items)
    }

    @Test("odd values and times come back bit by bit")
    func oddValues() throws {
        let limit = 2_251_799_813_685_248.0
        var values: [Double] = [
            0, -0.0, .nan, -.nan, StaleMarker.value, .infinity, -.infinity, .leastNonzeroMagnitude,
            .greatestFiniteMagnitude, 0.1, 0.01, 0.001, 0.0001, 1.15, 1.005, 4.35, 1e15, 1e16, 1e22, 0.3,
            0.1 + 0.2, limit, limit - 1, -limit, 1 - limit, limit / 100, limit / 1000, 9_007_199_254_740_992,
            Double(bitPattern: 0x7ff0_0000_0000_0001), 22_517_998_136_852.47, 2_251_799_813_685.247,
        ]
        values += values.map { -$0 } + values.map(\.nextUp) + values.map(\.nextDown)
        let times: [Int64] = [.max, .min, 0, -1, 1, 1_700_000_000_000]
        let samples = values.enumerated().map { index, value in
            Sample(
                series: index % 5 == 0 ? .max : 0,
                millis: times[index % times.count],
                bits: value.bitPattern
            )
        }
        #expect(try read(write(samples, LogRecordBuilder())) == samples)
    }

    @Test("random writes come back, whatever their shape", arguments: 0..<200)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        // Writes of one builder, so that what one leaves behind would be seen.
        let builder = LogRecordBuilder()
        for _ in 0..<3 {
            var samples: [Sample] = []
            var series = UInt32.random(in: 0...1000, using: &random)
            var millis = Int64.random(in: 0...2_000_000_000_000, using: &random)
            for _ in 0..<Int.random(in: 1...100, using: &random) {
                series = Bool.random(using: &random) ? series &+ 1 : .random(in: 0 ... .max, using: &random)
                for _ in 0..<(Bool.random(using: &random) ? 1 : Int.random(in: 1...20, using: &random)) {
                    if Int.random(in: 0..<10, using: &random) < 3 {
                        millis &+= .random(in: -100_000...100_000, using: &random)
                    }
                    let bits = LogRecordTests.randomBits(&random)
                    samples.append(Sample(series: series, millis: millis, bits: bits))
                }
            }
            #expect(try read(write(samples, builder)) == samples, "seed \(seed)")
        }
    }

    @Test("a record larger than the builder's first memory comes back, and the memory is given back")
    func large() throws {
        let builder = LogRecordBuilder()
        let samples = (0..<400_000).map { index in
            Sample(series: UInt32(index), millis: Int64(index), bits: Double(index).squareRoot().bitPattern)
        }
        #expect(builder.byteCount == 0)
        #expect(try read(write(samples, builder)) == samples)
        #expect(try read(write(Array(samples.prefix(5)), builder)) == Array(samples.prefix(5)))
    }

    @Test("what was added to a builder can be dropped")
    func drop() throws {
        let builder = LogRecordBuilder()
        builder.append(1, millis: 1, bits: 1)
        builder.removeAll()
        #expect(builder.isEmpty)
        let samples = [Sample(series: 1, millis: 2, bits: 3)]
        #expect(try read(write(samples, builder)) == samples)
    }

    @Test("changed content is refused or read as something, and never traps", arguments: 0..<40)
    func mutated(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let builder = LogRecordBuilder()
        let labels = Labels(["__name__": "requests_total", "job": "web"]).packed
        for series in 0..<20 as Range<UInt32> {
            unsafe labels.withUnsafeBytes { unsafe builder.define(series * 3, packed: $0) }
            for step in 0..<Int64.random(in: 1...4, using: &random) {
                builder.append(series * 3, millis: step, bits: LogRecordTests.randomBits(&random))
            }
        }
        let content = builder.finish(sequence: 1)
        let metadata = LogRecord.encode([MetricMetadata(name: "a", kind: .gauge, help: "b", unit: "c")])
        for original in [content.record, content.definitions, metadata.record] {
            for _ in 0..<2000 {
                var changed = original
                for _ in 0...Int.random(in: 0..<3, using: &random) {
                    let position = Int.random(in: 0..<changed.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: changed[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                    case 1: changed[position] = [0, 1, 0x7f, 0x80, 0xff].randomElement(using: &random) ?? 0
                    case 2: changed.removeLast(changed.count - max(1, position))
                    default: changed.insert(0xff, at: position)
                    }
                }
                guard let record = try? LogRecord.decode(changed) else { continue }
                switch record {
                case .write(let write):
                    #expect(write.sampleCounts.reduce(0, +) == write.values.count, "seed \(seed)")
                    #expect(write.timestamps.count == write.values.count, "seed \(seed)")
                    #expect(write.series.count == write.sampleCounts.count, "seed \(seed)")
                case .definitions(let found):
                    for entry in found.entries { _ = found.labels(of: entry) }
                case .metadata: break
                }
            }
        }
    }

    private static func randomBits(_ random: inout SeededGenerator) -> UInt64 {
        let whole = Double(Int64.random(in: -5_000_000...5_000_000, using: &random))
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return 0
        case 1, 2: return whole.bitPattern
        case 3: return (whole / 100).bitPattern
        case 4: return (whole / 1000).bitPattern
        case 5: return (whole * 4096 * 1e6).bitPattern
        case 6: return (whole / 7).bitPattern
        default: return random.next()
        }
    }
}
