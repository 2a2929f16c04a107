import Model
import PromQL

// Buckets that are computed, and kept if no write has come between.

extension KeptBuckets {
    /// How many samples are kept at once, so that writers do not have to wait for long.
    private static let samplesAtOnce = 50_000
    /// How often it is tried to keep what others change meanwhile.
    private static let attemptCount = 3

    /// What a reading may keep of what it computes.
    struct Keeping {
        let reading: Int
        /// When the metric has values.
        let extent: Extent
        /// The first bucket for which all samples were there when the reading began.
        let firstWhole: Int64
        /// Where the closed buckets end.
        let closedEnd: Int64

        init(_ reading: Int, extent: Extent, from firstWhole: Int64, to closedEnd: Int64) {
            (self.reading, self.extent) = (reading, extent)
            (self.firstWhole, self.closedEnd) = (firstWhole, closedEnd)
        }
    }

    /// Evaluates the expression in a range, and keeps what can be kept of it.
    func compute(
        _ range: Range<Int64>,
        of subject: Subject,
        _ keeping: Keeping,
        _ budget: QueryBudget,
        _ body: (ExpressionBuckets.Portion) -> Void
    ) throws(SourceError) {
        let buckets = ExpressionBuckets(expression: subject.expression, source: source, engine: engine())
        let (firstWhole, closed) = (keeping.firstWhole, keeping.closedEnd)
        try buckets.forEachPortion(of: range, budget) { part throws(SourceError) in
            body(part)
            // Of damaged data there is no value to trust.
            guard part.warnings.isEmpty, part.range.lowerBound < closed else { return }
            // Meanwhile more may have expired.
            let whole = firstWhole > .min ? max(firstWhole, try self.firstWhole(subject, budget)) : .min
            let first = max(whole, KeptBuckets.firstBucket(keeping.extent), part.range.lowerBound)
            let end = min(closed, part.range.upperBound)
            guard first < end else { return }
            try keep(part, first..<end, of: subject, keeping, budget)
        }
    }

    private func keep(
        _ part: ExpressionBuckets.Portion,
        _ range: Range<Int64>,
        of subject: Subject,
        _ keeping: Keeping,
        _ budget: QueryBudget
    ) throws(SourceError) {
        let computed = ComputedBuckets(part, of: subject.metric, subject.series)
        let grain = ExpressionBuckets.bucketMillis
        let count = max(1, KeptBuckets.samplesAtOnce / (computed.seriesCount + 1))
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, start + Int64(count) * grain)
            let existing = try existing(start..<end, of: subject, budget)
            for _ in 0..<KeptBuckets.attemptCount {
                let allowed = BucketRanges(start..<end).without(disturbed(keeping.reading)).without(
                    computed.unsound
                )
                guard !allowed.isEmpty else { break }
                var marks: [(start: Int64, mark: KeptMark)] = []
                allowed.forEachBucket { bucket in
                    let mark = KeptMark(
                        hasHistograms: computed.hasHistograms(bucket),
                        isBeyond: bucket > keeping.extent.newest
                    )
                    marks.append((bucket, mark))
                }
                let values = computed.difference(allowed, from: existing)
                if keep(subject.series, keeping.reading, values, marks) { break }
            }
            start = end
        }
    }

    /// What the store has of the values in a range.
    private func existing(_ range: Range<Int64>, of subject: Subject, _ budget: QueryBudget)
        throws(SourceError) -> [Labels: SampleColumn]
    {
        let times = TimeRange(
            Timestamp(millis: range.lowerBound),
            Timestamp(millis: range.upperBound - 1)
        )
        let set = try store.select(
            SelectRequest(matchers: subject.series.valueMatchers, range: times),
            budget: budget
        )
        var found: [Labels: SampleColumn] = [:]
        for index in 0..<set.count {
            var column = SampleColumn()
            try set.read(index, into: &column)
            found[set.labels(at: index)] = column
        }
        return found
    }
}
