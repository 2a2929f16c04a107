/// A snappy block encoder for tests: every kind of element occurs, at the generator's whim.
struct SnappyEncoder {
    private var out: [UInt8] = []

    /// `bytes` as one block; repeats are looked for with `generator`, so that equal input gives different
    /// blocks.
    static func encode(_ bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
        var encoder = SnappyEncoder()
        encoder.out.appendVarint(UInt64(bytes.count))
        var start = 0
        var position = 0
        while position < bytes.count {
            guard position > 0, Bool.random(using: &generator) else {
                position += Int.random(in: 1...40, using: &generator)
                continue
            }
            let reach = Bool.random(using: &generator) ? 20 : 100_000
            let offset = Int.random(in: 1...min(position, reach), using: &generator)
            var length = 0
            while length < 64, position + length < bytes.count,
                bytes[position + length] == bytes[position + length - offset]
            { length += 1 }
            guard length > 0 else {
                position += 1
                continue
            }
            encoder.literal(bytes[start..<position], using: &generator)
            encoder.copy(offset: offset, length: length, using: &generator)
            position += length
            start = position
        }
        encoder.literal(bytes[start...], using: &generator)
        return encoder.out
    }

    /// `bytes` as literals only.
    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var generator = SeededGenerator(seed: 1)
        var encoder = SnappyEncoder()
        encoder.out.appendVarint(UInt64(bytes.count))
        encoder.literal(bytes[...], using: &generator)
        return encoder.out
    }

    private mutating func literal(_ bytes: ArraySlice<UInt8>, using generator: inout SeededGenerator) {
        guard !bytes.isEmpty else { return }
        let length = bytes.count - 1
        let needed = length < 1 << 8 ? 1 : length < 1 << 16 ? 2 : length < 1 << 24 ? 3 : 4
        if length < 60, Bool.random(using: &generator) {
            out.append(UInt8(length << 2))
        } else {
            let extra = Int.random(in: needed...4, using: &generator)
            out.append(UInt8((59 + extra) << 2))
            for index in 0..<extra { out.append(UInt8(truncatingIfNeeded: length >> (8 * index))) }
        }
        out.append(contentsOf: bytes)
    }

    private mutating func copy(offset: Int, length: Int, using generator: inout SeededGenerator) {
        if offset < 2048, (4...11).contains(length), Bool.random(using: &generator) {
            out.append(UInt8(1 | (length - 4) << 2 | (offset >> 8) << 5))
            out.append(UInt8(truncatingIfNeeded: offset))
        } else if offset < 65536, Bool.random(using: &generator) {
            out.append(UInt8(2 | (length - 1) << 2))
            for index in 0..<2 { out.append(UInt8(truncatingIfNeeded: offset >> (8 * index))) }
        } else {
            out.append(UInt8(3 | (length - 1) << 2))
            for index in 0..<4 { out.append(UInt8(truncatingIfNeeded: offset >> (8 * index))) }
        }
    }
}
