import Testing

@testable import ChunkCodec

@Suite struct SHA256Tests {
    @Test(
        "Hashes are those of FIPS 180-4, with the processor's instructions and without",
        arguments: [true, false]
    )
    func published(isPlain: Bool) {
        let cases = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ]
        for (text, expected) in cases {
            let bytes = Array(text.utf8)
            for piece in [max(1, bytes.count), 1000, 64, 63] {
                var hash = SHA256(isPlain: isPlain)
                for start in stride(from: 0, to: bytes.count, by: piece) {
                    hash.update(Array(bytes[start..<min(bytes.count, start + piece)]))
                }
                #expect(SHA256.hexadecimal(hash.digest()) == expected)
            }
        }
    }

    @Test("Authentication codes are those of RFC 4231")
    func codes() {
        let jefe = SHA256.authentication(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))
        #expect(
            SHA256.hexadecimal(jefe) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        )
        let long = SHA256.authentication(
            Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            key: [UInt8](repeating: 0xaa, count: 131)
        )
        #expect(
            SHA256.hexadecimal(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        )
    }
}
