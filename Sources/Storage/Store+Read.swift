import Matching
import Model

extension Store: SeriesSource {
    package func select(
        _ request: SelectRequest,
        budget: QueryBudget
    ) throws(SourceError) -> any SeriesSet {
        let matchers = try compile(request.matchers)
        try budget.checkpoint()
        let now = options.now()
        var (series, segments, warnings) = state.withLock { state in
            let found = state.index.series(matching: matchers).compactMap { id -> StoredSeries? in
                let head = state.headColumns(of: id, in: request.range)
                if head.isEmpty && !state.segments.contains(where: { $0.hasSamples(id, in: request.range) }) {
                    return nil
                }
                return state.table.index(of: id).map { index in
                    StoredSeries(
                        id: id,
                        labels: state.table[index].labels,
                        head: head,
                        earliestMillis: Store.earliest(now, state.table[index].retentionMillis)
                    )
                }
            }
            let segments = state.segments.filter { $0.record.range.overlaps(request.range) }
            return (found, segments, state.warnings(in: request.range))
        }
        try budget.checkpoint()
        series.sort { $0.labels < $1.labels }
        return StoredSeriesSet(series, segments, request.range, warnings, budget, telemetry)
    }

    package func series(
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<Labels> {
        let (labels, warnings) = try matchingLabels(request, budget)
        return try Store.answer(labels, request, warnings, budget) { $0 < $1 }
    }

    package func labelNames(
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<String> {
        let (labels, warnings) = try matchingLabels(request, budget)
        var names: Set<ByteText> = []
        for set in labels {
            for label in set { names.insert(ByteText(label.name)) }
        }
        return try Store.answer(names.map(\.string), request, warnings, budget) {
            ByteText($0) < ByteText($1)
        }
    }

    package func labelValues(
        _ name: String,
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<String> {
        let (labels, warnings) = try matchingLabels(request, budget)
        let values = Set(labels.compactMap { $0[name].map(ByteText.init) })
        return try Store.answer(values.map(\.string), request, warnings, budget) {
            ByteText($0) < ByteText($1)
        }
    }

    package func metadata(of metric: String?) -> [MetricMetadata] {
        state.withLock { state in
            if let metric { return state.metadata[ByteText(metric)].map { [$0] } ?? [] }
            return state.metadata.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    // MARK: - Private

    /// The label sets that a question about labels is about, in no particular order.
    private func matchingLabels(
        _ request: LabelRequest,
        _ budget: QueryBudget
    ) throws(SourceError) -> ([Labels], warnings: [String]) {
        var selections: [[CompiledMatcher]] = []
        for selection in request.selections { selections.append(try compile(selection)) }
        try budget.checkpoint()
        return state.withLock { state in
            let ids =
                selections.isEmpty
                ? state.index.allSeries : SortedIDs.union(selections.map { state.index.series(matching: $0) })
            let labels = ids.compactMap { id -> Labels? in
                guard state.hasSamples(id, in: request.range) else { return nil }
                return state.table.index(of: id).map { state.table[$0].labels }
            }
            return (labels, state.warnings(in: request.range))
        }
    }

    private static func answer<Item: Sendable>(
        _ items: [Item],
        _ request: LabelRequest,
        _ warnings: [String],
        _ budget: QueryBudget,
        _ isBefore: (Item, Item) -> Bool
    ) throws(SourceError) -> LabelAnswer<Item> {
        try budget.checkpoint()
        let limit = request.limit ?? .max
        guard min(items.count, limit) <= budget.seriesLimit else {
            throw .tooManySeries(limit: budget.seriesLimit)
        }
        let sorted = items.sorted(by: isBefore)
        return LabelAnswer(
            items: Array(sorted.prefix(limit)),
            isTruncated: sorted.count > limit,
            warnings: warnings
        )
    }

    private func compile(_ matchers: [Matcher]) throws(SourceError) -> [CompiledMatcher] {
        do throws(RegexError) {
            return try CompiledMatcher.compile(
                matchers,
                regexLimit: options.limits.current.regexBytes
            )
        } catch {
            throw .badMatcher(error.description)
        }
    }
}

extension Store.State {
    /// The samples of a series in head windows that overlap `range`, oldest write first.
    mutating func headColumns(of id: SeriesID, in range: TimeRange) -> [SampleColumn] {
        var columns: [SampleColumn] = []
        for head in frozen {
            for start in head.windows.keys.sorted() {
                guard let window = head.windows[start], window.range.overlaps(range) else { continue }
                if let column = window.columns[id] { columns.append(column.sorted()) }
            }
        }
        for start in windows.keys.sorted() where Window.range(startingAt: start).overlaps(range) {
            guard windows[start]?.columns[id] != nil else { continue }
            // Sorted in place, so that the next reader need not do it again.
            windows[start]?.columns.sort(id)
            if let column = windows[start]?.columns[id] { columns.append(column.sorted()) }
        }
        return columns
    }

    /// Whether the series has samples in windows or chunks that overlap `range`.
    func hasSamples(_ id: SeriesID, in range: TimeRange) -> Bool {
        let isInHead = windows.values.contains { $0.range.overlaps(range) && $0.columns[id] != nil }
        return isInHead
            || frozen.contains { head in
                head.windows.values.contains { $0.range.overlaps(range) && $0.columns[id] != nil }
            } || segments.contains { $0.hasSamples(id, in: range) }
    }

    /// What a reader of `range` should know.
    func warnings(in range: TimeRange) -> [String] {
        damages.filter { $0.range.overlaps(range) }.map(\.text)
    }
}

extension Segment {
    /// Whether a chunk of the series overlaps `range`.
    func hasSamples(_ id: SeriesID, in range: TimeRange) -> Bool {
        record.range.overlaps(range) && chunks(of: id).contains { $0.range.overlaps(range) }
    }
}

extension Segment.Chunk {
    /// The times from its first to its last sample.
    var range: TimeRange { TimeRange(Timestamp(millis: minMillis), Timestamp(millis: maxMillis)) }
}
