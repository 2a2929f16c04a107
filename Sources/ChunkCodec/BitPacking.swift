import CSextant

/// The back end BP: residuals in blocks of 64 of one width each, the few wider ones aside,
/// docs/formats/chunk.md "BP".
enum BitPacking {
    static let blockCount = 64

    /// Chooses the width of every block; the answer is the size in bytes of what `append` will write.
    ///
    /// `widths` has room for `(count + 63) / 64` entries.
    static func plan(
        _ residuals: UnsafePointer<UInt64>,
        count: Int,
        widths: UnsafeMutablePointer<UInt8>
    ) -> Int {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * 65) { counters in
            guard let histogram = counters.baseAddress else { return 0 }
            var byteCount = 0
            var start = 0
            while start < count {
                let block = planBlock(
                    residuals + start,
                    count: min(blockCount, count &- start),
                    histogram: histogram
                )
                widths[start / blockCount] = UInt8(truncatingIfNeeded: block.width)
                byteCount &+= block.byteCount
                start &+= blockCount
            }
            return byteCount
        }
    }

    /// Appends the blocks of `residuals` with the widths that `plan` chose.
    static func append(
        _ residuals: UnsafePointer<UInt64>,
        count: Int,
        widths: UnsafePointer<UInt8>,
        to bytes: inout [UInt8]
    ) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * blockCount) { scratch in
            guard let padded = scratch.baseAddress else { return }
            let packed = UnsafeMutableRawPointer(padded + blockCount)
            let packedBytes = packed.assumingMemoryBound(to: UInt8.self)
            var start = 0
            while start < count {
                let taken = min(blockCount, count &- start)
                var block = residuals + start
                if taken < blockCount {
                    padded.update(repeating: 0, count: blockCount)
                    padded.update(from: block, count: taken)
                    block = UnsafePointer(padded)
                }
                let width = Int(widths[start / blockCount])
                sx_pack64(block, UInt32(truncatingIfNeeded: width), packedBytes)
                bytes.append(UInt8(truncatingIfNeeded: width))
                let exceptionCountAt = bytes.count
                bytes.append(0)
                bytes.append(
                    contentsOf: UnsafeBufferPointer(start: packedBytes, count: (taken &* width &+ 7) / 8)
                )
                if width < 64 {
                    appendExceptions(
                        block,
                        count: taken,
                        width: UInt64(width),
                        countAt: exceptionCountAt,
                        to: &bytes
                    )
                }
                start &+= blockCount
            }
        }
    }

    /// Reads `count` residuals to `words` and lets `decoder` turn them into integers.
    static func decode(
        from reader: inout ByteReader,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>,
        through decoder: inout ResidualDecoder
    ) throws(CodecError) {
        let readCount = try reader.remaining.withUnsafeBufferPointer { bytes throws(CodecError) in
            var position = 0
            var start = 0
            while start < count {
                let taken = min(blockCount, count &- start)
                try decodeBlock(bytes, at: &position, count: taken, to: words + start)
                decoder.decode(words + start, count: taken)
                start &+= blockCount
            }
            return position
        }
        try reader.skip(count: readCount)
    }

    // MARK: Blocks

    /// The width that makes a block smallest, and its size with it.
    ///
    /// Only widths that some residual has are tried: between two of them the packed bits grow, while the
    /// exceptions stay as many.
    private static func planBlock(
        _ residuals: UnsafePointer<UInt64>,
        count: Int,
        histogram: UnsafeMutablePointer<UInt8>
    ) -> (width: Int, byteCount: Int) {
        var all: UInt64 = 0
        for index in 0..<count { all |= residuals[index] }
        guard all != 0 else { return (0, 2) }
        let maxLength = 64 &- all.leadingZeroBitCount
        for length in 0...maxLength { histogram[length] = 0 }
        for index in 0..<count { histogram[64 &- residuals[index].leadingZeroBitCount] &+= 1 }

        let lengths = histogram + 65
        var lengthCount = 0
        var best = (width: maxLength, byteCount: 2 &+ (count &* maxLength &+ 7) / 8)
        var width = maxLength
        while width >= 0 {
            defer { width &-= 1 }
            guard histogram[width] != 0 else { continue }
            var byteCount = 2 &+ (count &* width &+ 7) / 8
            for index in 0..<lengthCount where byteCount < best.byteCount {
                let length = Int(lengths[index])
                byteCount &+= Int(histogram[length]) &* (1 &+ (length &- width &+ 6) / 7)
            }
            if byteCount < best.byteCount { best = (width, byteCount) }
            lengths[lengthCount] = UInt8(truncatingIfNeeded: width)
            lengthCount &+= 1
        }
        return best
    }

    private static func appendExceptions(
        _ block: UnsafePointer<UInt64>,
        count: Int,
        width: UInt64,
        countAt: Int,
        to bytes: inout [UInt8]
    ) {
        var exceptionCount: UInt8 = 0
        for index in 0..<count where block[index] &>> width != 0 {
            bytes.append(UInt8(truncatingIfNeeded: index))
            Varint.append(block[index] &>> width, to: &bytes)
            exceptionCount &+= 1
        }
        bytes[countAt] = exceptionCount
    }

    private static func decodeBlock(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at position: inout Int,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        guard let start = bytes.baseAddress, bytes.count &- position >= 2 else {
            throw .truncated(neededBytes: 2, availableBytes: bytes.count &- position)
        }
        let width = start[position]
        let exceptionCount = start[position &+ 1]
        position &+= 2
        guard width <= 64 else { throw .badHeaderByte(field: .bitWidth, value: width) }
        guard exceptionCount <= count else {
            throw .badHeaderByte(field: .blockExceptionCount, value: exceptionCount)
        }
        let byteCount = (count &* Int(width) &+ 7) / 8
        guard byteCount <= bytes.count &- position else {
            throw .truncated(neededBytes: byteCount, availableBytes: bytes.count &- position)
        }
        if count == blockCount {
            sx_unpack64(start + position, UInt32(width), words)
        } else {
            unpackTail(start + position, byteCount: byteCount, width: width, count: count, to: words)
        }
        position &+= byteCount
        for _ in 0..<exceptionCount {
            try decodeException(bytes, at: &position, width: width, count: count, to: words)
        }
    }

    private static func unpackTail(
        _ packed: UnsafePointer<UInt8>,
        byteCount: Int,
        width: UInt8,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) {
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 * blockCount) { scratch in
            guard let padded = scratch.baseAddress else { return }
            padded.update(repeating: 0, count: Int(width))
            let paddedBytes = UnsafeMutableRawPointer(padded)
            paddedBytes.copyMemory(from: packed, byteCount: byteCount)
            let unpacked = padded + blockCount
            sx_unpack64(paddedBytes.assumingMemoryBound(to: UInt8.self), UInt32(width), unpacked)
            words.update(from: unpacked, count: count)
        }
    }

    private static func decodeException(
        _ bytes: UnsafeBufferPointer<UInt8>,
        at position: inout Int,
        width: UInt8,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        guard position < bytes.count else { throw .truncated(neededBytes: 1, availableBytes: 0) }
        let index = Int(bytes[position])
        position &+= 1
        var high: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard position < bytes.count else { throw .truncated(neededBytes: 1, availableBytes: 0) }
            let byte = bytes[position]
            position &+= 1
            if shift == 63 && byte > 1 { throw .varintTooLong }
            high |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { break }
            shift &+= 7
        }
        guard index < count, high.leadingZeroBitCount >= Int(width) else { throw .badException }
        // A width of 64 leaves only `high == 0`.
        words[index] |= width < 64 ? high &<< UInt64(width) : 0
    }
}
