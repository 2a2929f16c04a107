import Model

/// The stored series without those in which values of metrics are kept.
///
/// A selector that has their name by equality gets them if `showsNamed`; any other leaves them out, so that
/// what selects everything counts nothing twice.
package struct VisibleSource: SeriesSource {
    private let base: any SeriesSource
    private let showsNamed: Bool
    private let mayHaveKept: @Sendable () -> Bool

    /// The series of `base`.
    ///
    /// - Parameters:
    ///   - base: All series.
    ///   - showsNamed: Whether a selector can ask for the kept values by their name.
    ///   - mayHaveKept: Whether there are any; if not, nothing is left out.
    package init(
        _ base: any SeriesSource,
        showsNamed: Bool,
        mayHaveKept: @escaping @Sendable () -> Bool = { true }
    ) {
        self.base = base
        self.showsNamed = showsNamed
        self.mayHaveKept = mayHaveKept
    }

    package func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        var request = request
        request.matchers = visible(request.matchers)
        return try base.select(request, budget: budget)
    }

    package func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<Labels>
    {
        try base.series(visible(request), budget: budget)
    }

    package func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        try base.labelNames(visible(request), budget: budget)
    }

    package func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget)
        throws(SourceError) -> LabelAnswer<String>
    {
        try base.labelValues(name, visible(request), budget: budget)
    }

    package func start(of matchers: [Matcher], budget: QueryBudget) throws(SourceError) -> Timestamp? {
        try base.start(of: visible(matchers), budget: budget)
    }

    package func withoutWaiting(_ body: () -> Void) -> Bool { base.withoutWaiting(body) }

    package func metadata(of metric: String?) -> [MetricMetadata] { base.metadata(of: metric) }

    package func dependsOnHints(_ matchers: [Matcher]) -> Bool { base.dependsOnHints(matchers) }

    package func changeMark() -> UInt64? { base.changeMark() }

    package func unchanged(since mark: UInt64) -> TimeRange? { base.unchanged(since: mark) }

    /// The request without the kept values; one without selections, which is answered without looking at
    /// series, stays as it is.
    private func visible(_ request: LabelRequest) -> LabelRequest {
        var request = request
        request.selections = request.selections.map(visible)
        return request
    }

    private func visible(_ matchers: [Matcher]) -> [Matcher] {
        guard mayHaveKept() else { return matchers }
        let name = matchers.first { $0.name == Labels.metricName && $0.kind == .equal }
        if let name, showsNamed || ByteText(name.value) != ByteText(KeptSeries.name) { return matchers }
        return matchers + [Matcher(Labels.metricName, .notEqual, KeptSeries.name)]
    }
}
