/// A set of 5-minute buckets, as ranges of time in milliseconds that neither overlap nor touch, in order.
///
/// The ends of ranges are the starts of buckets.
struct BucketRanges: Hashable, Sendable {
    /// All of time, but for what would overflow.
    static let all = BucketRanges(Int64.min / 4..<Int64.max / 4)

    private(set) var ranges: [Range<Int64>] = []

    /// No bucket.
    init() {}

    /// The buckets of one range.
    init(_ range: Range<Int64>) { if !range.isEmpty { ranges = [range] } }

    var isEmpty: Bool { ranges.isEmpty }
    /// The start of the first bucket.
    var first: Int64? { ranges.first?.lowerBound }
    /// The end of the last bucket.
    var end: Int64? { ranges.last?.upperBound }
    /// How many buckets there are.
    var count: Int {
        ranges.reduce(0) { $0 + Int(($1.upperBound - $1.lowerBound) / ExpressionBuckets.bucketMillis) }
    }

    /// Whether the bucket at `start` is in the set; O(log n).
    func contains(_ start: Int64) -> Bool {
        let place = place(endingBehind: start)
        return place < ranges.count && ranges[place].lowerBound <= start
    }

    /// Adds the buckets of a range.
    mutating func insert(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        guard let last = ranges.last, range.lowerBound <= last.upperBound else { return ranges.append(range) }
        // Ranges that touch the new one become one with it.
        let low = place(endingBehind: range.lowerBound - 1)
        var high = low
        var merged = range
        while high < ranges.count, ranges[high].lowerBound <= range.upperBound {
            merged =
                min(
                    merged.lowerBound,
                    ranges[high].lowerBound
                )..<max(
                    merged.upperBound,
                    ranges[high].upperBound
                )
            high += 1
        }
        ranges.replaceSubrange(low..<high, with: CollectionOfOne(merged))
    }

    /// Adds the buckets of another set.
    mutating func insert(_ other: BucketRanges) {
        for range in other.ranges { insert(range) }
    }

    /// Takes the buckets of a range out.
    mutating func remove(_ range: Range<Int64>) {
        guard !range.isEmpty else { return }
        let low = place(endingBehind: range.lowerBound)
        var high = low
        var kept: [Range<Int64>] = []
        while high < ranges.count, ranges[high].lowerBound < range.upperBound {
            let old = ranges[high]
            if old.lowerBound < range.lowerBound { kept.append(old.lowerBound..<range.lowerBound) }
            if old.upperBound > range.upperBound { kept.append(range.upperBound..<old.upperBound) }
            high += 1
        }
        ranges.replaceSubrange(low..<high, with: kept)
    }

    /// Takes the buckets of another set out.
    mutating func remove(_ other: BucketRanges) {
        for range in other.ranges { remove(range) }
    }

    /// The buckets that lie in a range, too.
    func inside(_ range: Range<Int64>) -> BucketRanges {
        var result = BucketRanges()
        var place = place(endingBehind: range.lowerBound)
        while place < ranges.count, ranges[place].lowerBound < range.upperBound {
            result.insert(ranges[place].clamped(to: range))
            place += 1
        }
        return result
    }

    /// The buckets that lie in both sets.
    func inside(_ other: BucketRanges) -> BucketRanges {
        var result = BucketRanges()
        for range in other.ranges { for part in inside(range).ranges { result.insert(part) } }
        return result
    }

    /// The buckets that are not in another set.
    func without(_ other: BucketRanges) -> BucketRanges {
        var result = self
        result.remove(other)
        return result
    }

    /// The place of the first range that ends behind `millis`.
    private func place(endingBehind millis: Int64) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound > millis { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
