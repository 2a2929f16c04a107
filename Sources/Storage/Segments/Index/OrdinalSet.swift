import ChunkCodec

/// A set of ordinals of a segment, a bit each.
struct OrdinalSet: Sendable {
    /// The number of series of the segment.
    let seriesCount: Int
    private var words: [UInt64]

    /// No series, or all.
    init(seriesCount: Int, all: Bool = false) {
        self.seriesCount = seriesCount
        words = [UInt64](repeating: 0, count: (seriesCount + 63) / 64)
        if all { insert(0..<seriesCount) }
    }

    /// The series with these ordinals.
    init(seriesCount: Int, _ ordinals: [UInt32]) {
        self.init(seriesCount: seriesCount)
        for ordinal in ordinals { insert(Int(ordinal)..<Int(ordinal) + 1) }
    }

    /// Whether there is none.
    var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    /// Adds the ordinals of a range that is not empty.
    mutating func insert(_ range: Range<Int>) {
        OrdinalSet.forEachWord(of: range) { word, mask in
            words[word] |= mask
            return true
        }
    }

    /// Whether one of a range that is not empty is in the set.
    func intersects(_ range: Range<Int>) -> Bool {
        var isFound = false
        OrdinalSet.forEachWord(of: range) { word, mask in
            isFound = words[word] & mask != 0
            return !isFound
        }
        return isFound
    }

    /// Keeps what is in `other` as well.
    mutating func formIntersection(_ other: OrdinalSet) {
        for index in words.indices { words[index] &= other.words[index] }
    }

    /// Takes out what is in `other`.
    mutating func subtract(_ other: OrdinalSet) {
        for index in words.indices { words[index] &= ~other.words[index] }
    }

    /// Everything in the set, rising.
    var ordinals: [UInt32] {
        var result: [UInt32] = []
        result.reserveCapacity(words.reduce(0) { $0 + $1.nonzeroBitCount })
        for (index, word) in words.enumerated() {
            var rest = word
            while rest != 0 {
                result.append(UInt32(index * 64 + rest.trailingZeroBitCount))
                rest &= rest &- 1
            }
        }
        return result
    }

    /// Calls `body` with each word that the range touches and the bits of the range in it, until it says
    /// false.
    private static func forEachWord(of range: Range<Int>, _ body: (Int, UInt64) -> Bool) {
        let (first, last) = (range.lowerBound / 64, (range.upperBound - 1) / 64)
        for word in first...last {
            var mask = UInt64.max
            if word == first { mask &= .max << UInt64(range.lowerBound % 64) }
            if word == last { mask &= .max >> UInt64(63 - (range.upperBound - 1) % 64) }
            guard body(word, mask) else { return }
        }
    }

    /// The stretches of ordinals that follow each other, as bytes.
    var encoded: [UInt8] {
        var list = OrdinalList()
        for ordinal in ordinals { list.append(ordinal) }
        return list.encoded
    }

    /// What it takes in memory, in bytes.
    var byteCount: Int { 48 + words.count * 8 }
}

/// A set of ordinals in a cache; bytes in place of bits if they take much less memory.
final class KeptSet: CachedContent {
    private let full: OrdinalSet?
    private let encoded: [UInt8]
    private let seriesCount: Int

    /// Keeps `set`.
    init(_ set: OrdinalSet) {
        let encoded = set.encoded
        seriesCount = set.seriesCount
        // Reading it back takes time; only much memory is worth that.
        full = encoded.count < set.byteCount / 8 ? nil : set
        self.encoded = full == nil ? encoded : []
    }

    var byteCount: Int { 96 + encoded.count + (full?.byteCount ?? 0) }

    /// The set.
    var set: OrdinalSet {
        if let full { return full }
        var set = OrdinalSet(seriesCount: seriesCount)
        do throws(CodecError) {
            try OrdinalList.forEachStretch(encoded, encoded.indices, limit: seriesCount) { set.insert($0) }
        } catch {
            preconditionFailure("BUG: a list that was just encoded: \(error)")
        }
        return set
    }
}
