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
            let (series, damages, memory) = try view.series(
                try compile(selections[0]),
                request.range,
                budget
            )
            let (found, held) = try Store.labels(of: series, budget)
            return try withExtendedLifetime(memory + held) { () throws(SourceError) in
                try Store.answer(found, request, damages, budget)
            }
        }
        var found: Set<Labels> = []
        var memory: [HeldMemory] = []
        defer { withExtendedLifetime(memory) {} }
        var warnings: [String] = []
        for selection in selections {
            let (series, damages, held) = try view.series(try compile(selection), request.range, budget)
            let (labels, charged) = try Store.labels(of: series, budget)
            found.formUnion(labels)
            memory += held + charged
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

    /// The label sets of all series, and what is charged for them.
    private static func labels(
        of series: SelectedSeries,
        _ budget: QueryBudget
    ) throws(SourceError) -> (labels: [Labels], memory: [HeldMemory]) {
        var memory = SelectionMemory(budget)
        var labels: [Labels] = []
        labels.reserveCapacity(series.count)
        var hint = 0
        for index in 0..<series.count {
            labels.append(series.labels(at: index, near: &hint))
            guard memory.add(labels[index]) else { break }
        }
        if let failure = memory.failure { throw failure }
        return (labels, memory.held)
    }

    /// The texts that `read` finds in the indexes for the series that the request is about (nil: all).
    private func labelTexts(
        _ request: LabelRequest,
        _ budget: QueryBudget,
        _ read: (any SeriesIndex, [UInt32]?) throws(StorageError) -> [String]
    ) throws(SourceError) -> LabelAnswer<String> {
        let view = view(of: request.range)
        var selections: [[CompiledMatcher]]?
        if !request.selections.isEmpty {
            var compiled: [[CompiledMatcher]] = []
            for selection in request.selections { compiled.append(try compile(selection)) }
            selections = compiled
        }
        var lists: [[String]] = []
        var isInOrder = true
        let warnings = try view.forEachIndex(selections, request.range, budget) {
            index,
            series throws(StorageError) in
            lists.append(try read(index, series))
            isInOrder = index.isInOrder
        }
        // Outside of the lock under which a head is read.
        let isDone = isInOrder && lists.count == 1
        return try Store.answer(isDone ? lists[0] : Store.union(lists), request, warnings, budget)
    }

    /// The texts of all lists, in byte order, each once.
    private static func union(_ lists: [[String]]) -> [String] {
        Set(lists.joined().map { ByteText($0) }).sorted().map(\.string)
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
