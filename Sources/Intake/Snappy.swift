import Glibc
import Model

/// The decoder of snappy's block format.
///
/// Source: https://github.com/google/snappy/blob/main/format_description.txt
package enum Snappy {
    /// Decodes one snappy block.
    ///
    /// - Parameters:
    ///   - body: The compressed block.
    ///   - limit: The most bytes the block may say it holds; checked before anything is allocated.
    /// - Returns: The bytes that the block stands for.
    /// - Throws: `malformed` or, if the block says it holds more than `limit`, `tooLarge`.
    package static func decompress(
        _ body: [UInt8],
        limit: Int = Limits.default.decompressedBodyBytes
    ) throws(IntakeError) -> [UInt8] {
        var failure: IntakeError?
        let out = body.withUnsafeBytes { raw -> [UInt8] in
            do throws(IntakeError) {
                return try decode(raw, limit: limit).withBytes { Array($0) }
            } catch {
                failure = error
                return []
            }
        }
        if let failure { throw failure }
        return out
    }

    /// How many bytes a block says it holds, but no more than `limits` and its own length allow; 0 if it does
    /// not say so properly.
    package static func announcedByteCount(of body: [UInt8], limits: Limits) -> Int {
        let declared = body.withUnsafeBytes { raw in
            var block = SnappyBlock(raw)
            return block.readDeclaredCount() ?? 0
        }
        return min(declared, limits.decompressedBodyBytes, body.count * SnappyBlock.largestRatio)
    }

    /// As `decompress`, into memory with slack behind it.
    static func decode(_ body: UnsafeRawBufferPointer, limit: Int) throws(IntakeError) -> PaddedBytes {
        var block = SnappyBlock(body)
        guard let count = block.readDeclaredCount() else { throw .corruptSnappy }
        guard count <= limit else { throw .tooLarge(limitName: "decompressed_body_bytes", limit: limit) }
        guard count <= body.count * SnappyBlock.largestRatio,
            let bytes = PaddedBytes(count: count, filledBy: { block.decode(into: $0, count: count) })
        else { throw .corruptSnappy }
        return bytes
    }
}

/// The handle that touches memory while a block is decoded: every read and every reference is checked.
private struct SnappyBlock {
    /// No element gives more than 64 bytes for 3.
    static let largestRatio = 22

    private let source: UnsafeRawBufferPointer
    private var position = 0

    init(_ source: UnsafeRawBufferPointer) {
        self.source = source
    }

    /// The declared length at the start: a varint of at most 32 bits.
    mutating func readDeclaredCount() -> Int? {
        var count = 0
        for shift in stride(from: 0, through: 28, by: 7) {
            guard position < source.count else { return nil }
            let byte = Int(source[position])
            position += 1
            count |= (byte & 0x7f) << shift
            if byte < 0x80 { return count <= Int(UInt32.max) ? count : nil }
        }
        return nil
    }

    /// Decodes the elements into `out`, which has `count` bytes and the slack of `PaddedBytes`.
    ///
    /// False if they do not fit together or do not give exactly `count` bytes.
    mutating func decode(into out: UnsafeMutableRawPointer, count: Int) -> Bool {
        guard let from = source.baseAddress else { return false }
        let end = source.count
        var at = position
        var written = 0
        while at < end {
            let tag = Int(from.load(fromByteOffset: at, as: UInt8.self))
            at &+= 1
            var length = (tag &>> 2) &+ 1
            let offset: Int
            switch tag & 3 {
            case 0:
                if length <= 16, end &- at >= 16, count &- written >= length {
                    SnappyBlock.move16(from + at, out + written)
                    at &+= length
                    written &+= length
                    continue
                }
                if length > 60 {
                    let extra = length &- 60
                    guard end &- at >= extra else { return false }
                    length = 1
                    for index in 0..<extra {
                        length &+=
                            Int(from.load(fromByteOffset: at &+ index, as: UInt8.self)) &<< (8 &* index)
                    }
                    at &+= extra
                }
                guard length <= end &- at, length <= count &- written else { return false }
                memcpy(out + written, from + at, length)
                at &+= length
                written &+= length
                continue
            case 1:
                guard at < end else { return false }
                length = ((tag &>> 2) & 7) &+ 4
                offset = ((tag & 0xe0) &<< 3) | Int(from.load(fromByteOffset: at, as: UInt8.self))
                at &+= 1
            case 2:
                guard end &- at >= 2 else { return false }
                offset = Int(UInt16(littleEndian: from.loadUnaligned(fromByteOffset: at, as: UInt16.self)))
                at &+= 2
            default:
                guard end &- at >= 4 else { return false }
                offset = Int(UInt32(littleEndian: from.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
                at &+= 4
            }
            guard offset > 0, offset <= written, length <= count &- written else { return false }
            SnappyBlock.copyBack(out + written, offset: offset, length: length)
            written &+= length
        }
        return written == count
    }

    /// Repeats `length` (1...64) bytes that lie `offset` before `target`; may write up to 64 bytes.
    @inline(__always)
    private static func copyBack(_ target: UnsafeMutableRawPointer, offset: Int, length: Int) {
        let back = UnsafeRawPointer(target) - offset
        if offset >= 16 {
            move16(back, target)
            guard length > 16 else { return }
            move16(back + 16, target + 16)
            guard length > 32 else { return }
            move16(back + 32, target + 32)
            move16(back + 48, target + 48)
        } else {
            for index in 0..<length {
                target.storeBytes(
                    of: back.load(fromByteOffset: index, as: UInt8.self),
                    toByteOffset: index,
                    as: UInt8.self
                )
            }
        }
    }

    @inline(__always)
    private static func move16(_ from: UnsafeRawPointer, _ to: UnsafeMutableRawPointer) {
        to.storeBytes(of: from.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
    }
}
