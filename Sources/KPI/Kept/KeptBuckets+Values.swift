import Model
import PromQL

// Values of requests: from what is kept, and computed where that is missing.

extension KeptBuckets {
    /// How far back from now buckets are taken for closed, in milliseconds.
    static let openMillis: Int64 = 1_800_000
    /// Buckets that are kept are computed again if not more than so much lies between two others.
    private static let gapMillis: Int64 = 7_200_000
    /// How long the first bucket that can be computed as a whole may be relied on for answering since when a
    /// metric has values, in milliseconds.
    private static let wholeMillis: Int64 = 60_000

    /// A metric whose values are kept.
    struct Subject {
        var metric: MetricDefinition
        var series: KeptSeries
        var span: ExpressionSpan
        var expression: MetricExpression

        /// The buckets that no sample for the present changes end here.
        func closedEnd(at now: Int64) -> Int64 {
            let grain = ExpressionBuckets.bucketMillis
            return (now - KeptBuckets.openMillis - span.leadMillis).floored(by: grain) * grain
        }
    }

    /// The metric as one whose values are kept; nil if they are not.
    func subject(_ metric: MetricDefinition) -> Subject? {
        guard case .promql(let expression) = metric.source else { return nil }
        let series = KeptSeries(metric, engine().options)
        guard let span = state.withLock({ $0.watch.spans[series] }) else { return nil }
        return Subject(metric: metric, series: series, span: span, expression: expression)
    }

    /// The values of the request's ranges; nil if its metric is none whose values are kept.
    func table(_ request: AggregateRequest, budget: QueryBudget) throws(SourceError) -> AggregateTable? {
        guard let subject = subject(request.metric),
            request.label.map({ label in
                request.metric.labels.contains { ByteText($0) == ByteText(label) }
            }) ?? true
        else { return nil }
        var fold = ExpressionFold(request)
        let buckets = request.buckets
        let closed = subject.closedEnd(at: clock().millis)
        let reading = beginReading(subject.series, subject.span, buckets, closedEnd: closed)
        defer { endReading(reading.id) }
        let known = live(reading.entry, subject)
        let fresh = try fresh(known, in: buckets, subject, budget)
        for range in BucketRanges(buckets).without(fresh.ranges).ranges {
            try read(range, of: subject, known, into: &fold, budget)
        }
        for range in fresh.ranges.ranges {
            let keeping = Keeping(reading.id, extent: request.extent, from: fresh.firstWhole, to: closed)
            try compute(range, of: subject, keeping, budget) { part in
                for series in part.series { fold.add(series) }
                fold.add(warnings: part.warnings)
            }
        }
        return fold.table()
    }

    /// Since when and until when a metric has kept values that stand for samples which have expired; nil if
    /// there are none.
    func extent(of metric: MetricDefinition, budget: QueryBudget) throws(SourceError) -> Extent? {
        guard mayExpire(), let subject = subject(metric),
            let whole = state.withLock({ $0.entries[subject.series] })
        else { return nil }
        let known = live(whole, subject)
        guard let first = known.computed.first, let end = known.computed.without(known.beyond).end else {
            return nil
        }
        let now = clock().millis
        var firstWhole = state.withLock { $0.firstWhole[subject.series] }
        if firstWhole.map({ now >= $0.until || now < $0.until - KeptBuckets.wholeMillis }) ?? true {
            let found = (bucket: try self.firstWhole(subject, budget), until: now + KeptBuckets.wholeMillis)
            state.withLock { $0.firstWhole[subject.series] = found }
            firstWhole = found
        }
        // Where the samples are there they tell it.
        guard let firstWhole, first < firstWhole.bucket else { return nil }
        return Extent(oldest: ExpressionBuckets.lastMillis(of: first), newest: end - 1)
    }

    /// Computes what is missing in `buckets`, or is doubted there, and keeps it.
    ///
    /// - Parameters:
    ///   - metric: The metric.
    ///   - buckets: The buckets.
    ///   - extent: When the metric has values; nil if it has none, and what is kept is to go.
    ///   - budget: What it may cost.
    /// - Returns: How many buckets were computed.
    /// - Throws: Why they cannot be; what was computed before is kept.
    func fill(_ metric: MetricDefinition, _ buckets: Range<Int64>, _ extent: Extent?, _ budget: QueryBudget)
        throws(SourceError) -> Int
    {
        guard let subject = subject(metric) else { return 0 }
        let closed = min(buckets.upperBound, subject.closedEnd(at: clock().millis))
        let extent = extent ?? Extent(oldest: buckets.lowerBound, newest: Int64.min)
        let first = max(buckets.lowerBound, KeptBuckets.firstBucket(extent))
        guard first < closed else { return 0 }
        let reading = beginReading(subject.series, subject.span, first..<closed, closedEnd: closed)
        defer { endReading(reading.id) }
        let fresh = try fresh(live(reading.entry, subject), in: first..<closed, subject, budget)
        let wanted = fresh.ranges.inside(max(first, fresh.firstWhole)..<Int64.max / 4)
        let keeping = Keeping(reading.id, extent: extent, from: fresh.firstWhole, to: closed)
        for range in wanted.ranges { try compute(range, of: subject, keeping, budget) { _ in } }
        return wanted.count
    }

    /// The buckets that are to be computed to keep up with the data: those that have been closed since the
    /// metric's values were computed last, and doubted ones; nil if nobody has asked for it yet.
    func due(_ metric: MetricDefinition) -> BucketRanges? {
        guard let subject = subject(metric), let entry = state.withLock({ $0.entries[subject.series] }),
            let end = entry.computed.end
        else { return nil }
        var due = entry.doubted
        let closed = subject.closedEnd(at: clock().millis)
        if end < closed { due.insert(end..<closed) }
        return due
    }

