/// Some samples of a series in a few bytes each, as a head keeps all but the newest ones.
///
/// A run holds 1 to 32 samples in the order in which they came, bit for bit. Times are kept as differences of
/// differences, values as differences of integers where a power of ten makes them integers, all in as many
/// bits as the widest of the run needs; other values as they are. It is never stored on disk.
///
/// ```
/// previous run: 8 | count: 1 | values: 1 | bits of a time: 1 | bits of a value: 1 | first time: 8
/// | varint difference to the second time | times, packed | first value: 8 | values, packed
/// ```
///
/// `values` is 0 where all are the same, 1 + e for integers times 10^-e, 255 for values as they are.
@safe struct HeadRun {
    /// The most samples of a run.
    static let longest = 32
    /// The most bytes of a run, and what encoding may write behind it.
    static let mostBytes = 48 + longest * 16 + 16

    private static let header = 20
    private static let constant: UInt8 = 0
    private static let raw: UInt8 = 255
    private static let exponentCount: UInt8 = 5

    private let start: UnsafeRawPointer

    /// The run that begins at `start`.
    @unsafe init(_ start: UnsafeRawPointer) {
        unsafe self.start = start
    }

    /// The run before it of the same series.
    var previous: UnsafeRawPointer? { unsafe start.loadUnaligned(as: UnsafeRawPointer?.self) }
    /// The time of the first sample in milliseconds.
    var firstMillis: Int64 { unsafe start.loadUnaligned(fromByteOffset: 12, as: Int64.self) }
    /// The number of samples.
    var count: Int { Int(unsafe start.load(fromByteOffset: 8, as: UInt8.self)) }

    // MARK: - Writing

