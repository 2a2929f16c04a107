import ChunkCodec
import Testing

@Suite struct TimestampColumnTests {
    #if DEBUG
    private static let columnCount = 3000
    #else
    private static let columnCount = 100_000
    #endif

    @Test("Random columns of times come back")
    func randomColumns() throws {
        for column in 0..<Self.columnCount {
            let seed = UInt64(column)
            var random = SeededGenerator(seed: seed)
            let count = 1 + random.below(column % 50 == 0 ? 3000 : 60)
            let times = Self.times(count: count, using: &random)
            let effort: EncodingEffort = column % 3 == 0 ? .compaction : .flush
            guard try comesBack(times, effort) else {
                Issue.record("\(count) times, \(effort), seed \(seed)")
                return
            }
        }
    }

    @Test(
        "Times at the ends of the range and out of order come back",
        arguments: [
            [.min], [.max], [0], [.min, .max], [.max, .min], [.min, 0, .max], [.max, 0, .min, 0, .max],
            [5, 5, 5, 5], [5, 4, 3, 2, 1], [.min, .min + 1, .max - 1, .max], [-1, 0, -1, 0],
            [0, .max, 0, .max, 0, 1, 2, 3], [.min, 15_000, 30_000, 45_000, 60_000, 75_000, .max],
            [.max - 2, .max, .min, .min + 2, .min + 4], [0, 1 << 62, 2 << 61, .min],
        ] as [[Int64]]
    )
    func borders(times: [Int64]) throws {
        #expect(try comesBack(times, .flush))
        #expect(try comesBack(times, .compaction))
    }

    @Test("A regular scrape takes few bytes, also with a gap and with jitter")
    func sizes() {
        let start: Int64 = 1_700_000_000_000
        let regular = (0..<480).map { start + Int64($0) * 15_000 }
        #expect(size(regular, .flush) <= 12)
        let odd = (0..<480).map { start + Int64($0) * 14_321 }
        #expect(size(odd, .flush) <= 150)
        #expect(size(odd, .compaction) <= 14)
        let gap = regular.filter { $0 < start + 3_000_000 || $0 > start + 3_100_000 }
        #expect(size(gap, .flush) <= 45)
        let jitter = regular.enumerated().map { $1 + Int64($0 % 3) }
        #expect(size(jitter, .flush) <= 150)
    }

    @Test("Encoding and decoding add to what is there")
    func appends() throws {
        var bytes: [UInt8] = [9]
        TimestampColumn.encode([1, 2, 3], effort: .flush, into: &bytes)
        TimestampColumn.encode([10, 20], effort: .flush, into: &bytes)
        TimestampColumn.encode([Int64](), effort: .flush, into: &bytes)
        var reader = ByteReader(bytes[1...])
        var times: [Int64] = [0]
        try TimestampColumn.decode(from: &reader, count: 3, into: &times)
        try TimestampColumn.decode(from: &reader, count: 2, into: &times)
        try TimestampColumn.decode(from: &reader, count: 0, into: &times)
        #expect(times == [0, 1, 2, 3, 10, 20])
        #expect(reader.isAtEnd)
    }

    private static func times(count: Int, using random: inout SeededGenerator) -> [Int64] {
        let step = [1000, 15_000, 14_977, 60_000, 1, 300_000][random.below(6)]
        let jitter = [1, 1, 4, step / 3 + 1][random.below(4)]
        let missing = [Int.max, 30, 3][random.below(3)]
        let wild = [Int.max, Int.max, 20][random.below(3)]
        var time = Int64(random.below(1 << 41))
        return (0..<count).map { _ in
            time += Int64(step) * (random.below(missing) == 0 ? Int64(1 + random.below(90)) : 1)
            if random.below(wild) == 0 { return Int64(bitPattern: random.next()) }
            return time + Int64(random.below(jitter))
        }
    }

    private func size(_ times: [Int64], _ effort: EncodingEffort) -> Int {
        var bytes: [UInt8] = []
        TimestampColumn.encode(times, effort: effort, into: &bytes)
        return bytes.count
    }

    private func comesBack(_ times: [Int64], _ effort: EncodingEffort) throws -> Bool {
        var bytes: [UInt8] = []
        TimestampColumn.encode(times, effort: effort, into: &bytes)
        var decoded: [Int64] = []
        try TimestampColumn.decode(bytes[...], count: times.count, into: &decoded)
        return decoded == times
    }
}
