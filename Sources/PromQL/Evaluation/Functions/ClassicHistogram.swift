import Model

/// The buckets of one classic histogram at one step.
///
/// Source: Prometheus `promql/quantile.go`.
struct ClassicHistogram {
    /// Differences of neighbouring counts below this share of their sum are taken for rounding errors.
    private static let tolerance = 1e-12

    /// The upper bounds, rising strictly once `prepare` has run.
    private(set) var bounds: [Double] = []
    /// The cumulative counts.
    private(set) var counts: [Double] = []

    /// A histogram without buckets.
    init() {}

    /// Removes all buckets.
    mutating func removeAll() {
        bounds.removeAll(keepingCapacity: true)
        counts.removeAll(keepingCapacity: true)
    }

    /// Adds a bucket, whose bound is not below the last one; buckets of the same bound are added up.
    mutating func append(bound: Double, count: Double) {
        if bounds.last == bound {
            counts[counts.count - 1] += count
        } else {
            bounds.append(bound)
            counts.append(count)
        }
    }

    /// Whether the last bucket has no upper bound, as it must.
    private var isComplete: Bool { bounds.last == .infinity }

    /// The φ-quantile, interpolated linearly inside of a bucket; `repair` learns what had to be repaired.
    mutating func quantile(_ phi: Double, _ repair: inout MonotonicityRepair) -> Double {
        if phi.isNaN { return .nan }
        if phi < 0 { return -.infinity }
        if phi > 1 { return .infinity }
        guard isComplete else { return .nan }
        makeMonotonic(&repair)
        let last = bounds.count - 1
        guard last > 0, counts[last] != 0 else { return .nan }
        var rank = phi * counts[last]
        let bucket = (0..<last).first { counts[$0] >= rank } ?? last
        if bucket == last { return bounds[last - 1] }
        if bucket == 0, bounds[0] <= 0 { return bounds[0] }
        var lower = 0.0
        var count = counts[bucket]
        if bucket > 0 {
            lower = bounds[bucket - 1]
            count -= counts[bucket - 1]
            rank -= counts[bucket - 1]
        }
        return lower + (bounds[bucket] - lower) * (rank / count)
    }

    /// The share of observations between `lower` and `upper`.
    ///
    /// As in Prometheus 3.5 the first bucket reaches down to -Inf, so that a value inside of it makes the
    /// share NaN.
    func fraction(_ lower: Double, _ upper: Double) -> Double {
        guard isComplete, let total = counts.last, total != 0, !lower.isNaN, !upper.isNaN else { return .nan }
        if lower >= upper { return 0 }
        return (min(rank(below: upper), total) - min(rank(below: lower), total)) / total
    }

    /// How many observations lie below `value`, interpolated linearly inside of a bucket; NaN inside of the
    /// first one.
    private func rank(below value: Double) -> Double {
        var lower = -Double.infinity
        var before = 0.0
        for (bound, count) in zip(bounds, counts) {
            if value <= lower { return before }
            if value < bound {
                return before + (count - before) * (value - lower) / (bound - lower)
            }
            (lower, before) = (bound, count)
        }
        return before
    }

    /// Makes the counts rise: tiny differences are ignored silently, falls are filled up and noted.
    private mutating func makeMonotonic(_ repair: inout MonotonicityRepair) {
        var previous = counts[0]
        for index in counts.indices.dropFirst() where counts[index] != previous {
            if ClassicHistogram.areAlmostEqual(previous, counts[index]) {
                counts[index] = previous
            } else if counts[index] < previous {
                repair.note(bound: bounds[index], difference: previous - counts[index])
                counts[index] = previous
            } else {
                previous = counts[index]
            }
        }
    }

    private static func areAlmostEqual(_ left: Double, _ right: Double) -> Bool {
        if left.isNaN && right.isNaN || left == right { return true }
        let sum = left.magnitude + right.magnitude
        let difference = (left - right).magnitude
        if left == 0 || right == 0 || sum < .leastNormalMagnitude {
            return difference < tolerance * .leastNormalMagnitude
        }
        return difference / min(sum, .greatestFiniteMagnitude) < tolerance
    }
}

/// The rows of a table that belong to classic histograms, by histogram.
struct HistogramRows {
    /// A histogram: its labels without `le`, and its buckets by rising bound.
    struct Group {
        var labels: Labels
        var buckets: [(bound: Double, row: Int)] = []
    }

    /// The label that holds a bucket's upper bound.
    private static let boundLabel = "le"
    private static let droppingBound = LabelFilter.dropping([boundLabel])

    /// The histograms.
    private(set) var groups: [Group] = []
    /// The rows whose `le` is no number.
    private(set) var badRows: [Int] = []

    /// Groups the rows of `table`.
    init(_ table: StepTable, _ meter: inout Meter) throws(PromQLError) {
        var indices: [Labels: Int] = [:]
        for row in 0..<table.rowCount {
            try meter.work(Groups.workPerSeries)
            // A row of native histograms alone is no bucket.
            if !table.histograms(row).isEmpty, table.steps(row).isEmpty { continue }
            let labels = table.labels[row]
            guard let bound = HistogramRows.bound(labels[HistogramRows.boundLabel] ?? "") else {
                badRows.append(row)
                continue
            }
            let key = HistogramRows.droppingBound.apply(to: labels)
            let index = indices[key, default: groups.count]
            if index == groups.count {
                indices[key] = index
                groups.append(Group(labels: key))
            }
            groups[index].buckets.append((bound, row))
        }
        for index in groups.indices {
            groups[index].buckets.sort { ($0.bound, $0.row) < ($1.bound, $1.row) }
        }
    }

    /// The bound `text` stands for; nil if it is no number that fits.
    private static func bound(_ text: String) -> Double? {
        guard let bound = ValueText.parse(text) else { return nil }
        let isSpelledOut = text.utf8.contains { $0 == UInt8(ascii: "n") || $0 == UInt8(ascii: "N") }
        return bound.isInfinite && !isSpelledOut ? nil : bound
    }
}
