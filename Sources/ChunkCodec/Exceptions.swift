/// The values of a column that its mapping cannot express: `EXC` of docs/formats/chunk.md.
struct Exceptions {
    private var positions: [UInt64] = []
    private var bits: [UInt64] = []

    /// The bit patterns that have a form of one byte.
    private static let shortForms: [(form: UInt8, bits: UInt64)] = [
        (1, 0x7ff0_0000_0000_0002), (2, 0x7ff8_0000_0000_0000), (3, 0x7ff8_0000_0000_0001),
    ]
    /// The form of a bit pattern that follows in eight bytes.
    private static let rawForm: UInt8 = 0

    var count: Int { positions.count }
    var isEmpty: Bool { positions.isEmpty }

    /// Adds the value with these bits; positions rise.
    mutating func append(position: Int, bits: UInt64) {
        positions.append(UInt64(truncatingIfNeeded: position))
        self.bits.append(bits)
    }

    mutating func removeAll() {
        positions.removeAll(keepingCapacity: true)
        bits.removeAll(keepingCapacity: true)
    }

    /// Puts the exceptional values into their places of a column of `Double` bits.
    func apply(to words: UnsafeMutablePointer<UInt64>) {
        for (position, bits) in zip(positions, bits) { words[Int(truncatingIfNeeded: position)] = bits }
    }

    /// Appends the encoded exceptions.
    func append(to bytes: inout [UInt8], effort: EncodingEffort) {
        Varint.append(count: count, to: &bytes)
        guard !isEmpty else { return }
        var distinct: [UInt64] = []
        var idOfBits: [UInt64: UInt64] = [:]
        var ids: [UInt64] = []
        var gaps: [UInt64] = []
        var previous = UInt64.max
        for (position, bits) in zip(positions, bits) {
            gaps.append(position &- previous)
            previous = position
            let id = idOfBits[bits] ?? UInt64(distinct.count)
            if id == distinct.count {
                idOfBits[bits] = id
                distinct.append(bits)
            }
            ids.append(id)
        }
        Varint.append(count: distinct.count, to: &bytes)
        for bits in distinct {
            if let short = Self.shortForms.first(where: { $0.bits == bits }) {
                bytes.append(short.form)
            } else {
                bytes.append(Self.rawForm)
                bytes.append(littleEndian: bits)
            }
        }
        Self.append(column: &gaps, effort: effort, to: &bytes)
        Self.append(column: &ids, effort: effort, to: &bytes)
    }

    /// Reads the exceptions of a column of `sampleCount` values.
    init(from reader: inout ByteReader, sampleCount: Int) throws(CodecError) {
        let count = try reader.readCount(limit: sampleCount)
        guard count > 0 else { return }
        let distinctCount = try reader.readCount(limit: count)
        guard distinctCount > 0 else { throw .badException }
        var distinct: [UInt64] = []
        for _ in 0..<distinctCount { distinct.append(try Self.readValue(from: &reader)) }
        positions = try IntegerColumn.read(from: &reader, count: count)
        bits = try IntegerColumn.read(from: &reader, count: count)
        var next: UInt64 = 0
        for index in 0..<count {
            // A gap counts from the position before, so that `next + gap - 1` is this position.
            guard positions[index] >= 1, positions[index] <= UInt64(sampleCount) &- next,
                bits[index] < distinctCount
            else { throw .badException }
            next &+= positions[index]
            positions[index] = next &- 1
            bits[index] = distinct[Int(bits[index])]
        }
    }

    init() {}

    private static func readValue(from reader: inout ByteReader) throws(CodecError) -> UInt64 {
        let form = try reader.readUInt8()
        if form == rawForm { return try reader.readUInt64() }
        guard let short = shortForms.first(where: { $0.form == form }) else {
            throw .badHeaderByte(field: .exceptionForm, value: form)
        }
        return short.bits
    }

    private static func append(
        column: inout [UInt64],
        effort: EncodingEffort,
        to bytes: inout [UInt8]
    ) {
        column.withUnsafeMutableBufferPointer { column in
            guard let start = column.baseAddress else { return }
            IntegerColumn.append(start, count: column.count, effort: effort, to: &bytes)
        }
    }
}
