import Testing

@testable import Intake

@Suite("Gzip")
struct GzipTests {
    private static func text(_ count: Int) -> [UInt8] {
        var generator = SeededGenerator(seed: 3)
        return (0..<count).map {
            UInt8(truncatingIfNeeded: $0 / 7) ^ UInt8.random(in: 0...3, using: &generator)
        }
    }

    @Test("what is compressed comes back", arguments: [0, 1, 100, 65_535, 65_536, 65_537, 1_000_000])
    func roundTrip(count: Int) throws {
        let bytes = GzipTests.text(count)
        for level in [-5, 0, 1, 6, 9, 100] {
            let packed = Gzip.compress(bytes, level: level)
            #expect(Array(packed.prefix(2)) == [0x1f, 0x8b])
            #expect(try Gzip.decompress(packed, limit: count) == bytes)
        }
    }

    @Test("a member that another program wrote is read")
    func foreign() throws {
        let member: [UInt8] = [
            0x1f, 0x8b, 0x08, 0x08, 0, 0, 0, 0, 0, 0x03, 0x66, 0x00, 0x4b, 0x04, 0x00, 0x43, 0xbe, 0xb7, 0xe8,
            1, 0, 0, 0,
        ]
        #expect(try Gzip.decompress(member) == Array("a".utf8))
    }

    @Test("members one after the other are one text")
    func members() throws {
        let packed = Gzip.compress(Array("one ".utf8)) + Gzip.compress([]) + Gzip.compress(Array("two".utf8))
        #expect(try Gzip.decompress(packed) == Array("one two".utf8))
    }

    @Test(
        "pieces of any size give the same, never more than 64 KiB at once",
        arguments: [1, 10, 1000, 100_000]
    )
    func pieces(size: Int) throws {
        let bytes = GzipTests.text(300_000) + [UInt8](repeating: 0, count: 300_000)
        let packed = Gzip.compress(bytes)
        var inflater = Gzip.Inflater(limit: .max)
        var out: [UInt8] = []
        var piece: [UInt8] = []
        for start in stride(from: 0, to: packed.count, by: size) {
            inflater.supply(Array(packed[start..<min(start + size, packed.count)]))
            while try inflater.next(into: &piece) {
                #expect(!piece.isEmpty && piece.count <= 64 << 10)
                out += piece
            }
            #expect(piece.isEmpty)
        }
        try inflater.finish()
        #expect(out == bytes)
    }

    @Test("input that is supplied before the last is used up is not lost")
    func supplyAhead() throws {
        let bytes = GzipTests.text(500_000)
        let packed = Gzip.compress(bytes)
        var inflater = Gzip.Inflater(limit: .max)
        var piece: [UInt8] = []
        inflater.supply(Array(packed[..<1000]))
        let isMore = try inflater.next(into: &piece)
        #expect(isMore)
        var out = piece
        inflater.supply(Array(packed[1000...]))
        while try inflater.next(into: &piece) { out += piece }
        try inflater.finish()
        #expect(out == bytes)
    }

    @Test("a bomb stops at the limit, which the error names")
    func bomb() {
        let packed = Gzip.compress([UInt8](repeating: 0, count: 20_000_000))
        #expect(packed.count < 50_000)
        #expect(throws: IntakeError.tooLarge(limitName: "decompressed_body_bytes", limit: 1_000_000)) {
            try Gzip.decompress(packed, limit: 1_000_000)
        }
        #expect(throws: IntakeError.tooLarge(limitName: "bodyBytes", limit: 19_999_999)) {
            try Gzip.decompress(packed, limit: 19_999_999, limitName: "bodyBytes")
        }
        #expect(throws: IntakeError.tooLarge(limitName: "decompressed_body_bytes", limit: 0)) {
            try Gzip.decompress(Gzip.compress([1]), limit: 0)
        }
    }

    @Test("a body that is cut off anywhere is an error")
    func truncated() {
        let packed = Gzip.compress(Array("some text that is long enough".utf8))
        for count in 0..<packed.count {
            #expect(throws: IntakeError.malformed("gzip: unexpected EOF"), "\(count) bytes") {
                try Gzip.decompress(Array(packed[..<count]))
            }
        }
    }

    @Test(
        "what is no gzip is an error",
        arguments: [
            Array("plain text, not gzip".utf8), [0x1f, 0x8b, 0x09, 0, 0, 0, 0, 0, 0, 3], [0x78, 0x9c, 3, 0],
        ]
    )
    func noGzip(bytes: [UInt8]) {
        #expect(throws: IntakeError.self) { try Gzip.decompress(bytes) }
        #expect(throws: IntakeError.self) { try Gzip.decompress(Gzip.compress([1, 2, 3]) + bytes) }
    }

    @Test("nothing that is damaged stops the process, and what is accepted is the original")
    func damaged() {
        let bytes = Array("damaged bodies, damaged bodies and some more of it 0123456789".utf8)
        let packed = Gzip.compress(bytes)
        var generator = SeededGenerator(seed: 21)
        var refusedCount = 0
        for _ in 0..<20_000 {
            let body = packed.damaged(using: &generator)
            do {
                let out = try Gzip.decompress(body, limit: 10_000)
                // Damage to the header's time or system goes unnoticed; the content has a checksum.
                #expect(out == bytes || out == bytes + bytes)
            } catch {
                refusedCount += 1
            }
        }
        #expect(refusedCount > 10_000)
    }
}
