import ChunkCodec
import Model

extension RollupCodec {
    /// Bucket starts lie within this many milliseconds of the epoch.
    private static let latestMillis: Int64 = 1 << 60

    /// Memory that decoding one chunk after the other uses again.
    struct Scratch {
        /// The starts that were found to be right last: chunks of many series have the same.
        fileprivate var starts: [Int64] = []
        fileprivate var level: RollupLevel?
        /// The buckets with a number on the start.
        fileprivate var edges: [Int] = []
        /// The buckets with numbers behind the start.
        fileprivate var filled: [Int] = []
        /// Columns of integers.
        fileprivate var one: [Int64] = []
        fileprivate var two: [Int64] = []
        fileprivate var three: [Int64] = []
        fileprivate var four: [Int64] = []
        /// A column of values.
        fileprivate var values: [Double] = []

        /// No memory yet.
        init() {}
    }

    /// The buckets of a chunk whose bytes fill `bytes`.
    ///
    /// - Parameters:
    ///   - bytes: The chunk's value column.
    ///   - starts: Where they begin.
    ///   - level: The length of the buckets.
    ///   - parts: What is wanted of their states; the rest may be as in empty ones.
    ///   - scratch: What is used again.
    /// - Returns: As many buckets as there are starts.
    /// - Throws: `CodecError` for what no encoder writes, as far as it is looked at.
    static func decode(
        _ bytes: ArraySlice<UInt8>,
        starts: [Int64],
        level: RollupLevel,
        _ parts: WindowParts,
        _ scratch: inout Scratch
    ) throws(CodecError) -> [RollupBucket] {
        if scratch.level != level || scratch.starts != starts {
            try check(starts, level)
            (scratch.starts, scratch.level) = (starts, level)
        }
        var decoder = try RollupDecoder(bytes, starts: starts, level: level)
        try decoder.decode(parts, &scratch)
        return decoder.buckets
    }

    /// The buckets of a chunk whose bytes fill `bytes`, with memory of its own.
    static func decode(
        _ bytes: ArraySlice<UInt8>,
        starts: [Int64],
        level: RollupLevel,
        _ parts: WindowParts
    ) throws(CodecError) -> [RollupBucket] {
        var scratch = Scratch()
        return try decode(bytes, starts: starts, level: level, parts, &scratch)
    }

