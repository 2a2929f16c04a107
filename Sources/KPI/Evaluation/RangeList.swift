/// Ranges in the order in which they were asked for first.
///
/// KPIs ask for the same ranges in the same order, so that what follows is mostly the next one.
struct RangeList {
    /// The ranges, each once.
    private(set) var ranges: [Bucket] = []
    private var places: [Bucket: Int] = [:]
    private var next = 0

    /// No ranges.
    init() {}

    /// These ranges, each of which is there once.
    init(_ ranges: [Bucket]) {
        self.ranges = ranges
        places.reserveCapacity(ranges.count)
        for (place, range) in ranges.enumerated() { places[range] = place }
    }

    /// The place of a range; nil if it is not there.
    mutating func place(of range: Bucket) -> Int? {
        if next == ranges.count { next = 0 }
        if next < ranges.count, ranges[next] == range {
            next += 1
            return next - 1
        }
        guard let place = places[range] else { return nil }
        next = place + 1
        return place
    }

    /// Adds a range if it is not there.
    mutating func insert(_ range: Bucket) {
        guard place(of: range) == nil else { return }
        places[range] = ranges.count
        ranges.append(range)
        next = ranges.count
    }
}
