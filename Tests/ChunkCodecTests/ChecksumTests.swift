import ChunkCodec
import Testing

@Suite struct ChecksumTests {
    @Test(
        "CRC32C has the published values",
        arguments: [
            ([], 0),
            (Array("123456789".utf8), 0xe306_9283),
            ([UInt8](repeating: 0, count: 32), 0x8a91_36aa),
            ([UInt8](repeating: 0xff, count: 32), 0x62a8_ab43),
            ([UInt8](0..<32), 0x46dd_794e),
        ] as [([UInt8], UInt32)]
    )
    func publishedValues(bytes: [UInt8], expected: UInt32) {
        #expect(Checksum.crc32c(bytes) == expected)
        #expect(byTable(bytes) == expected)
    }

    @Test("The instruction and the table agree at every length and alignment, whole and in two parts")
    func bothWays() {
        var random = SeededGenerator(seed: 1)
        let bytes = random.bytes(count: 300)
        for start in 0..<9 {
            for end in start...bytes.count where end < 40 || end % 37 == 0 {
                let slice = bytes[start..<end]
                let whole = Checksum.crc32c(slice)
                #expect(whole == byTable(Array(slice)))
                let cut = (start + end) / 2
                let first = Checksum.crc32c(bytes[start..<cut])
                #expect(Checksum.crc32c(bytes[cut..<end], continuing: first) == whole)
            }
        }
    }

    private func byTable(_ bytes: [UInt8]) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe Checksum.crc32cByTable($0) }
    }
}