    // MARK: - Parts

    /// What is known, without what has expired of it.
    private func live(_ entry: Entry, _ subject: Subject) -> Entry {
        guard let earliest = horizon(subject.series.mark) else { return entry }
        let first = ExpressionBuckets.bucket(atOrBehind: earliest + 1 - ExpressionBuckets.bucketMillis)
        var live = entry
        live.computed.remove(Int64.min / 4..<first)
        live.doubted.remove(Int64.min / 4..<first)
        return live
    }

    /// The buckets to evaluate the expression for, and the first bucket for which all samples are there.
    private func fresh(
        _ known: Entry,
        in buckets: Range<Int64>,
        _ subject: Subject,
        _ budget: QueryBudget
    ) throws(SourceError) -> (ranges: BucketRanges, firstWhole: Int64) {
        var fresh = BucketRanges(buckets).without(known.computed)
        guard !fresh.isEmpty || !known.doubted.isEmpty else { return (fresh, .min) }
        let firstWhole = try firstWhole(subject, budget)
        fresh.insert(known.doubted.inside(max(firstWhole, buckets.lowerBound)..<Int64.max / 4))
        for (range, next) in zip(fresh.ranges, fresh.ranges.dropFirst())
        where range.upperBound >= firstWhole && next.lowerBound - range.upperBound <= KeptBuckets.gapMillis {
            fresh.insert(range.upperBound..<next.lowerBound)
        }
        return (fresh, firstWhole)
    }

    /// The first bucket whose value depends on no sample that may have expired.
    func firstWhole(_ subject: Subject, _ budget: QueryBudget) throws(SourceError) -> Int64 {
        guard mayExpire() else { return .min }
        var latest: Int64?
        for selector in subject.expression.selectors {
            let request = LabelRequest(selections: [selector.matchers])
            let found = try source.series(request, budget: budget).items
            // Of series of which nothing is left the selector tells how long they were kept.
            for labels in found.isEmpty ? [selector.namedLabels] : found {
                if let horizon = horizon(labels) { latest = max(latest ?? horizon, horizon) }
            }
        }
        guard let latest else { return .min }
        return subject.span.buckets(of: latest).upperBound
    }

    /// The first bucket in which there may be a value.
    static func firstBucket(_ extent: Extent) -> Int64 {
        extent.oldest.floored(by: ExpressionBuckets.bucketMillis) * ExpressionBuckets.bucketMillis
    }

    /// Adds what is kept of a range.
    private func read(
        _ range: Range<Int64>,
        of subject: Subject,
        _ known: Entry,
        into fold: inout ExpressionFold,
        _ budget: QueryBudget
    ) throws(SourceError) {
        let request = fold.request
        var windows: [TimeRange] = []
        var intervals: [Int] = []
        let cuts = request.cuts.map { ExpressionBuckets.bucket(atOrBehind: $0) }
        for interval in 0..<cuts.count - 1 {
            let part = (cuts[interval]..<max(cuts[interval], cuts[interval + 1])).clamped(to: range)
            guard !part.isEmpty else { continue }
            windows.append(
                TimeRange(Timestamp(millis: part.lowerBound), Timestamp(millis: part.upperBound - 1))
            )
            intervals.append(interval)
            if !known.withHistograms.inside(part).isEmpty { fold.noteHistograms(in: interval) }
        }
        guard let first = windows.first, let last = windows.last else { return }
        let heldByteCount =
            windows.count * (MemoryLayout<TimeRange>.stride + MemoryLayout<WindowState>.stride)
        try budget.charge(bytes: heldByteCount)
        defer { budget.release(bytes: heldByteCount) }
        let set = try store.select(
            SelectRequest(matchers: subject.series.valueMatchers, range: TimeRange(first.start, last.end)),
            budget: budget
        )
        let label = request.label.map(KeptSeries.storedName)
        let parts: WindowParts = request.metric.aggregation == .sum ? .sum : .extremes
        var states: [WindowState] = []
        var column = SampleColumn()
        for index in 0..<set.count {
            try budget.checkpoint()
            if try !set.states(of: index, in: windows, parts, into: &states) {
                try set.read(index, into: &column)
                try budget.charge(samples: column.count)
                budget.noteScanned(samples: column.count)
                states = KeptBuckets.states(of: column, in: windows)
                budget.release(samples: column.count)
            }
            let group = label.flatMap { set.labels(at: index)[$0] } ?? ""
            for (interval, state) in zip(intervals, states) { fold.add(state, to: interval, group: group) }
        }
        fold.add(warnings: set.warnings)
    }

    private static func states(of column: SampleColumn, in windows: [TimeRange]) -> [WindowState] {
        var states = [WindowState](repeating: WindowState(), count: windows.count)
        var window = 0
        for (time, value) in zip(column.timestamps, column.values) where !value.isNaN {
            while window < windows.count, windows[window].end.millis < time { window += 1 }
            guard window < windows.count else { break }
            if windows[window].start.millis <= time { states[window].add(millis: time, value: value) }
        }
        return states
    }
}

extension MetricSelector {
    /// The labels that all selected series have.
    fileprivate var namedLabels: Labels {
        Labels(matchers.filter { $0.kind == .equal && !$0.value.isEmpty }.map { Label($0.name, $0.value) })
    }
}
