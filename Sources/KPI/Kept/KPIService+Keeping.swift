import Model

// Values of promql metrics that are computed without anybody asking for them at the moment.

extension KPIService {
    /// How many buckets are computed at once: a week.
    static let bucketsAtOnce: Int64 = 2016

    /// Computes what has come since of metrics that somebody has asked for before, and what late samples and
    /// deletions concern; so their values are there before samples expire.
    ///
    /// - Parameter budget: Makes what each piece of the work may cost.
    /// - Throws: Why something cannot be computed; it will be tried again the next time.
    package func keepUp(budget: () -> QueryBudget) throws(SourceError) {
        guard let kept else { return }
        let evaluator = evaluator(versions.current, at: now)
        for metric in versions.current.metrics {
            guard let due = kept.due(metric), !due.isEmpty else { continue }
            let extent = try evaluator.extents(of: [metric.name], budget: budget())[ByteText(metric.name)]
            for range in due.ranges {
                var rest = range
                while !rest.isEmpty {
                    let part = KPIService.beginning(of: rest, KPIService.bucketsAtOnce)
                    _ = try kept.fill(metric, part, extent, budget())
                    rest = part.upperBound..<rest.upperBound
                }
            }
        }
    }

    /// The first buckets of a range, at most so many.
    static func beginning(of range: Range<Int64>, _ count: Int64) -> Range<Int64> {
        range.lowerBound..<min(range.upperBound, range.lowerBound + count * ExpressionBuckets.bucketMillis)
    }
}
