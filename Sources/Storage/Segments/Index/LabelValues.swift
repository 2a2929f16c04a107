import ChunkCodec

#if canImport(Glibc)
import Glibc
#endif

/// The values of one label name while an index is built, each with the series that have it.
///
/// An open-addressing table over one array of bytes: values can be many, one for each series even.
struct LabelValues: Sendable {
    /// One value.
    struct Value: Sendable {
        fileprivate var start: Int
        fileprivate var byteCount: UInt32
        fileprivate var hash: UInt32
        /// The series that have it.
        fileprivate(set) var list = OrdinalList()
    }

    private var bytes: [UInt8] = []
    private var values: [Value] = []
    private var slots = [Int32](repeating: -1, count: 16)
    /// The value found last; neighbours in label order often have the same.
    private var last = 0
    private var listByteCount = 0
    /// Values before this one are passed over.
    private let low: [UInt8]
    /// From this value on values are passed over; nil for none.
    private(set) var high: [UInt8]?

    /// No values; those before `low` are passed over when they are added.
    init(from low: [UInt8] = []) {
        self.low = low
    }

    /// The number of values.
    var count: Int { values.count }

    /// About what it takes in memory, in bytes.
    var byteCount: Int {
        bytes.count + values.count * MemoryLayout<Value>.stride + slots.count * 4 + listByteCount
    }

    /// Notes that the series `ordinal`, above all noted ones, has the value `packed[range]`.
    mutating func add(_ packed: [UInt8], _ range: Range<Int>, _ ordinal: UInt32) {
        if values.isEmpty || !isEqual(last, packed, range) {
            guard !packed[range].lexicographicallyPrecedes(low) else { return }
            if let high, !packed[range].lexicographicallyPrecedes(high) { return }
            last = place(packed, range)
        }
        let before = values[last].list.extraByteCount
        values[last].list.append(ordinal)
        listByteCount += values[last].list.extraByteCount - before
    }

    /// Forgets the upper half of the values, and passes over such values from now on.
    mutating func dropUpperHalf() {
        let order = sortedIndices()
        guard order.count > 1 else { return }
        let kept = order[..<(order.count / 2)].map { values[$0] }
        high = bytes(of: values[order[order.count / 2]])
        let old = bytes
        bytes = []
        values = []
        listByteCount = 0
        slots = [Int32](repeating: -1, count: 16)
        last = 0
        for value in kept {
            let start = value.start
            let index = place(old, start..<start + Int(value.byteCount))
            values[index].list = value.list
            listByteCount += value.list.extraByteCount
        }
    }

    /// Calls `body` with each value and its list, in the order of the values' bytes.
    func forEachSorted(
        _ body: (ArraySlice<UInt8>, OrdinalList) throws(FileError) -> Void
    ) throws(FileError) {
        for index in sortedIndices() {
            let value = values[index]
            try body(bytes[value.start..<value.start + Int(value.byteCount)], value.list)
        }
    }

    // MARK: - Private

    private func sortedIndices() -> [Int] {
        values.indices.sorted { left, right in compare(values[left], values[right]) < 0 }
    }

    private func bytes(of value: Value) -> [UInt8] {
        Array(bytes[value.start..<value.start + Int(value.byteCount)])
    }

    private func compare(_ left: Value, _ right: Value) -> Int {
        let common = Int(min(left.byteCount, right.byteCount))
        let order = unsafe bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return Int32(0) }
            return unsafe memcmp(start + left.start, start + right.start, common)
        }
        return order != 0 ? Int(order) : Int(left.byteCount) - Int(right.byteCount)
    }

    private func isEqual(_ value: Int, _ packed: [UInt8], _ range: Range<Int>) -> Bool {
        let known = values[value]
        guard Int(known.byteCount) == range.count else { return false }
        return unsafe bytes.withUnsafeBytes { one in
            unsafe packed.withUnsafeBytes { other in
                guard let left = one.baseAddress, let right = other.baseAddress else { return true }
                return unsafe memcmp(left + known.start, right + range.lowerBound, range.count) == 0
            }
        }
    }

    private mutating func place(_ packed: [UInt8], _ range: Range<Int>) -> Int {
        let hash = LabelValues.hash(packed, range)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] >= 0 {
            let index = Int(slots[slot])
            if values[index].hash == hash, isEqual(index, packed, range) { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        values.append(Value(start: bytes.count, byteCount: UInt32(range.count), hash: hash))
        bytes.append(contentsOf: packed[range])
        slots[slot] = Int32(values.count - 1)
        if values.count * 2 > slots.count { grow() }
        return values.count - 1
    }

    private mutating func grow() {
        slots = [Int32](repeating: -1, count: slots.count * 2)
        for (index, value) in values.enumerated() {
            var slot = Int(value.hash) & (slots.count - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index)
        }
    }

    /// The hash of Swift's library: seeded anew in each process.
    private static func hash(_ packed: [UInt8], _ range: Range<Int>) -> UInt32 {
        var hasher = Hasher()
        unsafe packed.withUnsafeBytes {
            unsafe hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[range]))
        }
        return UInt32(truncatingIfNeeded: hasher.finalize())
    }
}
