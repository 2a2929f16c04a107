import Matching
import Model

extension Store {
    package func series(
        _ request: LabelRequest,
        budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<Labels> {
        let view = view(of: request.range)
        let selections = request.selections.isEmpty ? [[]] : request.selections
        if selections.count == 1 {
            // The series of one selection come in order, each once.
            if let limit = request.limit, limit < budget.seriesLimit {
                let matchers = try compile(selections[0])
                let (found, damages) = try view.firstSeries(limit + 1, matchers, request.range, budget)
                return try Store.answer(found, request, damages, budget)
            }
            var found: [Labels] = []
            let (damages, memory) = try view.forEachSeries(
                try compile(selections[0]),
                request.range,
                budget
            ) { found.append($0.labels) }
            return try withExtendedLifetime(memory) { () throws(SourceError) in
                try Store.answer(found, request, damages, budget)
            }
        }
        var found: Set<Labels> = []
        var memory: [HeldMemory] = []
        defer { withExtendedLifetime(memory) {} }
        var warnings: [String] = []
        for selection in selections {
            let (damages, held) = try view.forEachSeries(try compile(selection), request.range, budget) {
                found.insert($0.labels)
            }
            memory += held
            if found.count > budget.seriesLimit, request.limit == nil {
                throw .tooManySeries(limit: budget.seriesLimit)
            }
            for text in damages where !warnings.contains(text) { warnings.append(text) }
        }
        return try Store.answer(found.sorted(), request, warnings, budget)
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
        var lists: [[ByteText]] = []
        let warnings = try view.forEachIndex(selections, request.range, budget) {
            index,
            series throws(StorageError) in
            lists.append(try read(index, series))
        }
        let texts = Store.union(lists)
        return try Store.answer(texts.map(\.string), request, warnings, budget)
    }

    /// The texts of all lists, sorted, each once.
    private static func union(_ lists: [[ByteText]]) -> [ByteText] {
        if let only = lists.first, lists.count == 1,
            zip(only, only.dropFirst()).allSatisfy({ $0 < $1 })
        {
            return only
        }
        return Set(lists.joined()).sorted()
    }

    /// The answer with `items`, which are sorted, as far as the request wants them.
    private static func answer<Item: Sendable>(
        _ items: [Item],
        _ request: LabelRequest,
        _ warnings: [String],
        _ budget: QueryBudget
    ) throws(SourceError) -> LabelAnswer<Item> {
        try budget.checkpoint()
        let limit = request.limit ?? .max
        guard min(items.count, limit) <= budget.seriesLimit else {
            throw .tooManySeries(limit: budget.seriesLimit)
        }
        return LabelAnswer(
            items: limit < items.count ? Array(items.prefix(limit)) : items,
            isTruncated: items.count > limit,
            warnings: warnings
        )
    }
}
