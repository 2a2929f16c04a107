import ChunkCodec

/// How fast columns of values are decoded by one core.
///
/// The columns have the lengths of merged chunks: a day at 15 s, eight days at 5 min. Which packing the encoder
/// chose is read from the blocks.
enum DecodeBenchmark: Benchmark {
    static let name = "decode"
    static let summary =
        "columns of values as flushes (packed bits) and merges (Huffman codes) write them"

    private static let columnCount = 64
    /// How often all columns are decoded; the fastest time counts, as other work disturbs the slower ones.
    private static let passCount = 7

    static func run() async throws -> [Figure] {
        var figures: [Figure] = []
        for shape in Shape.all {
            for effort in [EncodingEffort.flush, .compaction] {
                figures.append(try measure(shape, effort))
            }
        }
        return figures
    }

    private static func measure(_ shape: Shape, _ effort: EncodingEffort) throws -> Figure {
        var random = FixedRandom(seed: 1)
        var packings: Set<String> = []
        var isSame = true
        let blocks = try (0..<columnCount).map { _ in
            let values = shape.make(&random)
            var block: [UInt8] = []
            ValueColumn.encode(values, effort: effort, into: &block)
            packings.insert(packing(of: block))
            var decoded: [Double] = []
            try ValueColumn.decode(block[...], count: shape.count, into: &decoded)
            isSame = isSame && decoded.map(\.bitPattern) == values.map(\.bitPattern)
            return block
        }
        var decoded: [Double] = []
        decoded.reserveCapacity(shape.count)
        var fastest = Double.infinity
        for _ in 0..<passCount {
            let (seconds, _) = try CPUTime.measure {
                for block in blocks {
                    decoded.removeAll(keepingCapacity: true)
                    try ValueColumn.decode(block[...], count: shape.count, into: &decoded)
                }
            }
            fastest = min(fastest, seconds)
        }
        let bound: Double? =
            switch packings {
            case ["packed bits"]: 2.5
            case ["Huffman"]: 6.67
            default: nil
            }
        let found = isSame ? packings.sorted().joined(separator: ", ") : "WRONG VALUES"
        return Figure(
            title: "\(shape.name), \(found)",
            value: fastest * 1e9 / Double(columnCount * shape.count),
            unit: "ns CPU a value",
            bound: bound
        )
    }

    /// How the integers of a block are packed, as docs/formats/chunk.md has it.
    private static func packing(of block: [UInt8]) -> String {
        var reader = ByteReader(block)
        do {
            switch try reader.readUInt8() {
            case 0: return "constant"
            case 1:
                try reader.skip(count: 1)
                guard try reader.readVarint() == 0 else { return "with exceptions" }
            case 2: break
            default: return "dictionary"
            }
            _ = try reader.readSignedVarint()
            switch try reader.readUInt8() >> 4 {
            case 2: return "packed bits"
            case 3: return "Huffman"
            default: return "all equal"
            }
        } catch {
            return "\(error)"
        }
    }
}

/// A kind of data.
private struct Shape: Sendable {
    /// What it is like.
    var name: String
    /// How many values a column has.
    var count: Int
    /// Makes a column.
    var make: @Sendable (inout FixedRandom) -> [Double]

    static let all: [Shape] = [
        Shape(name: "counter of evenly busy requests", count: 5760) { random in
            var value = Double(Int.random(in: 0..<1_000_000, using: &random))
            return (0..<5760).map { _ in
                value += Double(Int.random(in: 0..<64, using: &random))
                return value
            }
        },
        Shape(name: "counter of rare events", count: 5760) { random in
            var value = Double(Int.random(in: 0..<1000, using: &random))
            return (0..<5760).map { _ in
                let isEvent = Int.random(in: 0..<12, using: &random) == 0
                value += isEvent ? Double(Int.random(in: 1..<5, using: &random)) : 0
                return value
            }
        },
        Shape(name: "seconds of processor time, hundredths", count: 5760) { random in
            var value = Int.random(in: 0..<100_000, using: &random)
            return (0..<5760).map { _ in
                value += (0..<6).reduce(0) { sum, _ in sum + Int.random(in: 0..<40, using: &random) }
                return Double(value) / 100
            }
        },
        Shape(name: "bytes in use, multiples of a page", count: 5760) { random in
            var value = 1 << 32
            return (0..<5760).map { _ in
                value += 4096 * Int.random(in: -300..<300, using: &random)
                return Double(value)
            }
        },
        Shape(name: "sold in five minutes", count: 2304) { random in
            (0..<2304).map { _ in
                Double((0..<8).reduce(0) { sum, _ in sum + Int.random(in: 0..<5, using: &random) })
            }
        },
    ]
}

/// Numbers that look random and are the same at each run.
private struct FixedRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
