import ChunkCodec
import Testing

/// Bytes that must stay as they are: a difference here is a change of the format or of an encoder's choices.
@Suite struct GoldenColumnTests {
    @Test("Value columns have the bytes of the format page", arguments: values)
    func valueColumn(golden: GoldenValues) throws {
        var bytes: [UInt8] = []
        ValueColumn.encode(golden.bits.map(Double.init(bitPattern:)), effort: golden.effort, into: &bytes)
        #expect(bytes.hex == golden.hex, "\(golden.name)")
        var decoded: [Double] = []
        try ValueColumn.decode(bytes[...], count: golden.bits.count, into: &decoded)
        #expect(decoded.map(\.bitPattern) == golden.bits)
    }

    @Test("Timestamp columns have the bytes of the format page", arguments: times)
    func timestampColumn(golden: GoldenTimes) throws {
        var bytes: [UInt8] = []
        TimestampColumn.encode(golden.times, effort: .flush, into: &bytes)
        #expect(bytes.hex == golden.hex, "\(golden.name)")
        var decoded: [Int64] = []
        try TimestampColumn.decode(bytes[...], count: golden.times.count, into: &decoded)
        #expect(decoded == golden.times)
    }

    struct GoldenValues: Sendable, CustomStringConvertible {
        var name: String
        var effort = EncodingEffort.flush
        var bits: [UInt64]
        var hex: String

        init(_ name: String, _ values: [Double], effort: EncodingEffort = .flush, hex: String) {
            (self.name, self.effort, self.bits, self.hex) = (name, effort, values.map(\.bitPattern), hex)
        }

        init(_ name: String, bits: [UInt64], hex: String) {
            (self.name, self.bits, self.hex) = (name, bits, hex)
        }

        var description: String { name }
    }

    struct GoldenTimes: Sendable, CustomStringConvertible {
        var name: String
        var times: [Int64]
        var hex: String

        var description: String { name }
    }

    static let values: [GoldenValues] = [
        GoldenValues("a constant integer", [7, 7, 7], hex: "00000e"),
        GoldenValues("a constant fraction", [0.5, 0.5], hex: "0001000000000000e03f"),
        GoldenValues("a constant -0", [-0.0], hex: "00010000000000000080"),
        GoldenValues("a staleness marker", bits: [0x7ff0_0000_0000_0002], hex: "0001020000000000f07f"),
        GoldenValues(
            "a steady counter",
            (0..<70).map { Double(1000 + 5 * $0) },
            hex: "010000d00f2105000100020000"
        ),
        GoldenValues(
            "a gauge",
            [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3],
            hex: "01000006200104006385d8184326430b"
        ),
        GoldenValues("decimals", [0.25, 1.5, 2.75, 0.01], hex: "0102003220010a00fae83322"),
        GoldenValues("multiples", [8192, 0, 4096, 16384], hex: "01000080800120802003009301"),
        GoldenValues(
            "a wide residual aside",
            (0..<66).map { Double($0 == 30 ? 1_000_000 : $0 % 2) },
            hex: "0100000020010202666666666666665a66666666666666661d9fc21e1e9fc21e020002"
        ),
        GoldenValues(
            "exceptions",
            bits: (0..<36).map {
                switch $0 {
                case 0, 35: 0x7ff0_0000_0000_0002
                case 7: 0xfff0_0000_0000_0000
                case 8: 0x7ff8_0000_0000_0001
                default: Double($0 % 4).bitPattern
                }
            },
            hex:
                "010004030100000000000000f0ff030220020500a66800200102003a"
                + "0220010300902a01912aa9922aa9922aa91200"
        ),
        GoldenValues(
            "raw bits",
            [.pi, -.pi, 1 / 3, .infinity, -0.0],
            hex:
                "02b0b4a1c4eafe9089800120014000" + "9e4befae1278dbffdc043353a1eebcff"
                + "5655555555553580010000000000e0ff"
        ),
        GoldenValues(
            "D1-FOR",
            [0, 1000, 2000, 3007, 4000, 5003, 6001, 7004].map(Double.init),
            effort: .compaction,
            hex: "010000002201c20f0400770e5a0a"
        ),
        GoldenValues(
            "HUF with a table of its own",
            (0..<24).map { Double($0 * 1000 + $0 * $0 * 7 % 8) },
            effort: .compaction,
            hex: "010000003201c20fff04850815221b1b1b1b1b1b"
        ),
        GoldenValues(
            "DICT",
            (0..<40).map { (index: Int) -> Double in Double(1 + index * index % 7 % 3) / 7 },
            effort: .compaction,
            hex:
                "040363922449922449d23fdbb66ddbb66ddb3f" + "922449922449c23f04230103020050201408054281502014"
        ),
        GoldenValues(
            "D0-FOR",
            (0..<24).map { Double($0 * $0 * 11 % 64) },
            effort: .compaction,
            hex: "0100000023010006000b3bc213b3013b33c303bb022b3bc033b303"
        ),
    ]

    static let times: [GoldenTimes] = [
        GoldenTimes(name: "one time", times: [1_700_000_000_000], hex: "80a0abfef9620002ff00ff"),
        GoldenTimes(
            name: "a regular scrape",
            times: (0..<480).map { 1_700_000_000_000 + 15_000 * $0 },
            hex: "80a0abfef962987502ff00ff"
        ),
        GoldenTimes(
            name: "a missing scrape and one late by 3 ms",
            times: [0, 15_000, 30_000, 75_000, 90_003, 105_000],
            hex: "0098750220020200600000200302008001"
        ),
        GoldenTimes(name: "an odd step", times: [-5, 2, 9, 16, 23], hex: "090702ff00ff"),
    ]
}
