import ChunkCodec
import Testing

@Suite struct LZ4Tests {
    @Test("Blocks of both levels give back their content", arguments: [LZ4.Level.fast, .high])
    func roundTrip(level: LZ4.Level) throws {
        var random = SeededGenerator(seed: 2)
        for count in [0, 1, 2, 12, 13, 100, 5000, 70_000] {
            for content in [
                [UInt8](repeating: 7, count: count), random.bytes(count: count),
                (0..<count).map { UInt8($0 % 251 / 3) },
            ] {
                let block = LZ4.compress(content, level: level)
                #expect(try LZ4.decompress(block[...], rawCount: content.count) == content)
            }
        }
    }

    @Test("A block must have exactly the announced size")
    func exactSize() {
        let content = (0..<1000).map { UInt8($0 % 10) }
        let block = LZ4.compress(content, level: .fast)
        for rawCount in [-1, 0, 1, 999, 1001, 20_000, Int.max] {
            #expect(throws: CodecError.badCompressedBlock(rawCount: rawCount)) {
                try LZ4.decompress(block[...], rawCount: rawCount)
            }
        }
        for rawCount in [0, 1] {
            #expect(throws: CodecError.badCompressedBlock(rawCount: rawCount)) {
                try LZ4.decompress([], rawCount: rawCount)
            }
        }
    }
}

@Suite struct FrameTests {
    private static let compressions: [Frame.Compression] = [.none, .lz4(.fast), .lz4(.high)]

    @Test("Frames one after the other give back their content")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 3)
        var contents: [[UInt8]] = []
        var bytes: [UInt8] = [0xaa, 0xbb]
        for count in [0, 1, 3, 20, 64, 5000, 65_536] {
            for compression in Self.compressions {
                contents.append([UInt8](repeating: 5, count: count))
                Frame.append(contents[contents.count - 1], to: &bytes, compression: compression)
                contents.append(random.bytes(count: count))
                Frame.append(contents[contents.count - 1], to: &bytes, compression: compression)
            }
        }
        var reader = ByteReader(bytes[2...])
        for content in contents { #expect(try Frame.read(from: &reader) == content) }
        #expect(reader.isAtEnd)
    }

    @Test("The bytes of a frame are those of the format page")
    func goldenBytes() {
        var bytes: [UInt8] = []
        Frame.append([1, 2, 3], to: &bytes, compression: .lz4(.fast))
        #expect(bytes.hex == "000303010203" + "23146fec")
        bytes = []
        Frame.append([UInt8](repeating: 9, count: 100), to: &bytes, compression: .lz4(.fast))
        #expect(bytes.hex == "01640b" + "1f0901004b500909090909" + "e5c02fab")
    }

    @Test("What LZ4 cannot make smaller by more than two bytes is stored")
    func storedWhenIncompressible() {
        var random = SeededGenerator(seed: 4)
        var bytes: [UInt8] = []
        Frame.append(random.bytes(count: 1000), to: &bytes, compression: .lz4(.high))
        #expect(bytes.count == 1 + 2 + 2 + 1000 + 4)
        #expect(bytes[0] == 0)
    }

    @Test("Every flipped bit and every cut is noticed")
    func damage() {
        for compression in Self.compressions {
            var bytes: [UInt8] = []
            Frame.append((0..<150).map { UInt8($0 / 9) }, to: &bytes, compression: compression)
            for bit in 0..<bytes.count * 8 {
                var damaged = bytes
                damaged[bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: CodecError.self) {
                    var reader = ByteReader(damaged)
                    _ = try Frame.read(from: &reader)
                }
            }
            for count in 0..<bytes.count {
                #expect(throws: CodecError.self) {
                    var reader = ByteReader(bytes[..<count])
                    _ = try Frame.read(from: &reader)
                }
            }
        }
    }

    @Test("A frame that says to hold too much is refused")
    func tooLarge() {
        var bytes: [UInt8] = []
        Frame.append([UInt8](repeating: 0, count: 1000), to: &bytes, compression: .lz4(.fast))
        #expect(throws: CodecError.tooLarge(stored: 1000, limit: 999)) {
            var reader = ByteReader(bytes)
            _ = try Frame.read(from: &reader, maxRawCount: 999)
        }
    }

    @Test("A sound checksum does not excuse unknown flags or sizes that differ")
    func badHeaders() {
        for (header, error) in [
            ([2, 1, 1], CodecError.unknownFrameFlags(2)),
            ([0, 2, 1], .frameSizesDiffer(rawCount: 2, storedCount: 1)),
            ([1, 2, 1], .badCompressedBlock(rawCount: 2)),
        ] as [([UInt8], CodecError)] {
            var bytes = header + [0x55]
            bytes.append(littleEndian: Checksum.crc32c(bytes))
            #expect(throws: error) {
                var reader = ByteReader(bytes)
                _ = try Frame.read(from: &reader)
            }
        }
    }
}
