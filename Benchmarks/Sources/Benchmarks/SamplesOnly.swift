import Model

/// A source of which only the samples are shown: whoever reads it has to work out everything from them.
struct SamplesOnly: SeriesSource {
    /// Where the samples are.
    let base: any SeriesSource

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        Selected(base: try base.select(request, budget: budget))
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        try base.series(request, budget: budget)
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        try base.labelNames(request, budget: budget)
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        try base.labelValues(name, request, budget: budget)
    }

    func start(of matchers: [Matcher], budget: QueryBudget) throws(SourceError) -> Timestamp? {
        try base.start(of: matchers, budget: budget)
    }

    func metadata(of metric: String?) -> [MetricMetadata] { base.metadata(of: metric) }

    private struct Selected: SeriesSet {
        let base: any SeriesSet

        var count: Int { base.count }
        var warnings: [String] { base.warnings }

        func labels(at index: Int) -> Labels { base.labels(at: index) }

        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
            try base.read(index, into: &column)
        }

        func bounds(of index: Int) throws(SourceError) -> TimeRange? { try base.bounds(of: index) }
    }
}