    /// Writes `count` samples (1 to 32) to `output`, which has room for `mostBytes`; gives the bytes used.
    ///
    /// `exponent` is the power of ten that made the series' values integers last: tried first, and changed;
    /// `previous` is the run before it of the same series.
    @unsafe static func encode(
        _ samples: UnsafePointer<HeadSample>,
        count: Int,
        exponent: inout UInt8,
        previous: UnsafeRawPointer?,
        to output: UnsafeMutableRawPointer
    ) -> Int {
        unsafe output.storeBytes(of: previous, as: UnsafeRawPointer?.self)
        unsafe output.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 8, as: UInt8.self)
        unsafe output.storeBytes(of: samples[0].millis, toByteOffset: 12, as: Int64.self)
        var end = unsafe output + header
        let timeBits = unsafe putTimes(samples, count, &end)
        unsafe output.storeBytes(of: timeBits, toByteOffset: 10, as: UInt8.self)
        let (kind, valueBits) = unsafe putValues(samples, count, &exponent, &end)
        unsafe output.storeBytes(of: kind, toByteOffset: 9, as: UInt8.self)
        unsafe output.storeBytes(of: valueBits, toByteOffset: 11, as: UInt8.self)
        return unsafe end - output
    }

    private static func putTimes(
        _ samples: UnsafePointer<HeadSample>,
        _ count: Int,
        _ end: inout UnsafeMutableRawPointer
    ) -> UInt8 {
        guard count > 1 else { return 0 }
        var difference = unsafe samples[1].millis &- samples[0].millis
        unsafe putVarint(zigzag(difference), &end)
        var all: UInt64 = 0
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: longest) { changes in
            for index in 2..<max(2, count) {
                let next = unsafe samples[index].millis &- samples[index &- 1].millis
                let change = zigzag(next &- difference)
                unsafe changes[index] = change
                all |= change
                difference = next
            }
            let bits = UInt8(truncatingIfNeeded: 64 &- all.leadingZeroBitCount)
            if bits > 0 { unsafe pack(changes, 2..<count, bits, &end) }
        }
        return UInt8(truncatingIfNeeded: 64 &- all.leadingZeroBitCount)
    }

    private static func putValues(
        _ samples: UnsafePointer<HeadSample>,
        _ count: Int,
        _ exponent: inout UInt8,
        _ end: inout UnsafeMutableRawPointer
    ) -> (kind: UInt8, bits: UInt8) {
        let first = unsafe samples[0].bits
        var difference: UInt64 = 0
        for index in 1..<max(1, count) { difference |= unsafe samples[index].bits ^ first }
        if difference == 0 {
            unsafe end.storeBytes(of: first, as: UInt64.self)
            unsafe end += 8
            return (constant, 0)
        }
        return unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: longest) { changes in
            for candidate in min(exponent, exponentCount)..<exponentCount {
                guard
                    let (integer, all) = unsafe integers(samples, count, power(candidate), changes)
                else { continue }
                exponent = candidate
                unsafe end.storeBytes(of: integer, as: Int64.self)
                unsafe end += 8
                let bits = UInt8(truncatingIfNeeded: 64 &- all.leadingZeroBitCount)
                if bits > 0 { unsafe pack(changes, 1..<count, bits, &end) }
                return (1 &+ candidate, bits)
            }
            exponent = 0
            for index in 0..<count {
                unsafe end.storeBytes(of: samples[index].bits, as: UInt64.self)
                unsafe end += 8
            }
            return (raw, 0)
        }
    }

    /// The first value times `power` as an integer, and the differences of those after it in `changes`;
    /// nil if some value is no such integer.
    @inline(__always)
    private static func integers(
        _ samples: UnsafePointer<HeadSample>,
        _ count: Int,
        _ power: Double,
        _ changes: UnsafeMutableBufferPointer<UInt64>
    ) -> (first: Int64, all: UInt64)? {
        var first: Int64 = 0
        var previous: Int64 = 0
        var all: UInt64 = 0
        for index in 0..<count {
            let bits = unsafe samples[index].bits
            let scaled = (Double(bitPattern: bits) * power).rounded(.toNearestOrEven)
            guard scaled.magnitude < 9_007_199_254_740_992 else { return nil }
            let integer = Int64(scaled)
            // Of the integer, not of `scaled`, which may be -0.
            guard (Double(integer) / power).bitPattern == bits else { return nil }
            if index == 0 {
                first = integer
            } else {
                let change = zigzag(integer &- previous)
                unsafe changes[index] = change
                all |= change
            }
            previous = integer
        }
        return (first, all)
    }

    // MARK: - Reading

    /// Appends the samples to both arrays.
    func decode(into timestamps: inout [Int64], _ values: inout [Double]) {
        let count = count
        let kind = unsafe start.load(fromByteOffset: 9, as: UInt8.self)
        let timeBits = unsafe start.load(fromByteOffset: 10, as: UInt8.self)
        let valueBits = unsafe start.load(fromByteOffset: 11, as: UInt8.self)
        var position = unsafe start + HeadRun.header
        var millis = unsafe start.loadUnaligned(fromByteOffset: 12, as: Int64.self)
        timestamps.append(millis)
        if count > 1 {
            var difference = HeadRun.unzigzag(unsafe HeadRun.varint(&position))
            millis &+= difference
            timestamps.append(millis)
            unsafe HeadRun.unpack(count &- 2, timeBits, &position) { change in
                difference &+= HeadRun.unzigzag(change)
                millis &+= difference
                timestamps.append(millis)
            }
        }
        switch kind {
        case HeadRun.constant:
            let value = Double(bitPattern: unsafe position.loadUnaligned(as: UInt64.self))
            values.append(contentsOf: repeatElement(value, count: count))
        case HeadRun.raw:
            for index in 0..<count {
                let bits = unsafe position.loadUnaligned(fromByteOffset: index &* 8, as: UInt64.self)
                values.append(Double(bitPattern: bits))
            }
        default:
            let power = HeadRun.power(kind &- 1)
            var integer = unsafe position.loadUnaligned(as: Int64.self)
            unsafe position += 8
            values.append(Double(integer) / power)
            unsafe HeadRun.unpack(count &- 1, valueBits, &position) { change in
                integer &+= HeadRun.unzigzag(change)
                values.append(Double(integer) / power)
            }
        }
    }

    // MARK: - Bits

    @inline(__always)
    private static func power(_ exponent: UInt8) -> Double {
        switch exponent {
        case 0: 1
        case 1: 10
        case 2: 100
        case 3: 1000
        default: 10_000
        }
    }

    @inline(__always)
    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value &<< 1) ^ (value &>> 63))
    }

    @inline(__always)
    private static func unzigzag(_ value: UInt64) -> Int64 {
        Int64(bitPattern: (value &>> 1) ^ (0 &- (value & 1)))
    }

    private static func putVarint(_ value: UInt64, _ end: inout UnsafeMutableRawPointer) {
        var rest = value
        while rest >= 0x80 {
            unsafe end.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
            unsafe end += 1
            rest &>>= 7
        }
        unsafe end.storeBytes(of: UInt8(truncatingIfNeeded: rest), as: UInt8.self)
        unsafe end += 1
    }

    private static func varint(_ position: inout UnsafeRawPointer) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte = unsafe position.load(as: UInt8.self)
            unsafe position += 1
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
    }

    /// Writes `bits` (1 to 64) of each value, the lowest first; may write up to 8 bytes behind them.
    @inline(__always)
    private static func pack(
        _ values: UnsafeMutableBufferPointer<UInt64>,
        _ indices: Range<Int>,
        _ bits: UInt8,
        _ end: inout UnsafeMutableRawPointer
    ) {
        let bits = UInt64(bits)
        var word: UInt64 = 0
        var used: UInt64 = 0
        for index in indices {
            let value = unsafe values[index]
            word |= value &<< used
            used &+= bits
            if used >= 64 {
                unsafe end.storeBytes(of: word, as: UInt64.self)
                unsafe end += 8
                used &-= 64
                word = used == 0 ? 0 : value &>> (bits &- used)
            }
        }
        unsafe end.storeBytes(of: word, as: UInt64.self)
        unsafe end += Int(truncatingIfNeeded: (used &+ 7) &>> 3)
    }

    /// Reads `count` values of `bits` (0 to 64) each.
    @inline(__always)
    private static func unpack(
        _ count: Int,
        _ bits: UInt8,
        _ position: inout UnsafeRawPointer,
        _ body: (UInt64) -> Void
    ) {
        guard count > 0 else { return }
        guard bits > 0 else {
            for _ in 0..<count { body(0) }
            return
        }
        let bits = UInt64(bits)
        let mask = UInt64.max &>> (64 &- bits)
        var bit: UInt64 = 0
        for _ in 0..<count {
            let byte = unsafe position + Int(truncatingIfNeeded: bit &>> 3)
            let shift = bit & 7
            var value = unsafe byte.loadUnaligned(as: UInt64.self) &>> shift
            if shift &+ bits > 64 {
                value |= UInt64(unsafe byte.load(fromByteOffset: 8, as: UInt8.self)) &<< (64 &- shift)
            }
            body(value & mask)
            bit &+= bits
        }
        unsafe position += Int(truncatingIfNeeded: (bit &+ 7) &>> 3)
    }
}
