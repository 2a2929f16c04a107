import ChunkCodec
import Model

/// The bytes of a rollup chunk: the states of its buckets, column by column.
///
/// Columns that follow from others are left out, and each has its length before it, so that a reader decodes
/// only what it wants. Format: docs/formats/chunk.md "Rollup column".
enum RollupCodec {
    /// What the first byte says.
    struct Flags: OptionSet {
        let rawValue: UInt8
        /// Every bucket has a number on its start.
        static let allEdges = Flags(rawValue: 1)
        /// A column says what each bucket has on its start; else, without `allEdges`, none has anything.
        static let someEdges = Flags(rawValue: 2)
        /// NaNs are among the samples.
        static let nans = Flags(rawValue: 4)
        /// The extremes are not always those of first and last.
        static let extremes = Flags(rawValue: 8)
        /// There are falls.
        static let resets = Flags(rawValue: 16)
        /// Not all areas follow from the sum.
        static let areas = Flags(rawValue: 32)
        /// Values are decimal numbers; what stands in their columns is what they miss a guess by.
        static let decimal = Flags(rawValue: 64)
        /// The last times follow from first times, counts and interval.
        static let regular = Flags(rawValue: 128)
    }

    /// What a column of a chunk is; short ones need no blocks.
    enum ColumnForm: UInt8 {
        /// A value column.
        case values = 0
        /// One integer that all values are.
        case equal = 1
        /// Integers, one after the other.
        case varints = 2
    }

    /// The most integers that are written one after the other.
    static let mostVarints = 64
    /// The most digits behind the point of decimal numbers.
    static let mostDigits = 9
    /// Decimal numbers are integers below this one.
    static let mostDecimal = Double(1 << 51)
    /// Integers in columns are at most as large as this one.
    static let mostInteger = Double(1 << 53)
    /// A sum, or an area, may be off by this share of the magnitudes that went into it.
    static let tolerance = 1e-14
    /// 10 to the power of the index.
    static let powers: [Double] = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9]

    /// Appends the buckets of a chunk, starts rising.
    static func encode(
        _ buckets: [RollupBucket],
        level: RollupLevel,
        effort: EncodingEffort,
        into bytes: inout [UInt8]
    ) {
        let encoder = RollupEncoder(buckets, level: level, effort: effort)
        bytes.append(encoder.flags.rawValue)
        bytes.append(contentsOf: encoder.head)
        bytes.append(contentsOf: encoder.columns)
    }

    /// Where the area is guessed to be from the sum: as if all samples but the last went on for `interval`.
    @inline(__always)
    static func guessedArea(sum: Double, last: Double, interval: Int64) -> Double {
        (sum - last) * Double(interval)
    }
}

/// Encodes the buckets of one chunk.
private struct RollupEncoder {
    private(set) var flags: RollupCodec.Flags = []
    /// What stands before the columns.
    private(set) var head: [UInt8] = []
    private(set) var columns: [UInt8] = []
    private let effort: EncodingEffort

