import CLZ4

/// LZ4 blocks by the system's liblz4.
///
/// Source: the LZ4 block format. A block knows neither its own size nor that of its content.
package enum LZ4 {
    /// How hard to try.
    package enum Level: Sendable {
        /// The quick search, hundreds of MB/s.
        case fast
        /// The slow search of LZ4HC; the block decompresses as fast.
        case high
    }

    /// The most bytes that `compress` takes.
    package static let maxRawCount = Int(LZ4_MAX_INPUT_SIZE)
    /// The level of LZ4HC behind `Level.high`, its best.
    private static let highLevel: Int32 = 12

    /// The bytes of one block whose content is `raw` (at most `maxRawCount` bytes).
    package static func compress(_ raw: ArraySlice<UInt8>, level: Level) -> [UInt8] {
        precondition(raw.count <= maxRawCount, "BUG: expected at most \(maxRawCount) bytes, got \(raw.count)")
        let rawCount = Int32(truncatingIfNeeded: raw.count)
        let bound = LZ4_compressBound(rawCount)
        return raw.withUnsafeBytes { source in
            [UInt8](unsafeUninitializedCapacity: Int(bound)) { target, count in
                // An empty slice has no address, and the library asks for one.
                let from = source.baseAddress ?? UnsafeRawPointer(target.baseAddress)
                let input = from?.assumingMemoryBound(to: CChar.self)
                let output = UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self)
                let written =
                    switch level {
                    case .fast: LZ4_compress_default(input, output, rawCount, bound)
                    case .high: LZ4_compress_HC(input, output, rawCount, bound, highLevel)
                    }
                precondition(written > 0, "BUG: LZ4 did not compress \(rawCount) bytes")
                count = Int(written)
            }
        }
    }

    /// The bytes of one block whose content is `raw` (at most `maxRawCount` bytes).
    package static func compress(_ raw: [UInt8], level: Level) -> [UInt8] {
        compress(raw[...], level: level)
    }

    /// The content of `block`, which has exactly `rawCount` bytes.
    ///
    /// Memory is taken only if a block of this size can hold so much: LZ4 makes at most 255 bytes of one. The
    /// caller limits `rawCount` itself.
    package static func decompress(_ block: ArraySlice<UInt8>, rawCount: Int) throws(CodecError) -> [UInt8] {
        guard rawCount >= 0, rawCount <= maxRawCount, block.count <= Int(Int32.max),
            rawCount / 255 <= block.count
        else { throw .badCompressedBlock(rawCount: rawCount) }
        let raw = block.withUnsafeBytes { source in
            [UInt8](unsafeUninitializedCapacity: Swift.max(rawCount, 1)) { target, count in
                guard let from = source.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
                let output = UnsafeMutableRawPointer(target.baseAddress)?.assumingMemoryBound(to: CChar.self)
                let written = LZ4_decompress_safe(from, output, Int32(block.count), Int32(rawCount))
                if written == rawCount { count = rawCount }
            }
        }
        // The smallest block, one byte, is that of no content.
        guard raw.count == rawCount, !block.isEmpty, rawCount > 0 || block.elementsEqual([0]) else {
            throw .badCompressedBlock(rawCount: rawCount)
        }
        return raw
    }
}
