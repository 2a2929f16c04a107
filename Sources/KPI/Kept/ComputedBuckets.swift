import Model
import PromQL

/// What an expression gave in consecutive buckets, put together by the labels that its metric keeps.
struct ComputedBuckets {
    /// One series' value of a bucket on its way.
    private struct Cell {
        var count: Int32 = 0
        var sum = ExactSum()
        var least = Double.infinity
        var greatest = -Double.infinity
    }

    /// The buckets.
    let range: Range<Int64>
    private let aggregation: Aggregation
    private var cells: [Labels: [Cell]] = [:]
    private var withHistograms: [Bool]
    /// Those in which a sum is no number, because it is of infinities of both signs.
    private(set) var unsound = BucketRanges()

    /// The values of `portion`, as `series` has them.
    init(_ portion: ExpressionBuckets.Portion, of metric: MetricDefinition, _ series: KeptSeries) {
        range = portion.range
        aggregation = metric.aggregation
        let grain = ExpressionBuckets.bucketMillis
        let count = Int((range.upperBound - range.lowerBound) / grain)
        withHistograms = [Bool](repeating: false, count: count)
        for one in portion.series {
            let labels = series.labels(
                of: metric.labels.compactMap { name in
                    one.labels[name].map { Label(name, $0) }
                }
            )
            var own = cells.removeValue(forKey: labels) ?? [Cell](repeating: Cell(), count: count)
            for (index, (time, value)) in zip(one.column.timestamps, one.column.values).enumerated() {
                let place = Int((time - range.lowerBound) / grain)
                guard own.indices.contains(place) else { continue }
                if one.column.histograms[index] != nil { withHistograms[place] = true }
                guard value == value else { continue }
                own[place].count += 1
                own[place].sum.add(value)
                own[place].least = min(own[place].least, value)
                own[place].greatest = max(own[place].greatest, value)
            }
            cells[labels] = own
        }
        for own in cells.values {
            for (place, cell) in own.enumerated() where cell.count > 0 && value(of: cell).isNaN {
                let start = range.lowerBound + Int64(place) * grain
                unsound.insert(start..<(start + grain))
            }
        }
    }

    /// How many series have values.
    var seriesCount: Int { cells.count }

    /// Whether the expression gave native histograms in the bucket at `start`.
    func hasHistograms(_ start: Int64) -> Bool { withHistograms[place(of: start)] }

    /// What has to be written so that the store has the values of `buckets`.
    ///
    /// - Parameters:
    ///   - buckets: Some of the buckets.
    ///   - existing: What the store has of them.
    /// - Returns: The samples that are new or other than those that are there, or that end them.
    func difference(_ buckets: BucketRanges, from existing: [Labels: SampleColumn]) -> SampleBatch {
        var batch = SampleBatch()
        for labels in Set(cells.keys).union(existing.keys).sorted() {
            let own = cells[labels]
            var column = SampleColumn()
            let old = existing[labels] ?? SampleColumn()
            var next = 0
            buckets.forEachBucket { start in
                let time = ExpressionBuckets.lastMillis(of: start)
                while next < old.count, old.timestamps[next] < time { next += 1 }
                let here = next < old.count && old.timestamps[next] == time ? old.values[next] : nil
                if let value = own.flatMap({ valueIfAny(of: $0[place(of: start)]) }) {
                    if !ComputedBuckets.isSame(here, value) { column.append(millis: time, value: value) }
                } else if let here, !here.isNaN {
                    column.append(millis: time, value: StaleMarker.value)
                }
            }
            if !column.isEmpty { batch.append(labels, column) }
        }
        return batch
    }

    private func place(of start: Int64) -> Int {
        Int((start - range.lowerBound) / ExpressionBuckets.bucketMillis)
    }

    private func valueIfAny(of cell: Cell) -> Double? { cell.count > 0 ? value(of: cell) : nil }

    private func value(of cell: Cell) -> Double {
        switch aggregation {
        case .min: cell.least
        case .max: cell.greatest
        default: cell.sum.value
        }
    }

    /// Whether a sample that is there may stay: one from rollups and one from samples agree within 1e-12.
    private static func isSame(_ here: Double?, _ value: Double) -> Bool {
        guard let here, here.bitPattern != value.bitPattern else { return here != nil }
        let difference = (here - value).magnitude
        return difference > 0 && difference <= 1e-12 * min(here.magnitude, value.magnitude)
    }
}
