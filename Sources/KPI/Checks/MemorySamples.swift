import Matching
import Model

/// Series in memory, for tests of definitions.
struct MemorySamples: SeriesSource {
    private var series: [(labels: Labels, column: SampleColumn)] = []

    /// Adds a series whose times rise.
    mutating func add(_ labels: Labels, _ column: SampleColumn) {
        series.append((labels, column))
        series.sort { $0.labels < $1.labels }
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        let matchers: [CompiledMatcher]
        do throws(RegexError) {
            matchers = try CompiledMatcher.compile(request.matchers)
        } catch {
            throw .badMatcher(error.description)
        }
        var found = VirtualSet()
        for (labels, column) in series where matchers.allSatisfy({ $0.matches(labels) }) {
            var inside = SampleColumn()
            for (time, value) in zip(column.timestamps, column.values)
            where request.range.contains(Timestamp(millis: time)) {
                inside.append(millis: time, value: value)
            }
            if !inside.isEmpty { found.items.append((labels, inside)) }
        }
        return found
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        var found: Set<Labels> = []
        for selection in request.selections.isEmpty ? [[]] : request.selections {
            let set = try select(SelectRequest(matchers: selection, range: request.range), budget: budget)
            for index in 0..<set.count { found.insert(set.labels(at: index)) }
        }
        return LabelAnswer(items: found.sorted())
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        let all = try series(request, budget: budget).items
        return LabelAnswer(items: Set(all.flatMap { $0.map { ByteText($0.name) } }).sorted().map(\.string))
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        let all = try series(request, budget: budget).items
        return LabelAnswer(items: Set(all.compactMap { $0[name].map(ByteText.init) }).sorted().map(\.string))
    }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }
}
