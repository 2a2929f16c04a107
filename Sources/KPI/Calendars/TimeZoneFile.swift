/// Reads a compiled time zone file.
///
/// Source: RFC 9636 (TZif). Of a file with 64-bit data only those are read. What its last line says about the
/// time after the listed changes is worked out up to the year 2400; after that the last offset stays.
enum TimeZoneFile {
    private static let lastYear = 2400

    /// The zone `name` of the file's `bytes`, or nil if they are no such file.
    static func parse(_ bytes: [UInt8], name: String) -> TimeZoneRules? {
        var reader = Reader(bytes: bytes)
        guard var header = reader.header() else { return nil }
        if header.version >= UInt8(ascii: "2") {
            guard reader.skip(header.blockSize(timeSize: 4)), let second = reader.header() else {
                return nil
            }
            header = second
            return rules(&reader, header, timeSize: 8, name: name)
        }
        return rules(&reader, header, timeSize: 4, name: name)
    }

    private static func rules(
        _ reader: inout Reader,
        _ header: Header,
        timeSize: Int,
        name: String
    ) -> TimeZoneRules? {
        guard header.typeCount > 0 else { return nil }
        var changes: [Int64] = []
        for _ in 0..<header.timeCount {
            guard let time = reader.integer(size: timeSize) else { return nil }
            if let last = changes.last, last >= time { return nil }
            changes.append(time)
        }
        var types: [Int] = []
        for _ in 0..<header.timeCount {
            guard let type = reader.byte(), Int(type) < header.typeCount else { return nil }
            types.append(Int(type))
        }
        var typeOffsets: [Int64] = []
        for _ in 0..<header.typeCount {
            guard let offset = reader.integer(size: 4), offset.magnitude <= 26 * 3600, reader.skip(2)
            else { return nil }
            typeOffsets.append(offset)
        }
        let rest =
            header.characterCount + header.leapCount * (timeSize + 4) + header.standardCount
            + header.utCount
        guard reader.skip(rest) else { return nil }
        var offsets = [typeOffsets[0]] + types.map { typeOffsets[$0] }
        if timeSize == 8, let line = reader.line(), !line.isEmpty {
            guard let future = RecurringOffsets(line) else { return nil }
            let after = changes.last ?? .min
            for (time, offset) in future.changes(after: after, throughYear: lastYear) {
                changes.append(time)
                offsets.append(offset)
            }
        }
        return TimeZoneRules(name: name, changes: changes, offsets: offsets)
    }

    private struct Header {
        var version: UInt8
        var utCount: Int
        var standardCount: Int
        var leapCount: Int
        var timeCount: Int
        var typeCount: Int
        var characterCount: Int

        func blockSize(timeSize: Int) -> Int {
            timeCount * (timeSize + 1) + typeCount * 6 + characterCount + leapCount * (timeSize + 4)
                + standardCount + utCount
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        mutating func byte() -> UInt8? {
            guard position < bytes.count else { return nil }
            defer { position += 1 }
            return bytes[position]
        }

        mutating func skip(_ count: Int) -> Bool {
            guard count >= 0, count <= bytes.count - position else { return false }
            position += count
            return true
        }

        /// A big-endian two's complement number of 4 or 8 bytes.
        mutating func integer(size: Int) -> Int64? {
            guard size <= bytes.count - position else { return nil }
            var value: UInt64 = 0
            for byte in bytes[position..<position + size] { value = value << 8 | UInt64(byte) }
            position += size
            return size == 8
                ? Int64(bitPattern: value) : Int64(Int32(truncatingIfNeeded: value))
        }

        mutating func header() -> Header? {
            guard bytes.dropFirst(position).starts(with: "TZif".utf8), skip(4), let version = byte(),
                skip(15)
            else { return nil }
            var counts: [Int] = []
            for _ in 0..<6 {
                guard let count = integer(size: 4), (0...1_000_000).contains(count) else { return nil }
                counts.append(Int(count))
            }
            return Header(
                version: version,
                utCount: counts[0],
                standardCount: counts[1],
                leapCount: counts[2],
                timeCount: counts[3],
                typeCount: counts[4],
                characterCount: counts[5]
            )
        }

        /// The text between the next two line feeds.
        mutating func line() -> String? {
            guard byte() == 0x0a, let end = bytes[position...].firstIndex(of: 0x0a) else { return nil }
            return String(validating: bytes[position..<end], as: UTF8.self)
        }
    }
}
