/// The distinct values of a column, the most frequent first: kind DICT of docs/formats/chunk.md.
struct ValueDictionary {
    /// The most values that are tried.
    static let largestCount = 4096
    /// The exponent that stands for values as bits.
    private static let rawExponent: UInt8 = 99

    private var bits: [UInt64]

    /// The dictionary of `values`, whose ranks go to `ranks`; nil if more than `most` are distinct.
    init?(_ values: UnsafeBufferPointer<Double>, most: Int, ranks: UnsafeMutablePointer<UInt64>) {
        var ids: [UInt64: Int] = [:]
        var counts: [Int] = []
        bits = []
        for (index, value) in values.enumerated() {
            let pattern = value.bitPattern
            let id: Int
            if let known = ids[pattern] {
                id = known
            } else {
                guard bits.count < most else { return nil }
                id = bits.count
                ids[pattern] = id
                bits.append(pattern)
                counts.append(0)
            }
            counts[id] += 1
            ranks[index] = UInt64(id)
        }
        let order = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        var rankOfID = [UInt64](repeating: 0, count: counts.count)
        for (rank, id) in order.enumerated() { rankOfID[id] = UInt64(rank) }
        for index in values.indices { ranks[index] = rankOfID[Int(ranks[index])] }
        bits = order.map { bits[$0] }
    }

    /// Appends the values: as integers over a power of ten if all of them are such, else as bits.
    func append(to bytes: inout [UInt8]) {
        Varint.append(count: bits.count, to: &bytes)
        var integers = [UInt64](repeating: 0, count: bits.count)
        var exceptions = Exceptions()
        let values = bits.map(Double.init(bitPattern:))
        let exponent = values.withUnsafeBufferPointer { values in
            integers.withUnsafeMutableBufferPointer { integers in
                integers.baseAddress.flatMap {
                    DecimalMapping.map(values, to: $0, exceptions: &exceptions)
                }
            }
        }
        if let exponent, exceptions.isEmpty {
            bytes.append(UInt8(truncatingIfNeeded: exponent))
            for integer in integers { Varint.append(signed: Int64(bitPattern: integer), to: &bytes) }
        } else {
            bytes.append(Self.rawExponent)
            for pattern in bits { bytes.append(littleEndian: pattern) }
        }
    }

    /// Reads the dictionary of a column of `sampleCount` values.
    init(from reader: inout ByteReader, sampleCount: Int) throws(CodecError) {
        let count = try reader.readCount(limit: min(sampleCount, reader.remainingCount))
        let exponent = try reader.readUInt8()
        bits = []
        bits.reserveCapacity(count)
        if exponent == Self.rawExponent {
            for _ in 0..<count { bits.append(try reader.readUInt64()) }
            return
        }
        guard exponent <= DecimalMapping.maxExponent else {
            throw .badHeaderByte(field: .exponent, value: exponent)
        }
        let power = DecimalMapping.powers[Int(exponent)]
        for _ in 0..<count {
            bits.append((Double(try reader.readSignedVarint()) / power).bitPattern)
        }
    }

    /// Replaces `count` ranks by the bits of their values.
    func replaceRanks(_ words: UnsafeMutablePointer<UInt64>, count: Int) throws(CodecError) {
        try bits.withUnsafeBufferPointer { bits throws(CodecError) in
            let limit = UInt64(bits.count)
            for index in 0..<count {
                guard words[index] < limit else { throw .badRank }
                words[index] = bits[Int(truncatingIfNeeded: words[index])]
            }
        }
    }
}
