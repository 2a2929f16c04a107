import Model

/// What is read of one metric: all ranges, or only those shorter than a day, in which samples about whole
/// days have no part.
struct MetricRead {
    let metric: MetricDefinition
    let extent: Extent?
    /// The ranges, in any order.
    let ranges: [Bucket]
    let isShort: Bool

    init(_ metric: MetricDefinition, _ extent: Extent?, _ ranges: [Bucket], isShort: Bool = false) {
        self.metric = metric
        self.extent = extent
        self.ranges = ranges
        self.isShort = isShort
    }

    /// Whether there is anything to ask.
    var isAsked: Bool { extent != nil && !ranges.isEmpty }

    /// The question that this is, for the ranges as requests say them; nil if nothing is asked.
    func request(_ cuts: [Int64], _ ranges: [Range<Int>], by label: String?) -> AggregateRequest? {
        guard let extent, isAsked else { return nil }
        return AggregateRequest(metric: metric, extent: extent, label: label, cuts: cuts, ranges: ranges)
    }

    /// Where the answer goes; `list` are the ranges in the order of its values.
    func column(_ list: RangeList) -> MetricValues.Column {
        MetricValues.Column(
            name: metric.name,
            extent: extent,
            isZeroWhenEmpty: metric.aggregation.isZeroWhenEmpty,
            ranges: list,
            table: AggregateTable(),
            groups: [:],
            isShort: isShort
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
