import Testing

@testable import Intake

@Suite("Snappy")
struct SnappyTests {
    @Test("whatever the encoder chooses, the same bytes come out")
    func roundTrip() throws {
        let seed: UInt64 = 20_261_121
        var generator = SeededGenerator(seed: seed)
        for round in 0..<400 {
            let alphabet = UInt8.random(in: 1...255, using: &generator)
            let count = Int.random(in: 0...(round % 20 == 0 ? 200_000 : 2000), using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...alphabet, using: &generator) }
            let block = SnappyEncoder.encode(bytes, using: &generator)
            let out = try Snappy.decompress(block)
            try #require(out == bytes, "seed \(seed), round \(round)")
        }
    }

    @Test("a run repeats itself while it is copied, for every offset and length")
    func overlappingCopies() throws {
        for offset in 1...40 {
            for length in 1...64 {
                let start = (0..<offset).map { UInt8($0) }
                var block: [UInt8] = []
                block.appendVarint(UInt64(offset + length))
                block.append(UInt8((offset - 1) << 2))
                block += start
                block += [UInt8(2 | (length - 1) << 2), UInt8(offset), 0]
                let expected = (0..<offset + length).map { UInt8($0 % offset) }
                #expect(try Snappy.decompress(block) == expected, "offset \(offset), length \(length)")
            }
        }
    }

    @Test(
        "a block that does not fit together is corrupt",
        arguments: [
            [],
            [0x80],
            [0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            [0x03, 0x08, 0x61, 0x62],
            [0x02, 0x08, 0x61, 0x62, 0x63],
            [0x04, 0x08, 0x61, 0x62, 0x63],
            [0x04, 0x00, 0x61, 0x02, 0x02],
            [0x04, 0x00, 0x61, 0x0a, 0x02, 0x00],
            [0x04, 0x00, 0x61, 0x0a, 0x00, 0x00],
            [0x04, 0x00, 0x61, 0x0f, 0x01, 0x00, 0x00],
            [0x02, 0x00, 0x61, 0x01],
            [0x02, 0xf4, 0x01],
            [0x02, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x61],
            [0x05, 0x00, 0x61, 0x01, 0x01, 0x00],
        ] as [[UInt8]]
    )
    func corrupt(block: [UInt8]) {
        #expect(throws: IntakeError.malformed("snappy: corrupt input")) { try Snappy.decompress(block) }
    }

    @Test("the declared length is checked before anything is allocated")
    func declaredLength() {
        let huge: [UInt8] = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x61]
        #expect(throws: IntakeError.tooLarge(limitName: "decompressed_body_bytes", limit: 1000)) {
            try Snappy.decompress(huge, limit: 1000)
        }
        // Allowed by the limit, but so short a block can never hold so much.
        #expect(throws: IntakeError.malformed("snappy: corrupt input")) {
            try Snappy.decompress(huge, limit: .max)
        }
    }

    @Test("nothing that is damaged stops the process")
    func damaged() {
        let seed: UInt64 = 77
        var generator = SeededGenerator(seed: seed)
        var acceptedCount = 0
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 1...300, using: &generator)).map { UInt8($0 / 3 % 7) }
            let block = SnappyEncoder.encode(bytes, using: &generator).damaged(using: &generator)
            if let out = try? Snappy.decompress(block, limit: 4096) {
                acceptedCount += 1
                #expect(out.count <= 4096, "seed \(seed)")
            }
        }
        #expect(acceptedCount > 0 && acceptedCount < 20_000)
    }
}
