import ChunkCodec
import Testing

@Suite struct VarintTests {
    @Test(
        "Unsigned varints have the bytes of LEB128 and read back",
        arguments: [
            (0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16383, "ff7f"),
            (16384, "808001"), (UInt64(1) << 63, "80808080808080808001"),
            (UInt64.max, "ffffffffffffffffff01"),
        ] as [(UInt64, String)]
    )
    func unsignedForm(value: UInt64, hex: String) throws {
        var bytes: [UInt8] = []
        Varint.append(value, to: &bytes)
        #expect(bytes.hex == hex)
        #expect(Varint.byteCount(value) == bytes.count)
        var reader = ByteReader(bytes)
        #expect(try reader.readVarint() == value)
        #expect(reader.isAtEnd)
    }

    @Test(
        "Signed varints are zigzag and read back",
        arguments: [
            (0, "00"), (-1, "01"), (1, "02"), (-64, "7f"), (64, "8001"),
            (Int64.max, "feffffffffffffffff01"), (Int64.min, "ffffffffffffffffff01"),
        ] as [(Int64, String)]
    )
    func signedForm(value: Int64, hex: String) throws {
        var bytes: [UInt8] = []
        Varint.append(signed: value, to: &bytes)
        #expect(bytes.hex == hex)
        var reader = ByteReader(bytes)
        #expect(try reader.readSignedVarint() == value)
    }

    @Test("The byte count of a varint is that of its encoding for every bit length")
    func byteCounts() {
        for shift in 0..<64 {
            for value in [UInt64(1) << UInt64(shift), (UInt64(1) << UInt64(shift)) &- 1] {
                var bytes: [UInt8] = []
                Varint.append(value, to: &bytes)
                #expect(Varint.byteCount(value) == bytes.count)
            }
        }
    }

    @Test("A varint of more than 64 bits is refused")
    func tooLong() {
        let elevenBytes = [UInt8](repeating: 0x80, count: 10) + [0]
        let bit64 = [UInt8](repeating: 0xff, count: 9) + [2]
        for bytes in [elevenBytes, bit64, [UInt8](repeating: 0xff, count: 40)] {
            #expect(throws: CodecError.varintTooLong) {
                var reader = ByteReader(bytes)
                _ = try reader.readVarint()
            }
        }
    }

    @Test("A varint cut short is truncated")
    func truncated() {
        #expect(throws: CodecError.truncated(neededBytes: 1, availableBytes: 0)) {
            var reader = ByteReader([0x80, 0x80])
            _ = try reader.readVarint()
        }
    }
}

@Suite struct ByteReaderTests {
    @Test("Fixed-width integers are little-endian, at any offset and in any slice")
    func fixedWidth() throws {
        var bytes: [UInt8] = [0xee]
        bytes.append(littleEndian: UInt16(0x0102))
        bytes.append(littleEndian: UInt32(0x0304_0506))
        bytes.append(littleEndian: UInt64(0x0708_090a_0b0c_0d0e))
        bytes.append(7)
        #expect(bytes.hex == "ee0201060504030e0d0c0b0a09080707")
        var reader = ByteReader(bytes[1...])
        #expect(try reader.readUInt16() == 0x0102)
        #expect(try reader.readUInt32() == 0x0304_0506)
        #expect(try reader.readUInt64() == 0x0708_090a_0b0c_0d0e)
        #expect(reader.offset == 14)
        #expect(reader.remaining == [7])
        #expect(try reader.readUInt8() == 7)
        #expect(reader.isAtEnd)
    }

    @Test("A read behind the end throws and leaves the cursor where it was")
    func readBehindTheEnd() throws {
        var reader = ByteReader([1, 2, 3])
        #expect(throws: CodecError.truncated(neededBytes: 8, availableBytes: 3)) { try reader.readUInt64() }
        #expect(throws: CodecError.truncated(neededBytes: 4, availableBytes: 3)) { try reader.readUInt32() }
        #expect(throws: CodecError.truncated(neededBytes: 4, availableBytes: 3)) {
            try reader.readBytes(count: 4)
        }
        #expect(throws: CodecError.truncated(neededBytes: -1, availableBytes: 3)) {
            try reader.readBytes(count: -1)
        }
        #expect(throws: CodecError.truncated(neededBytes: .max, availableBytes: 3)) {
            try reader.skip(count: .max)
        }
        #expect(throws: CodecError.trailingBytes(count: 3)) { try reader.expectEnd() }
        #expect(try reader.readBytes(count: 3) == [1, 2, 3])
        #expect(throws: CodecError.truncated(neededBytes: 1, availableBytes: 0)) { try reader.readUInt8() }
        try reader.expectEnd()
    }

    @Test("A stored count above its limit is refused")
    func countLimit() throws {
        var bytes: [UInt8] = []
        Varint.append(count: 1000, to: &bytes)
        Varint.append(UInt64.max, to: &bytes)
        var reader = ByteReader(bytes)
        var copy = reader
        #expect(try copy.readCount(limit: 1000) == 1000)
        #expect(throws: CodecError.tooLarge(stored: 1000, limit: 999)) { try reader.readCount(limit: 999) }
        #expect(throws: CodecError.tooLarge(stored: .max, limit: .max)) {
            try copy.readCount(limit: .max)
        }
    }
}
