/// The native histograms among the samples of a column or a batch: where each stands, and what it is.
///
/// It lies beside a column of numbers, in which `NativeHistogram.placeholder` stands at these positions; a
/// column without histograms costs nothing.
public struct HistogramColumn: Sendable {
    /// The positions, rising strictly.
    public private(set) var positions: [Int] = []
    /// The histograms, as many as `positions`.
    public private(set) var values: [NativeHistogram] = []

    /// No histograms.
    @inlinable
    public init() {}

    /// The number of histograms.
    public var count: Int { positions.count }
    /// Whether there is none.
    @inlinable
    public var isEmpty: Bool { positions.isEmpty }

    /// Adds a histogram; its position is behind all others.
    public mutating func append(_ histogram: NativeHistogram, at position: Int) {
        precondition(positions.last.map { $0 < position } ?? true, "BUG: positions of histograms fall")
        positions.append(position)
        values.append(histogram)
    }

    /// Adds those of `other` that stand in `range` of it, moved by `shift`; they come behind all others.
    public mutating func append(_ other: HistogramColumn, in range: Range<Int>, movedBy shift: Int) {
        for index in other.indices(in: range) {
            append(other.values[index], at: other.positions[index] + shift)
        }
    }

    /// Those at whose position `isKept` holds.
    public func filter(_ isKept: (Int) -> Bool) -> HistogramColumn {
        var kept = HistogramColumn()
        for (position, value) in zip(positions, values) where isKept(position) {
            kept.append(value, at: position)
        }
        return kept
    }

    /// The column with each histogram changed.
    public func mapValues(_ change: (NativeHistogram) -> NativeHistogram) -> HistogramColumn {
        var changed = self
        for index in changed.values.indices { changed.values[index] = change(values[index]) }
        return changed
    }

    /// Both columns as one; they have no position in common.
    public func merged(_ other: HistogramColumn) -> HistogramColumn {
        if isEmpty { return other }
        var merged = HistogramColumn()
        var next = 0
        for (position, value) in zip(positions, values) {
            while next < other.count, other.positions[next] < position {
                merged.append(other.values[next], at: other.positions[next])
                next += 1
            }
            merged.append(value, at: position)
        }
        for index in next..<other.count { merged.append(other.values[index], at: other.positions[index]) }
        return merged
    }

    /// Which of the histograms stand in a range of positions.
    public func indices(in range: Range<Int>) -> Range<Int> {
        let lower = index(from: range.lowerBound)
        return lower..<max(lower, index(from: range.upperBound))
    }

    /// The histogram at a position; nil if none stands there.
    public subscript(position: Int) -> NativeHistogram? {
        if isEmpty { return nil }
        let index = index(from: position)
        return index < positions.count && positions[index] == position ? values[index] : nil
    }

    /// Removes all and keeps the memory for the next use.
    public mutating func removeAll() {
        if isEmpty { return }
        positions.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }

    /// How many samples of a query's budget they take.
    public var heldSampleCount: Int { values.reduce(0) { $0 + $1.heldSampleCount } }

    /// The first of the histograms at `position` or behind it.
    private func index(from position: Int) -> Int {
        var (low, high) = (0, positions.count)
        while low < high {
            let middle = (low + high) / 2
            if positions[middle] < position { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
