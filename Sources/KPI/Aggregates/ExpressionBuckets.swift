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
    static let portion = 5000

    let expression: MetricExpression
    let source: any SeriesSource
    let engine: Engine

    /// The values of the request's ranges.
    func table(_ request: AggregateRequest, budget: QueryBudget) throws(SourceError) -> AggregateTable {
        var fold = ExpressionFold(request)
        try forEachPortion(of: request.buckets, budget) { (part: Portion) throws(SourceError) in
            for series in part.series { fold.add(series) }
            fold.add(warnings: part.warnings)
        }
        return fold.table()
    }

    /// The expression's values in consecutive buckets.
    struct Portion {
        /// The buckets.
        var range: Range<Int64>
        /// The values at the ends of the buckets.
        var series: [RangeSeries]
        /// What the source warns of.
        var warnings: [String]
    }

    /// Calls `body` with the values in `range`, some thousand buckets at a time.
    func forEachPortion(
        of range: Range<Int64>,
        _ budget: QueryBudget,
        _ body: (Portion) throws(SourceError) -> Void
    ) throws(SourceError) {
        let grain = ExpressionBuckets.bucketMillis
        var bucket = range.lowerBound
        while bucket < range.upperBound {
            let count = Int(min(Int64(ExpressionBuckets.portion), (range.upperBound - bucket) / grain))
            guard count > 0 else { return }
            let (series, warnings) = try evaluate(from: bucket, count: count, budget)
            let end = bucket + Int64(count) * grain
            try body(Portion(range: bucket..<end, series: series, warnings: warnings))
            bucket = end
        }
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
}

extension AggregateRequest {
    /// The buckets that begin in the request's ranges, those before the first value left out.
    var buckets: Range<Int64> {
        // Before the first value there is nothing; buckets behind the newest one may still see it.
        let start = ExpressionBuckets.bucket(atOrBehind: max(cuts[0], extent.oldest - bucketMillis))
        return start..<max(start, ExpressionBuckets.bucket(atOrBehind: cuts.last ?? cuts[0]))
    }

    private var bucketMillis: Int64 { ExpressionBuckets.bucketMillis }
}

extension ExpressionBuckets {
    /// The first start of a bucket that is not before a time.
    static func bucket(atOrBehind millis: Int64) -> Int64 {
        (millis + bucketMillis - 1).floored(by: bucketMillis) * bucketMillis
    }
}