    init(_ buckets: [RollupBucket], level: RollupLevel, effort: EncodingEffort) {
        self.effort = effort
        let states = buckets.map(\.open).filter { $0.count > 0 }
        let edges = buckets.filter { $0.edge == .number }
        if edges.count == buckets.count {
            flags.insert(.allEdges)
        } else if buckets.contains(where: { $0.edge != .none }) {
            flags.insert(.someEdges)
            append(buckets.map { Double($0.edge.rawValue) })
        }
        append(buckets.map { Double($0.open.count) })
        if buckets.contains(where: { $0.open.nanCount > 0 }) {
            flags.insert(.nans)
            append(buckets.map { Double($0.open.nanCount) })
        }
        let filled = buckets.filter { $0.open.count > 0 }
        let interval = RollupEncoder.interval(states)
        if !filled.isEmpty {
            append(filled.map { Double($0.open.firstMillis - $0.start) })
            if states.allSatisfy({ $0.lastMillis - $0.firstMillis == Int64($0.count - 1) * interval }) {
                flags.insert(.regular)
            } else {
                append(filled.map { Double($0.open.lastMillis - $0.start) })
            }
        }
        if states.contains(where: {
            $0.least != min($0.firstValue, $0.lastValue)
                || $0.greatest != max($0.firstValue, $0.lastValue)
        }) {
            flags.insert(.extremes)
        }
        if states.contains(where: { $0.totalResets.bitPattern != 0 }) { flags.insert(.resets) }
        if let digits = RollupEncoder.digits(buckets), appendDecimals(buckets, digits) {
            flags.insert(.decimal)
            head.append(UInt8(digits))
        } else {
            appendDoubles(states, edges)
        }
        Varint.append(count: Int(interval), to: &head)
        guard !states.isEmpty else { return }
        // A positive zero stands for what follows from the sum.
        let areas = states.map { state -> Double in
            let guess = RollupCodec.guessedArea(
                sum: RollupEncoder.sum(of: state, flags.contains(.decimal) ? head.first : nil),
                last: state.lastValue,
                interval: interval
            )
            let span = Double(state.lastMillis - state.firstMillis)
            let magnitude = max(state.least.magnitude, state.greatest.magnitude) * span
            let isNear = (guess - state.totalArea).magnitude <= RollupCodec.tolerance * magnitude
            if guess.isFinite && isNear { return 0 }
            return state.totalArea == 0 ? -0.0 : state.totalArea
        }
        if areas.contains(where: { $0.bitPattern != 0 }) {
            flags.insert(.areas)
            append(areas)
        }
    }

    // MARK: - Values

    /// The sum as a reader finds it.
    private static func sum(of state: WindowState, _ digits: UInt8?) -> Double {
        guard let digits else { return state.total }
        let power = RollupCodec.powers[Int(digits)]
        return (state.total * power).rounded() / power
    }

    private mutating func appendDoubles(_ states: [WindowState], _ edges: [RollupBucket]) {
        if !edges.isEmpty { append(edges.map(\.edgeValue)) }
        guard !states.isEmpty else { return }
        append(states.map(\.firstValue))
        append(states.map(\.lastValue))
        append(states.map(\.total))
        if flags.contains(.extremes) {
            append(states.map(\.least))
            append(states.map(\.greatest))
        }
        if flags.contains(.resets) { append(states.map(\.totalResets)) }
    }

    /// Appends the columns of values as decimal numbers; appends nothing and answers false if they are none.
    private mutating func appendDecimals(_ buckets: [RollupBucket], _ digits: Int) -> Bool {
        let power = RollupCodec.powers[digits]
        var (edges, firsts, lasts, sums): ([Double], [Double], [Double], [Double]) = ([], [], [], [])
        var (leasts, greatests, resets): ([Double], [Double], [Double]) = ([], [], [])
        var before: Int64 = 0
        for bucket in buckets {
            if bucket.edge == .number {
                let edge = Int64((bucket.edgeValue * power).rounded())
                edges.append(Double(edge - before))
                before = edge
            }
            let state = bucket.open
            guard state.count > 0 else { continue }
            let first = Int64((state.firstValue * power).rounded())
            let last = Int64((state.lastValue * power).rounded())
            firsts.append(Double(first - before))
            lasts.append(Double(last - first))
            before = last
            let bound =
                RollupCodec.tolerance * max(state.least.magnitude, state.greatest.magnitude)
                * Double(state.count)
            guard let sum = RollupEncoder.decimal(state.total, power, within: bound),
                let reset = RollupEncoder.decimal(state.totalResets, power, within: bound)
            else { return false }
            let guess = RollupGuess.sum(count: state.count, first: first, last: last)
            let (miss, overflow) = sum.subtractingReportingOverflow(guess)
            guard !overflow, miss.magnitude < UInt64(RollupCodec.mostInteger) else { return false }
            sums.append(Double(miss))
            resets.append(Double(reset))
            leasts.append(Double(min(first, last) - Int64((state.least * power).rounded())))
            greatests.append(Double(Int64((state.greatest * power).rounded()) - max(first, last)))
        }
        if !edges.isEmpty { append(edges) }
        guard !firsts.isEmpty else { return true }
        append(firsts)
        append(lasts)
        append(sums)
        if flags.contains(.extremes) {
            append(leasts)
            append(greatests)
        }
        if flags.contains(.resets) { append(resets) }
        return true
    }

