/// The 64-bit xxHash with seed 0, by which Prometheus shifts the slots of its rule groups.
///
/// Source: xxHash fast digest algorithm, specification 0.1.1.
enum XXHash64 {
    private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
    private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
    private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
    private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
    private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5

    /// The hash of `bytes`.
    static func hash(_ bytes: [UInt8]) -> UInt64 {
        var rest = bytes[...]
        var hash = prime5
        if bytes.count >= 32 {
            var lanes = [prime1 &+ prime2, prime2, 0, 0 &- prime1]
            while rest.count >= 32 {
                for index in lanes.indices { lanes[index] = round(lanes[index], word(&rest, 8)) }
            }
            hash =
                rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
            for lane in lanes { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
        }
        hash = hash &+ UInt64(bytes.count)
        while rest.count >= 8 {
            hash = rotate(hash ^ round(0, word(&rest, 8)), 27) &* prime1 &+ prime4
        }
        if rest.count >= 4 { hash = rotate(hash ^ (word(&rest, 4) &* prime1), 23) &* prime2 &+ prime3 }
        while !rest.isEmpty { hash = rotate(hash ^ (word(&rest, 1) &* prime5), 11) &* prime1 }
        hash = (hash ^ (hash >> 33)) &* prime2
        hash = (hash ^ (hash >> 29)) &* prime3
        return hash ^ (hash >> 32)
    }

    private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
        rotate(lane &+ word &* prime2, 31) &* prime1
    }

    private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 - count))
    }

    /// Takes the next bytes, the lowest first.
    private static func word(_ rest: inout ArraySlice<UInt8>, _ byteCount: Int) -> UInt64 {
        defer { rest = rest.dropFirst(byteCount) }
        return rest.prefix(byteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
