import Model
import PromQL

/// Adds up the values of an expression in buckets by group and interval of a request.
struct ExpressionFold {
    let request: AggregateRequest
    private var groups: [ByteText: Int] = [:]
    private var names: [String] = []
    private var intervals: [[WindowState]] = []
    /// The intervals in which the expression gave native histograms, which are no numbers.
    private var withHistograms: Set<Int> = []
    private var warnings: [String] = []

    init(_ request: AggregateRequest) {
        self.request = request
        if request.label == nil { _ = group(of: .empty) }
    }

    /// Adds values that were evaluated just now.
    mutating func add(_ series: RangeSeries) {
        let group = group(of: series.labels)
        var interval = 0
        for (index, (time, value)) in zip(series.column.timestamps, series.column.values).enumerated() {
            let bucket = time + 1 - ExpressionBuckets.bucketMillis
            while interval + 1 < request.cuts.count, request.cuts[interval + 1] <= bucket {
                interval += 1
            }
            guard interval + 1 < request.cuts.count, request.cuts[interval] <= bucket else { continue }
            if series.column.histograms[index] != nil { withHistograms.insert(interval) }
            guard value == value else { continue }
            intervals[group][interval].count += 1
            intervals[group][interval].addToSum(value)
            intervals[group][interval].least = min(intervals[group][interval].least, value)
            intervals[group][interval].greatest = max(intervals[group][interval].greatest, value)
        }
    }

    /// Adds what the samples of a part of an interval amount to.
    mutating func add(_ state: WindowState, to interval: Int, group name: String) {
        guard state.count > 0 else { return }
        let group = group(named: name)
        intervals[group][interval].count += state.count
        intervals[group][interval].addToSum(state.sum)
        intervals[group][interval].compensation += state.compensation
        intervals[group][interval].least = min(intervals[group][interval].least, state.least)
        intervals[group][interval].greatest = max(intervals[group][interval].greatest, state.greatest)
    }

    /// Notes that the expression gave native histograms in an interval.
    mutating func noteHistograms(in interval: Int) { withHistograms.insert(interval) }

    /// Adds what the reader should know.
    mutating func add(warnings texts: [String]) { warnings += texts }

    /// The values of all groups.
    func table() -> AggregateTable {
        let order = names.indices.sorted { ByteText(names[$0]) < ByteText(names[$1]) }
        var table = AggregateTable(
            groups: order.map { names[$0] },
            values: order.map { group in request.ranges.map { value(of: $0, intervals[group]) } }
        )
        table.add(warnings: warnings)
        return table
    }

    private func value(of range: Range<Int>, _ states: [WindowState]) -> Double? {
        var (count, sum, least, greatest) = (0, ExactSum(), Double.infinity, -Double.infinity)
        for state in states[range] where state.count > 0 {
            count += state.count
            sum.add(ExactSum(state))
            least = min(least, state.least)
            greatest = max(greatest, state.greatest)
        }
        switch request.metric.aggregation {
        case .min: return count > 0 ? least : nil
        case .max: return count > 0 ? greatest : nil
        // Where there are only histograms nothing is known, which is not 0.
        default: return count == 0 && !withHistograms.isDisjoint(with: range) ? nil : sum.value
        }
    }

    private mutating func group(of labels: Labels) -> Int {
        group(named: request.label.flatMap { labels[$0] } ?? "")
    }

    private mutating func group(named name: String) -> Int {
        if let index = groups[ByteText(name)] { return index }
        groups[ByteText(name)] = names.count
        names.append(name)
        intervals.append(
            [WindowState](repeating: WindowState(), count: request.cuts.count - 1)
        )
        return names.count - 1
    }
}
