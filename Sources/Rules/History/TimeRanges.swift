import Model

/// A set of times as ranges that neither overlap nor touch, in order.
struct TimeRanges: Hashable, Sendable {
    /// How many ranges are kept apart; with more of them the nearest two become one.
    private static let countLimit = 64

    private(set) var ranges: [TimeRange] = []

    var isEmpty: Bool { ranges.isEmpty }

    /// Adds a range; empty ones add nothing.
    mutating func insert(_ range: TimeRange) {
        guard range.start <= range.end else { return }
        var merged = range
        var kept: [TimeRange] = []
        for other in ranges {
            let gap = merged.start > other.end ? merged.start.millis - other.end.millis : 0
            let lead = other.start > merged.end ? other.start.millis - merged.end.millis : 0
            if gap <= 1, lead <= 1 {
                merged = TimeRange(min(merged.start, other.start), max(merged.end, other.end))
            } else {
                kept.append(other)
            }
        }
        kept.append(merged)
        ranges = kept.sorted { $0.start < $1.start }
        guard ranges.count > TimeRanges.countLimit else { return }
        let gaps = ranges.indices.dropFirst().map { ranges[$0].start.millis - ranges[$0 - 1].end.millis }
        guard let nearest = gaps.indices.min(by: { gaps[$0] < gaps[$1] }) else { return }
        ranges[nearest].end = ranges[nearest + 1].end
        ranges.remove(at: nearest + 1)
    }

    /// Takes out the earliest range; nil if there is none.
    mutating func popFirst() -> TimeRange? { ranges.isEmpty ? nil : ranges.removeFirst() }
}