    /// Throws unless `starts` are bucket starts that rise.
    private static func check(_ starts: [Int64], _ level: RollupLevel) throws(CodecError) {
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
    /// Integers of all columns are at most so far from zero.
    private static let mostInteger: Int64 = 1 << 54
    private static let mostMagnitude = Double(1 << 54)

    private(set) var buckets: [RollupBucket]
    private let flags: RollupCodec.Flags
    private let level: RollupLevel
    private let digits: Int
    private var interval: Int64 = 0
    private var reader: ByteReader

    init(_ bytes: ArraySlice<UInt8>, starts: [Int64], level: RollupLevel) throws(CodecError) {
        reader = ByteReader(bytes)
        self.level = level
        buckets = starts.map { RollupBucket(start: $0) }
        flags = RollupCodec.Flags(rawValue: try reader.readUInt8())
        guard !flags.isSuperset(of: [.allEdges, .someEdges]) else {
            throw .badException
        }
        digits = flags.contains(.decimal) ? Int(try reader.readUInt8()) : 0
        guard digits <= RollupCodec.mostDigits else { throw .badException }
        interval = Int64(try reader.readCount(limit: Int(RollupLevel.day.millis)))
    }

    mutating func decode(_ parts: WindowParts, _ scratch: inout RollupCodec.Scratch) throws(CodecError) {
        try readCounts(&scratch)
        if !scratch.filled.isEmpty { try readTimes(&scratch) }
        if flags.contains(.decimal) {
            try readDecimals(parts, &scratch)
        } else {
            try readDoubles(parts, &scratch)
        }
        if !scratch.filled.isEmpty { try readAreas(parts, &scratch) }
        try reader.expectEnd()
    }

    // MARK: - Counts and times

    /// Reads what is on the starts, and the counts; notes the buckets with a number on the start, and those
    /// with numbers behind it.
    private mutating func readCounts(_ scratch: inout RollupCodec.Scratch) throws(CodecError) {
        scratch.edges.removeAll(keepingCapacity: true)
        scratch.filled.removeAll(keepingCapacity: true)
        if flags.contains(.allEdges) {
            var span = buckets.mutableSpan
            for index in span.indices { span[index].edge = .number }
            scratch.edges.append(contentsOf: span.indices)
        } else if flags.contains(.someEdges) {
            try readIntegers(buckets.count, 0...2, into: &scratch.one, &scratch.values)
            for index in buckets.indices {
                let edge = RollupBucket.Edge(rawValue: UInt8(scratch.one[index])) ?? .none
                buckets[index].edge = edge
                if edge == .number { scratch.edges.append(index) }
            }
        }
        // A sample takes a millisecond.
        try readIntegers(buckets.count, 0...level.millis, into: &scratch.one, &scratch.values)
        if scratch.one.contains(0) {
            for index in buckets.indices where scratch.one[index] > 0 { scratch.filled.append(index) }
        } else {
            scratch.filled.append(contentsOf: buckets.indices)
        }
        var span = buckets.mutableSpan
        for index in span.indices { span[index].open.count = Int(scratch.one[index]) }
        if flags.contains(.nans) {
            try readIntegers(buckets.count, 0...level.millis, into: &scratch.one, &scratch.values)
            for index in buckets.indices { buckets[index].open.nanCount = Int(scratch.one[index]) }
        }
    }

    private mutating func readTimes(_ scratch: inout RollupCodec.Scratch) throws(CodecError) {
        let count = scratch.filled.count
        let range = 1...level.millis - 1
        let isRegular = flags.contains(.regular)
        let (interval, length) = (interval, level.millis)
        try readIntegers(count, range, into: &scratch.one, &scratch.values)
        if !isRegular { try readIntegers(count, range, into: &scratch.two, &scratch.values) }
        var span = buckets.mutableSpan
        for (position, index) in scratch.filled.enumerated() {
            let first = scratch.one[position]
            // Both factors are at most the milliseconds of a day.
            let last =
                isRegular ? first + interval * Int64(span[index].open.count - 1) : scratch.two[position]
            guard first <= last, last < length else { throw .badException }
            span[index].open.firstMillis = span[index].start + first
            span[index].open.lastMillis = span[index].start + last
        }
    }

    // MARK: - Values

    private mutating func readDoubles(
        _ parts: WindowParts,
        _ scratch: inout RollupCodec.Scratch
    ) throws(CodecError) {
        if !scratch.edges.isEmpty {
            try readColumn(scratch.edges.count, into: &scratch.values)
            for (index, value) in zip(scratch.edges, scratch.values) { buckets[index].edgeValue = value }
        }
        guard !scratch.filled.isEmpty else { return }
        // The area follows from the sum and the last number, the extremes from the ends.
        if try isPresent(parts.contains(.ends) || parts.contains(.extremes)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, value) in zip(scratch.filled, scratch.values) {
                buckets[index].open.firstValue = value
            }
        }
        if try isPresent(parts.contains(.ends) || parts.contains(.extremes)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, value) in zip(scratch.filled, scratch.values) {
                buckets[index].open.lastValue = value
            }
        }
        if try isPresent(parts.contains(.sum) || parts.contains(.area)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, value) in zip(scratch.filled, scratch.values) { buckets[index].open.sum = value }
        }
        try readExtremes(parts, &scratch) { stored, _, _ in stored }
        if flags.contains(.resets), try isPresent(parts.contains(.increase)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, value) in zip(scratch.filled, scratch.values) {
                buckets[index].open.resetSum = value
            }
        }
    }

    private mutating func readDecimals(
        _ parts: WindowParts,
        _ scratch: inout RollupCodec.Scratch
    ) throws(CodecError) {
        let power = RollupCodec.powers[digits]
        let count = scratch.filled.count
        if !scratch.edges.isEmpty {
            try readIntegers(scratch.edges.count, into: &scratch.one, &scratch.values)
        }
        var hasSums = false
        if count > 0 {
            try readIntegers(count, into: &scratch.two, &scratch.values)
            try readIntegers(count, into: &scratch.three, &scratch.values)
            hasSums = try isPresent(parts.contains(.sum) || parts.contains(.area))
            if hasSums { try readIntegers(count, into: &scratch.four, &scratch.values) }
        }
        var (before, edge, position): (Int64, Int, Int) = (0, 0, 0)
        var span = buckets.mutableSpan
        for index in span.indices {
            if span[index].edge == .number {
                before &+= scratch.one[edge]
                span[index].edgeValue = Double(before) / power
                edge += 1
            }
            guard span[index].open.count > 0 else { continue }
            let first = before &+ scratch.two[position]
            let last = first &+ scratch.three[position]
            before = last
            span[index].open.firstValue = Double(first) / power
            span[index].open.lastValue = Double(last) / power
            if hasSums {
                let guess = RollupGuess.sum(count: span[index].open.count, first: first, last: last)
                span[index].open.sum = Double(guess &+ scratch.four[position]) / power
            }
            position += 1
        }
        guard count > 0 else { return }
        try readExtremes(parts, &scratch) { miss, end, sign in
            // The miss is an integer; the end is one divided by the power.
            ((end * power).rounded() + sign * miss) / power
        }
        if flags.contains(.resets), try isPresent(parts.contains(.increase)) {
            try readIntegers(count, into: &scratch.one, &scratch.values)
            for (index, value) in zip(scratch.filled, scratch.one) {
                buckets[index].open.resetSum = Double(value) / power
            }
        }
    }

    /// Reads the extremes, or takes those of the ends; `value` makes one of what is stored and of that end.
    private mutating func readExtremes(
        _ parts: WindowParts,
        _ scratch: inout RollupCodec.Scratch,
        _ value: (_ stored: Double, _ end: Double, _ sign: Double) -> Double
    ) throws(CodecError) {
        guard flags.contains(.extremes) else {
            guard parts.contains(.extremes) else { return }
            for index in scratch.filled {
                let state = buckets[index].open
                buckets[index].open.least = min(state.firstValue, state.lastValue)
                buckets[index].open.greatest = max(state.firstValue, state.lastValue)
            }
            return
        }
        if try isPresent(parts.contains(.extremes)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, stored) in zip(scratch.filled, scratch.values) {
                let state = buckets[index].open
                buckets[index].open.least = value(stored, min(state.firstValue, state.lastValue), -1)
            }
        }
        if try isPresent(parts.contains(.extremes)) {
            try readColumn(scratch.filled.count, into: &scratch.values)
            for (index, stored) in zip(scratch.filled, scratch.values) {
                let state = buckets[index].open
                buckets[index].open.greatest = value(stored, max(state.firstValue, state.lastValue), 1)
            }
        }
    }

    private mutating func readAreas(
        _ parts: WindowParts,
        _ scratch: inout RollupCodec.Scratch
    ) throws(CodecError) {
        var hasAreas = false
        if flags.contains(.areas) {
            hasAreas = try isPresent(parts.contains(.area))
            if hasAreas { try readColumn(scratch.filled.count, into: &scratch.values) }
        }
        guard parts.contains(.area) else { return }
        for (position, index) in scratch.filled.enumerated() {
            let state = buckets[index].open
            let guess = RollupCodec.guessedArea(sum: state.sum, last: state.lastValue, interval: interval)
            let stored = hasAreas ? scratch.values[position] : 0
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

    /// Reads a column of numbers.
    private mutating func readColumn(_ count: Int, into values: inout [Double]) throws(CodecError) {
        values.removeAll(keepingCapacity: true)
        let head = try reader.readCount(limit: 1 << 40)
        guard RollupCodec.ColumnForm(rawValue: UInt8(head & 3)) != .values else {
            return try ValueColumn.decode(try reader.readBytes(count: head >> 2), count: count, into: &values)
        }
        var integers: [Int64] = []
        try readIntegers(head, count, into: &integers)
        for integer in integers { values.append(Double(integer)) }
    }

    /// Reads a column of integers, which are in `range`; `values` is only used meanwhile.
    private mutating func readIntegers(
        _ count: Int,
        _ range: ClosedRange<Int64> = -mostInteger...mostInteger,
        into integers: inout [Int64],
        _ values: inout [Double]
    ) throws(CodecError) {
        integers.removeAll(keepingCapacity: true)
        let head = try reader.readCount(limit: 1 << 40)
        if RollupCodec.ColumnForm(rawValue: UInt8(head & 3)) == .values {
            values.removeAll(keepingCapacity: true)
            try ValueColumn.decode(try reader.readBytes(count: head >> 2), count: count, into: &values)
            integers.reserveCapacity(count)
            for value in values {
                // Not so for a NaN either.
                guard value.magnitude <= RollupDecoder.mostMagnitude else { throw .badException }
                let integer = Int64(value)
                guard Double(integer) == value else { throw .badException }
                integers.append(integer)
            }
        } else {
            try readIntegers(head, count, into: &integers)
        }
        var (least, greatest) = (range.lowerBound, range.lowerBound)
        for integer in integers { (least, greatest) = (min(least, integer), max(greatest, integer)) }
        guard least == range.lowerBound, greatest <= range.upperBound else { throw .badException }
    }

    /// Appends the integers of a column that is no value column, whose head is `head`.
    private mutating func readIntegers(
        _ head: Int,
        _ count: Int,
        into integers: inout [Int64]
    ) throws(CodecError) {
        let end = reader.offset + (head >> 2)
        switch RollupCodec.ColumnForm(rawValue: UInt8(head & 3)) {
        case .equal:
            let integer = try reader.readSignedVarint()
            integers.append(contentsOf: repeatElement(integer, count: count))
        case .varints:
            guard count <= RollupCodec.mostVarints else { throw .badException }
            try reader.readSignedVarints(count: count, into: &integers)
        case .values, nil: throw .badException
        }
        guard reader.offset == end else { throw .badException }
    }
}
