/// Builds remote write bodies byte by byte, as the specification has them.
enum WriteBody {
    /// A snappy block of a `WriteRequest` with one series per entry.
    static func make(_ series: [(labels: [(String, String)], samples: [(Double, Int64)])]) -> [UInt8] {
        var message: [UInt8] = []
        for one in series {
            var body: [UInt8] = []
            for (name, value) in one.labels {
                field(1, field(1, Array(name.utf8)) + field(2, Array(value.utf8)), to: &body)
            }
            for (value, millis) in one.samples {
                var sample: [UInt8] = [1 << 3 | 1]
                for shift in stride(from: 0, to: 64, by: 8) {
                    sample.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
                }
                sample.append(2 << 3)
                varint(UInt64(bitPattern: millis), to: &sample)
                field(2, sample, to: &body)
            }
            field(1, body, to: &message)
        }
        return snappy(message)
    }

    /// A snappy block that holds `bytes` as literals.
    static func snappy(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        varint(UInt64(bytes.count), to: &out)
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(60)
            out.append(UInt8(piece.count - 1) << 2)
            out += piece
            rest = rest.dropFirst(piece.count)
        }
        return out
    }

    private static func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        field(number, bytes, to: &out)
        return out
    }

    private static func field(_ number: UInt8, _ bytes: [UInt8], to out: inout [UInt8]) {
        out.append(number << 3 | 2)
        varint(UInt64(bytes.count), to: &out)
        out += bytes
    }

    private static func varint(_ value: UInt64, to out: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            out.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        out.append(UInt8(truncatingIfNeeded: rest))
    }
}
