import Model

/// The decoder of snappy's framing format, which HTTP's `Content-Encoding: snappy` means to Go clients.
///
/// Source: https://github.com/google/snappy/blob/main/framing_format.txt
package enum SnappyFrames {
    private static let identifier: [UInt8] = [0xff, 6, 0, 0] + Array("sNaPpY".utf8)

    /// Decodes a stream of frames; a body without the stream's identifier is taken for one block.
    ///
    /// - Parameters:
    ///   - body: The compressed bytes.
    ///   - limit: The most bytes that may come out.
    /// - Returns: The bytes that the frames stand for.
    /// - Throws: `malformed` if it is no snappy, damaged or cut off; `tooLarge`.
    package static func decompress(
        _ body: [UInt8],
        limit: Int = Limits.default.decompressedBodyBytes
    ) throws(IntakeError) -> [UInt8] {
        guard body.starts(with: identifier) else { return try Snappy.decompress(body, limit: limit) }
        var out: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            guard rest.count >= 4 else { throw .unexpectedEnd }
            let head = Array(rest.prefix(4))
            let length = Int(head[1]) | Int(head[2]) << 8 | Int(head[3]) << 16
            guard rest.count - 4 >= length else { throw .unexpectedEnd }
            let chunk = rest.dropFirst(4).prefix(length)
            rest = rest.dropFirst(4 + length)
            switch head[0] {
            case 0xff:
                guard chunk.elementsEqual(identifier.dropFirst(4)) else { throw .corruptSnappy }
            case 0x00, 0x01:
                guard length >= 4 else { throw .corruptSnappy }
                var data = Array(chunk.dropFirst(4))
                if head[0] == 0x00 { data = try Snappy.decompress(data, limit: 64 << 10) }
                guard data.count <= 64 << 10, maskedChecksum(data) == littleEndian(chunk.prefix(4)) else {
                    throw .corruptSnappy
                }
                guard data.count <= limit - out.count else {
                    throw .tooLarge(limitName: "decompressedBodyBytes", limit: limit)
                }
                out += data
            case 0x80...0xfe: continue
            default: throw .corruptSnappy
            }
        }
        return out
    }

    private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func maskedChecksum(_ bytes: [UInt8]) -> UInt32 {
        var state: UInt32 = 0xffff_ffff
        for byte in bytes { state = state >> 8 ^ table[Int((state ^ UInt32(byte)) & 0xff)] }
        let checksum = ~state
        return (checksum >> 15 | checksum << 17) &+ 0xa282_ead8
    }

    /// CRC-32C by bytes, Castagnoli's polynomial reversed.
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0x82f6_3b78 : value >> 1 }
    }
}
