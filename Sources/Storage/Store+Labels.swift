import Matching
import Model

extension Store {
    package func series(
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<Labels> {
        let view = view(of: request.range)
        var found: Set<Labels> = []
        var warnings: [String] = []
        for selection in request.selections.isEmpty ? [[]] : request.selections {
            let damages = try view.forEachSeries(try compile(selection), request.range, budget) {
                found.insert($0.labels)
            }
            if found.count > budget.seriesLimit, request.limit == nil {
                throw .tooManySeries(limit: budget.seriesLimit)
            }
            for text in damages where !warnings.contains(text) { warnings.append(text) }
        }
        return try Store.answer(Array(found), request, warnings, budget) { $0 < $1 }
    }

    package func labelNames(
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<String> {
        try labelTexts(request, budget) { index, series throws(StorageError) in
            try index.labelNames(of: series)
        }
    }

    package func labelValues(
        _ name: String,
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<String> {
        try labelTexts(request, budget) { index, series throws(StorageError) in
            try index.labelValues(of: name, in: series)
        }
    }

    // MARK: - Private

    /// The texts that `read` finds in the indexes for the series that the request is about (nil: all).
    private func labelTexts(
        _ request: LabelRequest,
        _ budget: QueryBudget,
        _ read: (any SeriesIndex, [UInt32]?) throws(StorageError) -> [ByteText]
    ) throws(SourceError) -> LabelAnswer<String> {
        let view = view(of: request.range)
        var selections: [[CompiledMatcher]]?
        if !request.selections.isEmpty {
            var compiled: [[CompiledMatcher]] = []
            for selection in request.selections { compiled.append(try compile(selection)) }
            selections = compiled
        }
        var found: Set<ByteText> = []
        let warnings = try view.forEachIndex(selections, request.range, budget) {
            index,
            series throws(StorageError) in
            found.formUnion(try read(index, series))
        }
        return try Store.answer(found.map(\.string), request, warnings, budget) {
            ByteText($0) < ByteText($1)
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
}
