/// The values of a chunk: a value column block of docs/formats/chunk.md.
///
/// Every 64-bit pattern comes back as it was: NaN payloads, signalling NaNs, -0, infinities, denormals. The
/// number of values is not in the block; whoever keeps the block keeps it.
package enum ValueColumn {
    /// What the first byte says about the rest.
    ///
    /// 3 is kept for rational numbers.
    private enum Kind: UInt8 {
        case constant = 0
        case decimal = 1
        case bits = 2
        case dictionary = 4
    }

    /// The forms of a constant.
    private static let integerForm: UInt8 = 0
    private static let rawForm: UInt8 = 1

    /// Appends the block of `values` (at most `ChunkLimits.maxSampleCount`), which is empty if they are.
    package static func encode(
        _ values: ArraySlice<Double>,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        values.withUnsafeBufferPointer { encode($0, effort: effort, into: &bytes) }
    }

    /// Appends the block of `values` (at most `ChunkLimits.maxSampleCount`), which is empty if they are.
    package static func encode(_ values: [Double], effort: EncodingEffort, into bytes: inout [UInt8]) {
        values.withUnsafeBufferPointer { encode($0, effort: effort, into: &bytes) }
    }

    /// Appends the `count` values of a block that fills `bytes` to `values`.
    ///
    /// `values` is unchanged if this throws. Memory is taken for at most `ChunkLimits.maxSampleCount` values.
    package static func decode(
        _ bytes: ArraySlice<UInt8>,
        count: Int,
        into values: inout [Double]
    ) throws(CodecError) {
        var reader = ByteReader(bytes)
        let oldCount = values.count
        try decode(from: &reader, count: count, into: &values)
        guard reader.isAtEnd else {
            values.removeSubrange(oldCount...)
            throw .trailingBytes(count: reader.remainingCount)
        }
    }

    /// Appends the `count` values of the block at `reader` to `values` and moves behind the block.
    ///
    /// `values` is unchanged if this throws. Memory is taken for at most `ChunkLimits.maxSampleCount` values.
    package static func decode(
        from reader: inout ByteReader,
        count: Int,
        into values: inout [Double]
    ) throws(CodecError) {
        try ChunkLimits.check(sampleCount: count)
        guard count > 0 else { return }
        try values.append(addingCapacity: count) { (span: inout OutputSpan<Double>) throws(CodecError) in
            try span.withUnsafeMutableBufferPointer { buffer, initializedCount throws(CodecError) in
                guard let start = buffer.baseAddress else { return }
                try start.withMemoryRebound(to: UInt64.self, capacity: count) { words throws(CodecError) in
                    try decode(from: &reader, count: count, to: words)
                }
                initializedCount = count
            }
        }
    }

    // MARK: Encoding

    private static func encode(
        _ values: UnsafeBufferPointer<Double>,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        guard let start = values.baseAddress, !values.isEmpty else { return }
        let count = values.count
        ChunkLimits.expect(sampleCount: count)
        let firstBits = values[0].bitPattern
        var differences: UInt64 = 0
        for index in 0..<count { differences |= start[index].bitPattern ^ firstBits }
        guard differences != 0 else {
            appendConstant(values[0], to: &bytes)
            return
        }
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: count) { scratch in
            guard let integers = scratch.baseAddress else { return }
            var exceptions = Exceptions()
            guard let exponent = DecimalMapping.map(values, to: integers, exceptions: &exceptions) else {
                let startOfBlock = bytes.count
                appendBits(values, scratch: integers, effort: effort, to: &bytes)
                if effort == .compaction {
                    let most = min(count / 3, ValueDictionary.largestCount)
                    replaceBlock(from: startOfBlock, in: &bytes) { bytes in
                        appendDictionary(values, most, scratch: integers, to: &bytes)
                    }
                }
                return
            }
            let startOfBlock = bytes.count
            bytes.append(Kind.decimal.rawValue)
            bytes.append(UInt8(truncatingIfNeeded: exponent))
            exceptions.append(to: &bytes, effort: effort)
            IntegerColumn.append(integers, count: count, effort: effort, to: &bytes)

            // Plain integers are never smaller as bits.
            guard effort == .compaction, exponent > 0 || !exceptions.isEmpty else { return }
            replaceBlock(from: startOfBlock, in: &bytes) { bytes in
                appendBits(values, scratch: integers, effort: effort, to: &bytes)
                return true
            }
            guard exponent > 0 else { return }
            replaceBlock(from: startOfBlock, in: &bytes) { bytes in
                appendDictionary(values, min(64, count / 8), scratch: integers, to: &bytes)
            }
        }
    }

    /// Puts the block that `append` makes (and tells that it did) in the place of the one that begins at
    /// `start`, if it is smaller.
    private static func replaceBlock(
        from start: Int,
        in bytes: inout [UInt8],
        by append: (inout [UInt8]) -> Bool
    ) {
        let end = bytes.count
        let isMade = append(&bytes)
        if isMade, bytes.count - end < end - start {
            bytes.removeSubrange(start..<end)
        } else {
            bytes.removeSubrange(end...)
        }
    }

    /// Appends the block of kind DICT if there are at most `most` distinct values.
    private static func appendDictionary(
        _ values: UnsafeBufferPointer<Double>,
        _ most: Int,
        scratch: UnsafeMutablePointer<UInt64>,
        to bytes: inout [UInt8]
    ) -> Bool {
        guard let dictionary = ValueDictionary(values, most: most, ranks: scratch) else { return false }
        bytes.append(Kind.dictionary.rawValue)
        dictionary.append(to: &bytes)
        IntegerColumn.append(scratch, count: values.count, effort: .compaction, to: &bytes)
        return true
    }

    private static func appendConstant(_ value: Double, to bytes: inout [UInt8]) {
        bytes.append(Kind.constant.rawValue)
        if let integer = DecimalMapping.integer(value) {
            bytes.append(integerForm)
            Varint.append(signed: integer, to: &bytes)
        } else {
            bytes.append(rawForm)
            bytes.append(littleEndian: value.bitPattern)
        }
    }

    private static func appendBits(
        _ values: UnsafeBufferPointer<Double>,
        scratch: UnsafeMutablePointer<UInt64>,
        effort: EncodingEffort,
        to bytes: inout [UInt8]
    ) {
        for index in 0..<values.count { scratch[index] = flippedIfNegative(values[index].bitPattern) }
        bytes.append(Kind.bits.rawValue)
        IntegerColumn.append(scratch, count: values.count, effort: effort, to: &bytes)
    }

    // MARK: Decoding

    private static func decode(
        from reader: inout ByteReader,
        count: Int,
        to words: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        let kindByte = try reader.readUInt8()
        switch Kind(rawValue: kindByte) {
        case .constant:
            words.initialize(repeating: try readConstant(from: &reader), count: count)
        case .decimal:
            let exponent = try reader.readUInt8()
            guard exponent <= DecimalMapping.maxExponent else {
                throw .badHeaderByte(field: .exponent, value: exponent)
            }
            let exceptions = try Exceptions(from: &reader, sampleCount: count)
            try IntegerColumn.decode(from: &reader, count: count, to: words)
            convertToDoubles(words, count: count, exponent: Int(exponent))
            exceptions.apply(to: words)
        case .bits:
            try IntegerColumn.decode(from: &reader, count: count, to: words)
            for index in 0..<count { words[index] = flippedIfNegative(words[index]) }
        case .dictionary:
            let dictionary = try ValueDictionary(from: &reader, sampleCount: count)
            try IntegerColumn.decode(from: &reader, count: count, to: words)
            try dictionary.replaceRanks(words, count: count)
        case nil:
            throw .unsupportedValueKind(kindByte)
        }
    }

    private static func readConstant(from reader: inout ByteReader) throws(CodecError) -> UInt64 {
        let form = try reader.readUInt8()
        switch form {
        case integerForm: return Double(try reader.readSignedVarint()).bitPattern
        case rawForm: return try reader.readUInt64()
        default: throw .badHeaderByte(field: .constantForm, value: form)
        }
    }

    private static func convertToDoubles(_ words: UnsafeMutablePointer<UInt64>, count: Int, exponent: Int) {
        if exponent == 0 {
            for index in 0..<count { words[index] = Double(Int64(bitPattern: words[index])).bitPattern }
        } else {
            let power = DecimalMapping.powers[exponent]
            for index in 0..<count {
                words[index] = (Double(Int64(bitPattern: words[index])) / power).bitPattern
            }
        }
    }

    /// The bits of a double as an integer of the same order, and the way back, which is the same.
    @inline(__always)
    private static func flippedIfNegative(_ bits: UInt64) -> UInt64 {
        bits ^ (UInt64(bitPattern: Int64(bitPattern: bits) &>> 63) &>> 1)
    }
}
