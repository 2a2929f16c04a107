import ChunkCodec
import Model

extension RollupCodec {
    /// Bucket starts lie within this many milliseconds of the epoch.
    private static let latestMillis: Int64 = 1 << 60

    /// The buckets of a chunk whose bytes fill `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The chunk's value column.
    ///   - starts: Where they begin.
    ///   - level: The length of the buckets.
    ///   - parts: What is wanted of their states; the rest may be as in empty ones.
    /// - Returns: As many buckets as there are starts.
    /// - Throws: `CodecError` for what no encoder writes, as far as it is looked at.
    static func decode(
        _ bytes: ArraySlice<UInt8>,
        starts: [Int64],
        level: RollupLevel,
        _ parts: WindowParts
    ) throws(CodecError) -> [RollupBucket] {
        var decoder = try RollupDecoder(bytes, starts: starts, level: level)
        try decoder.decode(parts)
        return decoder.buckets
    }

    /// Throws unless `starts` are bucket starts that rise.
    fileprivate static func check(_ starts: [Int64], _ level: RollupLevel) throws(CodecError) {
        var previous = -latestMillis
        for start in starts {
            guard start > previous, start < latestMillis, start % level.millis == 0 else {
                throw .badException
            }
            previous = start
        }
    }
}

/// Decodes the buckets of one chunk.
private struct RollupDecoder {
    private(set) var buckets: [RollupBucket]
    private let flags: RollupCodec.Flags
    private let level: RollupLevel
    private let digits: Int
    private var interval: Int64 = 0
    private var reader: ByteReader

    init(_ bytes: ArraySlice<UInt8>, starts: [Int64], level: RollupLevel) throws(CodecError) {
        reader = ByteReader(bytes)
        self.level = level
        try RollupCodec.check(starts, level)
        buckets = starts.map { RollupBucket(start: $0) }
        flags = RollupCodec.Flags(rawValue: try reader.readUInt8())
        guard !flags.isSuperset(of: [.allEdges, .someEdges]) else {
            throw .badException
        }
        digits = flags.contains(.decimal) ? Int(try reader.readUInt8()) : 0
        guard digits <= RollupCodec.mostDigits else { throw .badException }
        interval = Int64(try reader.readCount(limit: Int(RollupLevel.day.millis)))
    }

    mutating func decode(_ parts: WindowParts) throws(CodecError) {
        let (edges, filled) = try readCounts()
        if !filled.isEmpty { try readTimes(filled) }
        if flags.contains(.decimal) {
            try readDecimals(edges, filled, parts)
        } else {
            try readDoubles(edges, filled, parts)
        }
        if !filled.isEmpty { try readAreas(filled, parts) }
        try reader.expectEnd()
    }

    // MARK: - Counts and times

    /// Reads what is on the starts, and the counts; gives the buckets with a number on the start, and those
    /// with numbers behind it.
    private mutating func readCounts() throws(CodecError) -> (edges: [Int], filled: [Int]) {
        if flags.contains(.allEdges) {
            for index in buckets.indices { buckets[index].edge = .number }
        } else if flags.contains(.someEdges) {
            let kinds = try readIntegers(buckets.count, 0...2)
            for index in buckets.indices {
                buckets[index].edge = RollupBucket.Edge(rawValue: UInt8(kinds[index])) ?? .none
            }
        }
        // A sample takes a millisecond.
        let counts = try readIntegers(buckets.count, 0...level.millis)
        for index in buckets.indices { buckets[index].open.count = Int(counts[index]) }
        if flags.contains(.nans) {
            let counts = try readIntegers(buckets.count, 0...level.millis)
            for index in buckets.indices { buckets[index].open.nanCount = Int(counts[index]) }
        }
        return (
            buckets.indices.filter { buckets[$0].edge == .number },
            buckets.indices.filter { buckets[$0].open.count > 0 }
        )
    }

    private mutating func readTimes(_ filled: [Int]) throws(CodecError) {
        let firsts = try readIntegers(filled.count, 1...level.millis - 1)
        let isRegular = flags.contains(.regular)
        let lasts = isRegular ? [] : try readIntegers(filled.count, 1...level.millis - 1)
        for (position, index) in filled.enumerated() {
            let first = firsts[position]
            // Both factors are at most the milliseconds of a day.
            let last = isRegular ? first + interval * Int64(buckets[index].open.count - 1) : lasts[position]
            guard first <= last, last < level.millis else { throw .badException }
            buckets[index].open.firstMillis = buckets[index].start + first
            buckets[index].open.lastMillis = buckets[index].start + last
        }
    }

    // MARK: - Values

    private mutating func readDoubles(
        _ edges: [Int],
        _ filled: [Int],
        _ parts: WindowParts
    ) throws(CodecError) {
        if !edges.isEmpty {
            for (index, value) in zip(edges, try readColumn(edges.count)) { buckets[index].edgeValue = value }
        }
        guard !filled.isEmpty else { return }
        // The area follows from the sum and the last number, the extremes from the ends.
        if try isPresent(parts.contains(.ends) || parts.contains(.extremes)) {
            for (index, value) in zip(filled, try readColumn(filled.count)) {
                buckets[index].open.firstValue = value
            }
        }
        if try isPresent(parts.contains(.ends) || parts.contains(.extremes)) {
            for (index, value) in zip(filled, try readColumn(filled.count)) {
                buckets[index].open.lastValue = value
            }
        }
        if try isPresent(parts.contains(.sum) || parts.contains(.area)) {
            for (index, value) in zip(filled, try readColumn(filled.count)) {
                buckets[index].open.sum = value
            }
        }
        try readExtremes(filled, parts) { stored, _, _ in stored }
        if flags.contains(.resets), try isPresent(parts.contains(.increase)) {
            for (index, value) in zip(filled, try readColumn(filled.count)) {
                buckets[index].open.resetSum = value
            }
        }
    }

