import CSextant

/// SHA-256 (FIPS 180-4), the name of contents in a backup, and HMAC-SHA256 (RFC 2104).
package struct SHA256 {
    private static let blockByteCount = 64

    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    /// What does not fill a block yet.
    private var rest: [UInt8] = []
    private var byteCount: UInt64 = 0
    private let isPlain: Bool

    /// The hash of nothing so far; with `isPlain` the processor's instructions for it are not used.
    package init(isPlain: Bool = false) {
        self.isPlain = isPlain
    }

    /// Takes more bytes in.
    package mutating func update(_ bytes: [UInt8]) {
        byteCount &+= UInt64(bytes.count)
        if rest.isEmpty {
            let whole = bytes.count / SHA256.blockByteCount * SHA256.blockByteCount
            take(bytes, whole)
            rest = Array(bytes[whole...])
            return
        }
        rest += bytes
        let whole = rest.count / SHA256.blockByteCount * SHA256.blockByteCount
        take(rest, whole)
        rest.removeFirst(whole)
    }

    /// The 32 bytes of the hash of everything taken in.
    package func digest() -> [UInt8] {
        var copy = self
        let bitCount = byteCount &* 8
        var padding: [UInt8] = [0x80]
        while (rest.count + padding.count) % SHA256.blockByteCount != 56 { padding.append(0) }
        for shift in stride(from: 56, through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: bitCount >> UInt64(shift)))
        }
        copy.update(padding)
        return copy.state.flatMap { word in
            stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt32($0)) }
        }
    }

    /// The hash of `bytes`.
    package static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest()
    }

    /// HMAC-SHA256 of `message` under `key`.
    package static func authentication(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var block = key.count > blockByteCount ? hash(key) : key
        block += [UInt8](repeating: 0, count: blockByteCount - block.count)
        return hash(block.map { $0 ^ 0x5c } + hash(block.map { $0 ^ 0x36 } + message))
    }

    /// `bytes` as lower-case hexadecimal digits.
    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    private mutating func take(_ bytes: [UInt8], _ count: Int) {
        guard count > 0 else { return }
        bytes.withUnsafeBytes { bytes in
            state.withUnsafeMutableBufferPointer { state in
                guard let words = state.baseAddress, let start = bytes.baseAddress else { return }
                sx_sha256_blocks(words, start, count / SHA256.blockByteCount, isPlain)
            }
        }
    }
}
