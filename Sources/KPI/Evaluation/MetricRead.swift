import Model

/// What is read of one metric: all ranges, or only those shorter than a day, in which samples about whole
/// days have no part.
struct MetricRead {
    let metric: MetricDefinition
    let extent: Extent?
    /// The ranges in order.
    let ranges: [Bucket]
    let isShort: Bool

    init(_ metric: MetricDefinition, _ extent: Extent?, _ ranges: Set<Bucket>, isShort: Bool = false) {
        self.metric = metric
        self.extent = extent
        self.ranges = ranges.sorted { ($0.start, $0.end) < ($1.start, $1.end) }
        self.isShort = isShort
    }

    /// The question that this is; nil if nothing is asked.
    func request(by label: String?) -> AggregateRequest? {
        guard let extent, !ranges.isEmpty else { return nil }
        let cuts = Set(ranges.flatMap { [$0.start, $0.end] }).sorted()
        var indexOfCut: [Int64: Int] = [:]
        for (index, cut) in cuts.enumerated() { indexOfCut[cut] = index }
        return AggregateRequest(
            metric: metric,
            extent: extent,
            label: label,
            cuts: cuts,
            ranges: ranges.map { (indexOfCut[$0.start] ?? 0)..<(indexOfCut[$0.end] ?? 0) }
        )
    }
}

extension Bucket {
    /// Whether it is shorter than any local day.
    var isShort: Bool { end - start < Granularity.shortestDayMillis }
}

extension MetricDefinition {
    /// The metric without samples about whole days; nil of an expression, which selects what it wants.
    var withoutDays: MetricDefinition? {
        let matcher = Matcher(Granularity.label, .notEqual, Granularity.day)
        func narrowed(_ selector: MetricSelector) -> MetricSelector {
            MetricSelector(selector.matchers + [matcher], takesHistograms: selector.takesHistograms)
        }
        var other = self
        switch source {
        case .counter(let selector): other.source = .counter(narrowed(selector))
        case .samples(let selector): other.source = .samples(narrowed(selector))
        case .gauge(let selector): other.source = .gauge(narrowed(selector))
        case .promql: return nil
        }
        return other
    }
}