    private mutating func readDecimals(
        _ edges: [Int],
        _ filled: [Int],
        _ parts: WindowParts
    ) throws(CodecError) {
        let power = RollupCodec.powers[digits]
        let edgeMisses = edges.isEmpty ? [] : try readIntegers(edges.count)
        let firstMisses = filled.isEmpty ? [] : try readIntegers(filled.count)
        let lastMisses = filled.isEmpty ? [] : try readIntegers(filled.count)
        let wantsSum = parts.contains(.sum) || parts.contains(.area)
        var sums: [Int64] = []
        if !filled.isEmpty, try isPresent(wantsSum) { sums = try readIntegers(filled.count) }
        var (before, edge, position): (Int64, Int, Int) = (0, 0, 0)
        for index in buckets.indices {
            if buckets[index].edge == .number {
                before &+= edgeMisses[edge]
                buckets[index].edgeValue = Double(before) / power
                edge += 1
            }
            guard buckets[index].open.count > 0 else { continue }
            let first = before &+ firstMisses[position]
            let last = first &+ lastMisses[position]
            before = last
            buckets[index].open.firstValue = Double(first) / power
            buckets[index].open.lastValue = Double(last) / power
            if !sums.isEmpty {
                let guess = RollupGuess.sum(count: buckets[index].open.count, first: first, last: last)
                buckets[index].open.sum = Double(guess &+ sums[position]) / power
            }
            position += 1
        }
        guard !filled.isEmpty else { return }
        try readExtremes(filled, parts) { miss, end, sign in
            // The miss is an integer; the end is one divided by the power.
            ((end * power).rounded() + sign * miss) / power
        }
        if flags.contains(.resets), try isPresent(parts.contains(.increase)) {
            for (index, value) in zip(filled, try readIntegers(filled.count)) {
                buckets[index].open.resetSum = Double(value) / power
            }
        }
    }

    /// Reads the extremes, or takes those of the ends; `value` makes one of what is stored and of that end.
    private mutating func readExtremes(
        _ filled: [Int],
        _ parts: WindowParts,
        _ value: (_ stored: Double, _ end: Double, _ sign: Double) -> Double
    ) throws(CodecError) {
        guard flags.contains(.extremes) else {
            guard parts.contains(.extremes) else { return }
            for index in filled {
                let state = buckets[index].open
                buckets[index].open.least = min(state.firstValue, state.lastValue)
                buckets[index].open.greatest = max(state.firstValue, state.lastValue)
            }
            return
        }
        if try isPresent(parts.contains(.extremes)) {
            for (index, stored) in zip(filled, try readColumn(filled.count)) {
                let state = buckets[index].open
                buckets[index].open.least = value(stored, min(state.firstValue, state.lastValue), -1)
            }
        }
        if try isPresent(parts.contains(.extremes)) {
            for (index, stored) in zip(filled, try readColumn(filled.count)) {
                let state = buckets[index].open
                buckets[index].open.greatest = value(stored, max(state.firstValue, state.lastValue), 1)
            }
        }
    }

    private mutating func readAreas(_ filled: [Int], _ parts: WindowParts) throws(CodecError) {
        var areas: [Double] = []
        if flags.contains(.areas), try isPresent(parts.contains(.area)) {
            areas = try readColumn(filled.count)
        }
        guard parts.contains(.area) else { return }
        for (position, index) in filled.enumerated() {
            let state = buckets[index].open
            let guess = RollupCodec.guessedArea(sum: state.sum, last: state.lastValue, interval: interval)
            let stored = areas.isEmpty ? 0 : areas[position]
            // A positive zero stands for the guess, a negative one for zero.
            buckets[index].open.area = stored.bitPattern == 0 ? guess : stored + 0
        }
    }

    // MARK: - Columns

    /// Whether the column that comes is wanted; if not, passes it.
    private mutating func isPresent(_ isWanted: Bool) throws(CodecError) -> Bool {
        if !isWanted { try reader.skip(count: try reader.readCount(limit: 1 << 40) >> 2) }
        return isWanted
    }

    private mutating func readColumn(_ count: Int) throws(CodecError) -> [Double] {
        let head = try reader.readCount(limit: 1 << 40)
        let bytes = try reader.readBytes(count: head >> 2)
        var values: [Double] = []
        switch RollupCodec.ColumnForm(rawValue: UInt8(head & 3)) {
        case .values: try ValueColumn.decode(bytes, count: count, into: &values)
        case .equal:
            var column = ByteReader(bytes)
            values = [Double](repeating: Double(try column.readSignedVarint()), count: count)
            try column.expectEnd()
        case .varints:
            guard count <= RollupCodec.mostVarints else { throw .badException }
            var column = ByteReader(bytes)
            for _ in 0..<count { values.append(Double(try column.readSignedVarint())) }
            try column.expectEnd()
        case nil: throw .badException
        }
        return values
    }

    private mutating func readIntegers(
        _ count: Int,
        _ range: ClosedRange<Int64> = -(1 << 54)...(1 << 54)
    ) throws(CodecError) -> [Int64] {
        var integers: [Int64] = []
        integers.reserveCapacity(count)
        for value in try readColumn(count) {
            guard let integer = Int64(exactly: value), range.contains(integer) else { throw .badException }
            integers.append(integer)
        }
        return integers
    }
}
