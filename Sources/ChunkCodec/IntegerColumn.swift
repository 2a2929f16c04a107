/// A column of 64-bit integers: `INTCOL` of docs/formats/chunk.md.
///
/// Integers are `UInt64` here because all arithmetic is modulo 2^64; what they stand for is the caller's
/// affair.
enum IntegerColumn {
    /// The control byte of a column of equal integers.
    private static let allEqual: UInt8 = 255
    /// Columns of so many integers are too short for a Huffman code to be worth its time.
    private static let fewForHuffman = 8

    /// How residuals are packed: the upper half of the control byte.
    ///
    /// 1 is kept for byte planes.
    private enum BackEnd: UInt8 {
        case bitPacking = 2
        case huffman = 3
    }

    /// Appends a column of `count` >= 1 integers, whose memory is used as scratch.
    static func append(
        _ integers: UnsafeMutablePointer<UInt64>,
        count: Int,
        effort: EncodingEffort,
        to bytes: inout [UInt8]
    ) {
        let first = integers[0]
        Varint.append(signed: Int64(bitPattern: first), to: &bytes)
        let divisor = commonDivisor(integers, count: count)
        guard divisor != 0 else {
            bytes.append(allEqual)
            return
        }
        if divisor > 1 { divideOffsets(integers, count: count, by: divisor) }

        let blockCount = (count &+ BitPacking.blockCount &- 2) / BitPacking.blockCount
        let wordsPerTry = count &+ (blockCount &+ 7) / 8
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2 &* wordsPerTry) { scratch in
            guard var trial = scratch.baseAddress else { return }
            var best = trial + wordsPerTry
            var bestPredictor = Predictor.deltas
            var bestBase: UInt64 = 0
            var bestByteCount = Int.max
            var huffman: (predictor: Predictor, byteCount: Int, plan: Huffman.Plan)?
            for predictor in Predictor.candidates(effort) {
                let base = predictor.makeResiduals(of: integers, count: count, into: trial)
                var byteCount = BitPacking.plan(trial, count: count &- 1, widths: widths(trial, count))
                let baseByteCount =
                    predictor.hasBase ? Varint.byteCount(Varint.zigzag(Int64(bitPattern: base))) : 0
                byteCount &+= baseByteCount
                if effort == .compaction, count > fewForHuffman,
                    let plan = Huffman.plan(trial, count: count &- 1),
                    plan.byteCount &+ baseByteCount < huffman?.byteCount ?? .max
                {
                    huffman = (predictor, plan.byteCount &+ baseByteCount, plan)
                }
                guard byteCount < bestByteCount else { continue }
                (bestPredictor, bestBase, bestByteCount) = (predictor, base, byteCount)
                swap(&trial, &best)
            }
            // Packed bits are read several times as fast.
            if let huffman, huffman.byteCount &* 100 < bestByteCount &* 97 {
                let base = huffman.predictor.makeResiduals(of: integers, count: count, into: trial)
                bytes.append(huffman.predictor.rawValue | BackEnd.huffman.rawValue << 4)
                Varint.append(divisor, to: &bytes)
                if huffman.predictor.hasBase {
                    Varint.append(signed: Int64(bitPattern: base), to: &bytes)
                }
                Huffman.append(trial, count: count &- 1, huffman.plan, to: &bytes)
                return
            }
            bytes.append(bestPredictor.rawValue | BackEnd.bitPacking.rawValue << 4)
            Varint.append(divisor, to: &bytes)
            if bestPredictor.hasBase { Varint.append(signed: Int64(bitPattern: bestBase), to: &bytes) }
            BitPacking.append(best, count: count &- 1, widths: widths(best, count), to: &bytes)
        }
    }

    /// Reads a column of `count` >= 1 integers to `integers`.
    static func decode(
        from reader: inout ByteReader,
        count: Int,
        to integers: UnsafeMutablePointer<UInt64>
    ) throws(CodecError) {
        let first = UInt64(bitPattern: try reader.readSignedVarint())
        let control = try reader.readUInt8()
        guard control != allEqual else {
            integers.initialize(repeating: first, count: count)
            return
        }
        guard let predictor = Predictor(rawValue: control & 0x0f) else {
            throw .unsupportedPredictor(control & 0x0f)
        }
        guard let backEnd = BackEnd(rawValue: control >> 4) else {
            throw .unsupportedBackEnd(control >> 4)
        }
        let divisor = try reader.readVarint()
        guard divisor != 0 else { throw .badHeaderByte(field: .divisor, value: 0) }
        let base = predictor.hasBase ? UInt64(bitPattern: try reader.readSignedVarint()) : 0
        var decoder = ResidualDecoder(predictor, first: first, divisor: divisor, base: base)
        integers[0] = first
        switch backEnd {
        case .bitPacking:
            try BitPacking.decode(
                from: &reader,
                count: count &- 1,
                to: integers + 1,
                through: &decoder
            )
        case .huffman:
            try Huffman.decode(from: &reader, count: count &- 1, to: integers + 1, through: &decoder)
        }
    }

    /// Reads a column of `count` >= 1 integers into an array of its own.
    static func read(from reader: inout ByteReader, count: Int) throws(CodecError) -> [UInt64] {
        try [UInt64](unsafeUninitializedCapacity: count) { buffer, readCount throws(CodecError) in
            guard let start = buffer.baseAddress else { return }
            try decode(from: &reader, count: count, to: start)
            readCount = count
        }
    }

    /// Reads a column if all its integers are equal, and answers the integer; otherwise reads nothing.
    static func decodeIfAllEqual(from reader: inout ByteReader) throws(CodecError) -> UInt64? {
        var ahead = reader
        let first = try ahead.readSignedVarint()
        guard try ahead.readUInt8() == allEqual else { return nil }
        reader = ahead
        return UInt64(bitPattern: first)
    }

    // MARK: Divisor

    /// The greatest common divisor of the offsets from the first integer; 0 if all are equal.
    private static func commonDivisor(_ integers: UnsafePointer<UInt64>, count: Int) -> UInt64 {
        let first = integers[0]
        var divisor: UInt64 = 0
        for index in 1..<max(count, 1) {
            var rest = Int64(bitPattern: integers[index] &- first).magnitude
            guard rest != divisor else { continue }
            while rest != 0 { (divisor, rest) = (rest, divisor % rest) }
            if divisor == 1 { break }
        }
        return divisor
    }

    /// Replaces every integer by its offset from the first, divided by `divisor`, which divides them all.
    ///
    /// An exact division by an odd number is the multiplication by its inverse modulo 2^64, found by Newton's
    /// iteration, which doubles the right bits each time (Warren, Hacker's Delight, 10-16).
    private static func divideOffsets(
        _ integers: UnsafeMutablePointer<UInt64>,
        count: Int,
        by divisor: UInt64
    ) {
        let shift = Int64(divisor.trailingZeroBitCount)
        let odd = divisor &>> UInt64(shift)
        var inverse = odd
        for _ in 0..<5 { inverse = inverse &* (2 &- odd &* inverse) }
        let first = integers[0]
        for index in 0..<count {
            let offset = Int64(bitPattern: integers[index] &- first) &>> shift
            integers[index] = UInt64(bitPattern: offset) &* inverse
        }
    }

    /// The room for the block widths behind the residuals of a column of `count` integers.
    private static func widths(
        _ residuals: UnsafeMutablePointer<UInt64>,
        _ count: Int
    ) -> UnsafeMutablePointer<UInt8> {
        UnsafeMutableRawPointer(residuals + count).assumingMemoryBound(to: UInt8.self)
    }
}
