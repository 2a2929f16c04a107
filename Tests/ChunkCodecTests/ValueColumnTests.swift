import ChunkCodec
import Testing

@Suite struct ValueColumnTests {
    #if DEBUG
    private static let columnsPerBatch = 2500
    #else
    private static let columnsPerBatch = 40_000
    #endif

    @Test("Random columns of every shape come back bit by bit", arguments: 0..<8)
    func randomColumns(batch: Int) throws {
        for column in 0..<Self.columnsPerBatch {
            let seed = UInt64(batch * 1_000_000 + column)
            var random = SeededGenerator(seed: seed)
            let shape = ColumnShape.allCases[column % ColumnShape.allCases.count]
            let count = 1 + random.below(column % 100 == 0 ? 3000 : column % 10 == 0 ? 300 : 40)
            let bits = shape.bits(count: count, using: &random)
            let effort: EncodingEffort = column % 3 == 0 ? .compaction : .flush
            guard try comesBack(bits, effort: effort) else {
                Issue.record("\(shape), \(count) values, \(effort), seed \(seed)")
                return
            }
        }
    }

    @Test(
        "Each special value comes back alone, repeated and among ordinary values",
        arguments: ColumnShape.specials
    )
    func specialValue(bits: UInt64) throws {
        let one = 1.0.bitPattern
        let tenth = 0.1.bitPattern
        for effort in [EncodingEffort.flush, .compaction] {
            for neighbour in [one, tenth] + ColumnShape.specials {
                for column in [
                    [bits], [bits, bits], [bits, neighbour], [neighbour, bits],
                    [neighbour, neighbour, bits, neighbour],
                    [UInt64](repeating: neighbour, count: 100) + [bits]
                        + [UInt64](repeating: one, count: 63),
                ] {
                    #expect(try comesBack(column, effort: effort), "\(column.map { String($0, radix: 16) })")
                }
            }
        }
    }

    @Test(
        "Columns of every length up to a few blocks come back",
        arguments: [EncodingEffort.flush, .compaction]
    )
    func everyLength(effort: EncodingEffort) throws {
        for count in 1...260 {
            var random = SeededGenerator(seed: UInt64(count))
            for width in [0, 1, 7, 31, 52] {
                let bits = (0..<count).map { _ in
                    Double(random.next() & ((1 << UInt64(width)) - 1)).bitPattern
                }
                #expect(try comesBack(bits, effort: effort), "\(count) values of \(width) bits")
            }
        }
    }

    @Test("An empty column takes no bytes")
    func emptyColumn() throws {
        var bytes: [UInt8] = []
        ValueColumn.encode([Double](), effort: .flush, into: &bytes)
        #expect(bytes.isEmpty)
        var values = [1.0]
        try ValueColumn.decode([], count: 0, into: &values)
        #expect(values == [1])
    }

    @Test("Encoding and decoding add to what is there, and blocks can follow each other")
    func appends() throws {
        let columns = [[1.5, 2.5, 3.5], [7, 7, 7, 7], [.pi, .infinity, -0.0]]
        var bytes: [UInt8] = [0xff]
        for column in columns { ValueColumn.encode(column[...], effort: .flush, into: &bytes) }
        var reader = ByteReader(bytes[1...])
        var values: [Double] = [42]
        for column in columns { try ValueColumn.decode(from: &reader, count: column.count, into: &values) }
        #expect(values == [42] + columns.joined())
        #expect(reader.isAtEnd)
    }

    @Test("Regular columns are small in both efforts")
    func sizes() {
        for effort in [EncodingEffort.flush, .compaction] {
            #expect(size([Double](repeating: 12, count: 480), effort) == 3)
            #expect(size([Double](repeating: .nan, count: 480), effort) == 10)
            #expect(size((0..<480).map { Double($0 * 250) }, effort) <= 26)
            #expect(size((0..<480).map { Double($0 % 8) / 4 }, effort) <= 300)
            // The multiples of 4096 shrink by their divisor.
            #expect(size((0..<480).map { Double($0 * $0 % 7 * 4096) }, effort) <= 280)
        }
        let stale = Double(bitPattern: 0x7ff0_0000_0000_0002)
        #expect(size([Double](repeating: 3, count: 479) + [stale], .flush) <= 12)
    }

    @Test("No column grows by more than the headers of its blocks")
    func worstSize() {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let values = (0..<1000).map { _ in Double(bitPattern: random.next()) }
            #expect(size(values, .flush) <= 8 * 1000 + 2 * 16 + 24)
        }
    }

    @Test("Compaction is never larger than flush", arguments: ColumnShape.allCases)
    func compactionIsSmaller(shape: ColumnShape) {
        for seed in 0..<20 as Range<UInt64> {
            var random = SeededGenerator(seed: seed)
            let values = shape.bits(count: 480, using: &random).map(Double.init(bitPattern:))
            #expect(size(values, .compaction) <= size(values, .flush), "seed \(seed)")
        }
    }

    private func size(_ values: [Double], _ effort: EncodingEffort) -> Int {
        var bytes: [UInt8] = []
        ValueColumn.encode(values, effort: effort, into: &bytes)
        return bytes.count
    }

    private func comesBack(_ bits: [UInt64], effort: EncodingEffort) throws -> Bool {
        var bytes: [UInt8] = []
        ValueColumn.encode(bits.map(Double.init(bitPattern:)), effort: effort, into: &bytes)
        var values: [Double] = []
        try ValueColumn.decode(bytes[...], count: bits.count, into: &values)
        return values.count == bits.count && zip(values, bits).allSatisfy { $0.bitPattern == $1 }
    }
}
