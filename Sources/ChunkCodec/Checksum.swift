import CSextant

/// CRC32C, the checksum of everything at rest.
///
/// Source: the Castagnoli polynomial 0x1edc6f41 in reversed bit order, start and end inverted, as in RFC 3720
/// B.4.
package enum Checksum {
    /// CRC32C of `bytes`, or of earlier bytes whose checksum is `previous` followed by `bytes`.
    package static func crc32c(_ bytes: ArraySlice<UInt8>, continuing previous: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { crc32c($0, continuing: previous) }
    }

    /// CRC32C of `bytes`, or of earlier bytes whose checksum is `previous` followed by `bytes`.
    package static func crc32c(_ bytes: [UInt8], continuing previous: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { crc32c($0, continuing: previous) }
    }

    /// CRC32C of `bytes`, or of earlier bytes whose checksum is `previous` followed by `bytes`.
    package static func crc32c(_ bytes: UnsafeRawBufferPointer, continuing previous: UInt32 = 0) -> UInt32 {
        guard isAccelerated else { return crc32cByTable(bytes, continuing: previous) }
        guard let start = bytes.baseAddress else { return previous }
        return sx_crc32c(previous, start, bytes.count)
    }

    /// The same checksum without the processor's instruction, 8 bytes a step.
    package static func crc32cByTable(
        _ bytes: UnsafeRawBufferPointer,
        continuing previous: UInt32 = 0
    ) -> UInt32 {
        table.withUnsafeBufferPointer { table in
            var state = ~previous
            var index = 0
            while bytes.count - index >= 8 {
                let word =
                    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                    ^ UInt64(state)
                state = 0
                for byte in 0..<8 {
                    let value = Int(truncatingIfNeeded: (word &>> UInt64(8 &* byte)) & 0xff)
                    state ^= table[(7 &- byte) &* 256 &+ value]
                }
                index &+= 8
            }
            while index < bytes.count {
                state = table[Int((state ^ UInt32(bytes[index])) & 0xff)] ^ (state &>> 8)
                index &+= 1
            }
            return ~state
        }
    }

    private static let isAccelerated = sx_crc32c_is_supported()

    /// Eight tables of 256: `table[256 * k + b]` is the state that byte `b` leaves after `k` further zero
    /// bytes.
    private static let table: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 8 * 256)
        for byte in 0..<256 {
            var state = UInt32(byte)
            for _ in 0..<8 { state = (state >> 1) ^ (state & 1 == 1 ? 0x82f6_3b78 : 0) }
            table[byte] = state
        }
        for index in 256..<8 * 256 {
            let before = table[index - 256]
            table[index] = table[Int(before & 0xff)] ^ (before >> 8)
        }
        return table
    }()
}
