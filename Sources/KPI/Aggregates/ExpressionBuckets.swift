import Model
import PromQL

/// The values of an expression in 5-minute UTC buckets, added up over ranges.
///
/// It is evaluated at the last millisecond of each bucket, so that `f(x[5m])` sees exactly the bucket's
/// samples.
struct ExpressionBuckets {
    /// The length of a bucket, in milliseconds.
    static let bucketMillis: Int64 = 300_000
    /// How many buckets one evaluation takes at most.
    private static let portion = 5000

    let expression: MetricExpression
    let source: any SeriesSource
    let engine: Engine

    /// The values of the request's ranges.
    func table(_ request: AggregateRequest, budget: QueryBudget) throws(SourceError) -> AggregateTable {
        var fold = Fold(request)
        // Before the first value there is nothing; buckets behind the newest one may still see it.
        let start = max(request.cuts[0], request.extent.oldest - ExpressionBuckets.bucketMillis)
        let end = request.cuts.last ?? request.cuts[0]
        var bucket = start.floored(by: ExpressionBuckets.bucketMillis) * ExpressionBuckets.bucketMillis
        if bucket < start { bucket += ExpressionBuckets.bucketMillis }
        var warnings: [String] = []
        while bucket < end {
            let rest =
                (end - bucket + ExpressionBuckets.bucketMillis - 1) / ExpressionBuckets.bucketMillis
            let count = Int(min(Int64(ExpressionBuckets.portion), rest))
            let (series, found) = try evaluate(from: bucket, count: count, budget)
            for series in series { fold.add(series) }
            warnings += found
            bucket += Int64(count) * ExpressionBuckets.bucketMillis
        }
        var table = fold.table()
        table.add(warnings: warnings)
        return table
    }

    /// The expression's values at the ends of so many buckets, and what their source warns of.
    func evaluate(from bucket: Int64, count: Int, _ budget: QueryBudget) throws(SourceError)
        -> (series: [RangeSeries], warnings: [String])
    {
        let first = bucket + ExpressionBuckets.bucketMillis - 1
        let answer: QueryAnswer
        do throws(PromQLError) {
            answer = try engine.range(
                expression.expr,
                start: Timestamp(millis: first),
                end: Timestamp(millis: first + Int64(count - 1) * ExpressionBuckets.bucketMillis),
                stepMillis: ExpressionBuckets.bucketMillis,
                source: source,
                budget: budget
            )
        } catch {
            switch error {
            case .source(let error): throw error
            default: throw .badMatcher("\(expression.text): \(error)")
            }
        }
        guard case .matrix(let series) = answer.value else { return ([], answer.sourceWarnings) }
        return (series, answer.sourceWarnings)
    }

    /// Adds up buckets by group and interval.
    private struct Fold {
        let request: AggregateRequest
        private var groups: [ByteText: Int] = [:]
        private var names: [String] = []
        private var intervals: [[WindowState]] = []
        /// The intervals in which the expression gave native histograms, which are no numbers.
        private var withHistograms: Set<Int> = []

        init(_ request: AggregateRequest) {
            self.request = request
            if request.label == nil { _ = group(of: .empty) }
        }

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

        func table() -> AggregateTable {
            let order = names.indices.sorted { ByteText(names[$0]) < ByteText(names[$1]) }
            return AggregateTable(
                groups: order.map { names[$0] },
                values: order.map { group in request.ranges.map { value(of: $0, intervals[group]) } }
            )
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
            let name = request.label.flatMap { labels[$0] } ?? ""
            if let index = groups[ByteText(name)] { return index }
            groups[ByteText(name)] = names.count
            names.append(name)
            intervals.append(
                [WindowState](repeating: WindowState(), count: request.cuts.count - 1)
            )
            return names.count - 1
        }
    }
}
