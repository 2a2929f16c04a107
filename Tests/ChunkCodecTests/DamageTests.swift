import ChunkCodec
import Testing

/// Damaged blocks give an error or the wanted number of values, and never a trap.
@Suite struct DamageTests {
    #if DEBUG
    private static let columnCount = 300
    #else
    private static let columnCount = 8000
    #endif

    @Test("A mutated value column is an error or the same number of values", arguments: 0..<4)
    func mutatedValues(batch: Int) {
        for column in 0..<Self.columnCount {
            var random = SeededGenerator(seed: UInt64(batch * 1_000_000 + column))
            let shape = ColumnShape.allCases[column % ColumnShape.allCases.count]
            let bits = shape.bits(count: 1 + random.below(200), using: &random)
            var bytes: [UInt8] = []
            ValueColumn.encode(
                bits.map(Double.init(bitPattern:)),
                effort: column % 2 == 0 ? .flush : .compaction,
                into: &bytes
            )
            for _ in 0..<10 {
                let damaged = Self.mutate(bytes, using: &random)
                let count = random.below(4) == 0 ? random.below(3000) : bits.count
                decodeValues(damaged, count: count)
            }
        }
    }

    @Test("A mutated timestamp column is an error or the same number of times")
    func mutatedTimes() {
        for column in 0..<Self.columnCount {
            var random = SeededGenerator(seed: UInt64(column))
            let jitter = 1 + random.below(20)
            var time = 0
            let times = (0...random.below(200)).map { _ in
                time += random.below(40) == 0 ? 45_000 : 15_000
                return Int64(time + random.below(jitter))
            }
            var bytes: [UInt8] = []
            TimestampColumn.encode(times, effort: .flush, into: &bytes)
            for _ in 0..<10 {
                decodeTimes(Self.mutate(bytes, using: &random), count: times.count)
            }
        }
    }

    @Test("Random bytes are an error or the wanted number of values")
    func randomBytes() {
        for seed in 0..<UInt64(Self.columnCount * 4) {
            var random = SeededGenerator(seed: seed)
            var bytes = random.bytes(count: random.below(60))
            if !bytes.isEmpty { bytes[0] %= 4 }
            let count = 1 + random.below(500)
            decodeValues(bytes, count: count)
            decodeTimes(bytes, count: count)
        }
    }

