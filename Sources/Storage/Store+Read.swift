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
        var (series, warnings) = state.withLock { state in
            let found = state.index.series(matching: matchers).compactMap { id -> StoredSeries? in
                let head = state.headColumns(of: id, in: request.range)
                let places = state.places(of: id, in: request.range)
                if head.isEmpty && places.isEmpty { return nil }
                return state.table.index(of: id).map { index in
                    StoredSeries(
                        id: id,
                        labels: state.table[index].labels,
                        head: head,
                        places: places,
                        earliestMillis: Store.earliest(now, state.table[index].retentionMillis)
                    )
                }
            }
            return (found, state.warnings(in: request.range))
        }
        try budget.checkpoint()
        series = series.filter {
            !$0.head.isEmpty || hasSamples($0.places, in: request.range, &warnings)
        }
        series.sort { $0.labels < $1.labels }
        return StoredSeriesSet(series, request.range, warnings, budget, telemetry)
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
        var (found, warnings) = state.withLock { state in
            let ids =
                selections.isEmpty
                ? state.index.allSeries : SortedIDs.union(selections.map { state.index.series(matching: $0) })
            let found = ids.compactMap { id -> (labels: Labels, isInHead: Bool, places: [SegmentSeries])? in
                guard let index = state.table.index(of: id) else { return nil }
                return (
                    state.table[index].labels,
                    state.hasHeadSamples(id, in: request.range),
                    state.places(of: id, in: request.range)
                )
            }
            return (found, state.warnings(in: request.range))
        }
        found = found.filter { $0.isInHead || hasSamples($0.places, in: request.range, &warnings) }
        return (found.map(\.labels), warnings)
    }

    /// Whether one of the segments has samples of the series in `range`; what cannot be read counts as none.
    private func hasSamples(
        _ places: [SegmentSeries],
        in range: TimeRange,
        _ warnings: inout [String]
    ) -> Bool {
        for place in places {
            do throws(StorageError) {
                if try place.segment.hasSamples(place.ordinal, in: range) { return true }
            } catch {
                place.segment.note(error)
                let text = StoredSeriesSet.warning(about: place.segment)
                if !warnings.contains(text) { warnings.append(text) }
            }
        }
        return false
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

    /// Whether the series has samples in head windows that overlap `range`.
    func hasHeadSamples(_ id: SeriesID, in range: TimeRange) -> Bool {
        windows.values.contains { $0.range.overlaps(range) && $0.columns[id] != nil }
            || frozen.contains { head in
                head.windows.values.contains { $0.range.overlaps(range) && $0.columns[id] != nil }
            }
    }

    /// What a reader of `range` should know.
    func warnings(in range: TimeRange) -> [String] {
        damages.filter { $0.range.overlaps(range) }.map(\.text)
    }
}