    /// The fewest digits behind the point with which all values but sums are decimal numbers; nil if they
    /// are none.
    private static func digits(_ buckets: [RollupBucket]) -> Int? {
        var digits = 0
        func raise(for value: Double) -> Bool {
            if value == 0 { return value.sign == .plus }
            while true {
                let power = RollupCodec.powers[digits]
                let integer = (value * power).rounded()
                guard integer.magnitude < RollupCodec.mostDecimal else { return false }
                if integer / power == value { return true }
                guard digits < RollupCodec.mostDigits else { return false }
                digits += 1
            }
        }
        for bucket in buckets {
            if bucket.edge == .number, !raise(for: bucket.edgeValue) { return nil }
            let state = bucket.open
            guard state.count > 0 else { continue }
            guard raise(for: state.firstValue), raise(for: state.lastValue), raise(for: state.least),
                raise(for: state.greatest)
            else { return nil }
        }
        // More digits make integers larger.
        let power = RollupCodec.powers[digits]
        let isSmall = buckets.allSatisfy { bucket in
            (bucket.edge != .number || (bucket.edgeValue * power).magnitude < RollupCodec.mostDecimal)
                && (bucket.open.count == 0
                    || (max(bucket.open.least.magnitude, bucket.open.greatest.magnitude) * power)
                        < RollupCodec.mostDecimal)
        }
        return isSmall ? digits : nil
    }

    /// `value` times `power` as an integer, if that misses it by no more than `bound`.
    private static func decimal(_ value: Double, _ power: Double, within bound: Double) -> Int64? {
        let integer = (value * power).rounded()
        guard integer.magnitude < RollupCodec.mostInteger, (integer / power - value).magnitude <= bound else {
            return nil
        }
        return Int64(integer)
    }

    /// The usual time between samples, in milliseconds.
    private static func interval(_ states: [WindowState]) -> Int64 {
        guard let state = states.first(where: { $0.count > 1 }) else { return 0 }
        let gaps = Int64(state.count - 1)
        return (state.lastMillis - state.firstMillis + gaps / 2) / gaps
    }

    private mutating func append(_ values: [Double]) {
        let integers = values.allSatisfy(RollupEncoder.isInteger) ? values.map { Int64($0) } : []
        var column: [UInt8] = []
        if let first = integers.first, integers.allSatisfy({ $0 == first }) {
            Varint.append(signed: first, to: &column)
            return append(column, .equal)
        }
        ValueColumn.encode(values, effort: effort, into: &column)
        if !integers.isEmpty, integers.count <= RollupCodec.mostVarints {
            var varints: [UInt8] = []
            for integer in integers { Varint.append(signed: integer, to: &varints) }
            // They are read several times as fast.
            if varints.count * 3 <= column.count * 4 { return append(varints, .varints) }
        }
        append(column, .values)
    }

    private mutating func append(_ column: [UInt8], _ form: RollupCodec.ColumnForm) {
        Varint.append(count: column.count << 2 | Int(form.rawValue), to: &columns)
        columns.append(contentsOf: column)
    }

    private static func isInteger(_ value: Double) -> Bool {
        value.magnitude < RollupCodec.mostInteger && value == value.rounded()
            && (value != 0 || value.sign == .plus)
    }
}

/// What decimal columns of rollups are measured against.
enum RollupGuess {
    /// The sum of `count` numbers that rise evenly.
    @inline(__always)
    static func sum(count: Int, first: Int64, last: Int64) -> Int64 {
        (Int64(truncatingIfNeeded: count) &* (first &+ last)) >> 1
    }
}