    @Test("Every cut of a block is an error", arguments: ColumnShape.allCases)
    func cuts(shape: ColumnShape) {
        var random = SeededGenerator(seed: 7)
        let bits = shape.bits(count: 150, using: &random)
        var bytes: [UInt8] = []
        ValueColumn.encode(bits.map(Double.init(bitPattern:)), effort: .flush, into: &bytes)
        for count in 0..<bytes.count {
            var values = [1.0]
            #expect(throws: CodecError.self) {
                try ValueColumn.decode(bytes[..<count], count: bits.count, into: &values)
            }
            #expect(values == [1])
        }
        var values = [1.0]
        #expect(throws: CodecError.trailingBytes(count: 1)) {
            try ValueColumn.decode((bytes + [0])[...], count: bits.count, into: &values)
        }
        #expect(values == [1])
    }

    @Test("Every cut of a timestamp block is an error")
    func cutsOfTimes() {
        var bytes: [UInt8] = []
        let times = (0..<150 as Range<Int64>).map { $0 * 15_000 + $0 % 7 + ($0 < 70 ? 0 : 30_000) }
        TimestampColumn.encode(times, effort: .flush, into: &bytes)
        for count in 0..<bytes.count {
            var decoded: [Int64] = [1]
            #expect(throws: CodecError.self) {
                try TimestampColumn.decode(bytes[..<count], count: times.count, into: &decoded)
            }
            #expect(decoded == [1])
        }
        var decoded: [Int64] = []
        #expect(throws: CodecError.trailingBytes(count: 1)) {
            try TimestampColumn.decode((bytes + [0])[...], count: times.count, into: &decoded)
        }
        #expect(decoded.isEmpty)
    }

    @Test("Each kind of damage has its error", arguments: damages)
    func eachError(damage: Damage) {
        var values: [Double] = []
        #expect(throws: damage.error) {
            try ValueColumn.decode(damage.bytes[...], count: damage.count, into: &values)
        }
        #expect(values.isEmpty)
        #expect(!damage.error.description.isEmpty)
    }

    @Test(
        "A sample count out of bounds is refused before memory is taken",
        arguments: [-1, Int.min, 1 << 21, Int.max]
    )
    func sampleCount(count: Int) {
        let stored = UInt64(bitPattern: Int64(count))
        let constant: [UInt8] = [0, 0, 0]
        var values: [Double] = []
        #expect(throws: CodecError.tooLarge(stored: stored, limit: ChunkLimits.maxSampleCount)) {
            try ValueColumn.decode(constant[...], count: count, into: &values)
        }
        var times: [Int64] = []
        #expect(throws: CodecError.tooLarge(stored: stored, limit: ChunkLimits.maxSampleCount)) {
            try TimestampColumn.decode(constant[...], count: count, into: &times)
        }
    }

    // MARK: -

    private func decodeValues(_ bytes: [UInt8], count: Int) {
        var values = [1.0]
        do throws(CodecError) {
            try ValueColumn.decode(bytes[...], count: count, into: &values)
            #expect(values.count == 1 + count)
        } catch {
            #expect(values == [1])
        }
    }

    private func decodeTimes(_ bytes: [UInt8], count: Int) {
        var times: [Int64] = [1]
        do throws(CodecError) {
            try TimestampColumn.decode(bytes[...], count: count, into: &times)
            #expect(times.count == 1 + count)
        } catch {
            #expect(times == [1])
        }
    }

    private static func mutate(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var damaged = bytes
        for _ in 0...random.below(3) where !damaged.isEmpty {
            // The headers in front are where damage does most.
            let at = random.below(random.below(2) == 0 ? min(damaged.count, 12) : damaged.count)
            switch random.below(6) {
            case 0: damaged[at] ^= 1 << UInt8(random.below(8))
            case 1: damaged[at] = UInt8(truncatingIfNeeded: random.next())
            case 2: damaged[at] = 0xff
            case 3: damaged.removeSubrange(at...)
            case 4: damaged.remove(at: at)
            default: damaged.insert(UInt8(truncatingIfNeeded: random.next()), at: at)
            }
        }
        return damaged
    }

    struct Damage: Sendable {
        var bytes: [UInt8]
        var count: Int
        var error: CodecError

        init(_ bytes: [UInt8], count: Int, _ error: CodecError) {
            (self.bytes, self.count, self.error) = (bytes, count, error)
        }
    }

    private static let damages: [Damage] = [
        Damage([], count: 1, .truncated(neededBytes: 1, availableBytes: 0)),
        Damage([3], count: 1, .unsupportedValueKind(3)),
        Damage([4, 1, 16, 0], count: 1, .badHeaderByte(field: .exponent, value: 16)),
        Damage([4, 1, 0, 14, 2, 0xff], count: 1, .badRank),
        Damage([255], count: 1, .unsupportedValueKind(255)),
        Damage([0, 2, 0], count: 1, .badHeaderByte(field: .constantForm, value: 2)),
        Damage([1, 16, 0, 0, 255], count: 1, .badHeaderByte(field: .exponent, value: 16)),
        Damage([2, 0, 0x24, 1], count: 2, .unsupportedPredictor(4)),
        Damage([2, 0, 0x10, 1], count: 2, .unsupportedBackEnd(1)),
        Damage([2, 0, 0x30, 1, 120], count: 2, .badHeaderByte(field: .huffmanTable, value: 120)),
        Damage([2, 0, 0x30, 1, 255, 0, 0], count: 2, .badHuffmanCode),
        Damage([2, 0, 0x20, 0], count: 2, .badHeaderByte(field: .divisor, value: 0)),
        Damage([2, 0, 0x20, 1, 65, 0], count: 2, .badHeaderByte(field: .bitWidth, value: 65)),
        Damage([2, 0, 0x20, 1, 0, 2], count: 2, .badHeaderByte(field: .blockExceptionCount, value: 2)),
        Damage([2, 0, 0x20, 1, 8, 0], count: 2, .truncated(neededBytes: 1, availableBytes: 0)),
        Damage([2, 0, 0x20, 1, 0, 1, 1, 1], count: 2, .badException),
        Damage(
            [2, 0, 0x20, 1, 1, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            count: 2,
            .badException
        ),
        // EXC: more exceptions than values, no distinct value, more of them than exceptions, a strange form.
        Damage([1, 0, 3], count: 2, .tooLarge(stored: 3, limit: 2)),
        Damage([1, 0, 1, 0], count: 2, .badException),
        Damage([1, 0, 1, 2], count: 2, .tooLarge(stored: 2, limit: 1)),
        Damage([1, 0, 1, 1, 4], count: 2, .badHeaderByte(field: .exceptionForm, value: 4)),
        // A gap of 0, a gap behind the end, an id that no value has.
        Damage([1, 0, 1, 1, 1, 0, 255, 0, 255, 0, 255], count: 2, .badException),
        Damage([1, 0, 1, 1, 1, 6, 255, 0, 255, 0, 255], count: 2, .badException),
        Damage([1, 0, 1, 1, 1, 2, 255, 2, 255, 0, 255], count: 2, .badException),
    ]
}
