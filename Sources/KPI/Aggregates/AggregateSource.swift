import Model

/// The first and the last time at which there is a value, in milliseconds.
package struct Extent: Hashable, Sendable {
    /// The time of the oldest value.
    package var oldest: Int64
    /// The time of the newest value: the watermark.
    package var newest: Int64

    /// The times from `oldest` to `newest`.
    package init(oldest: Int64, newest: Int64) {
        self.oldest = oldest
        self.newest = newest
    }

    /// The extent of both; nil if both are.
    static func union(_ left: Extent?, _ right: Extent?) -> Extent? {
        guard let left, let right else { return left ?? right }
        return Extent(oldest: min(left.oldest, right.oldest), newest: max(left.newest, right.newest))
    }
}

/// What is wanted of one metric.
package struct AggregateRequest: Sendable {
    /// The metric.
    package var metric: MetricDefinition
    /// When it has values.
    package var extent: Extent
    /// The label to break down by; nil for everything together.
    package var label: String?
    /// Where the ranges begin and end, rising strictly, in milliseconds.
    package var cuts: [Int64]
    /// The ranges wanted; `1..<3` goes from the cut 1 to before the cut 3.
    package var ranges: [Range<Int>]

    /// A request for the values of `ranges`.
    package init(
        metric: MetricDefinition,
        extent: Extent,
        label: String? = nil,
        cuts: [Int64],
        ranges: [Range<Int>]
    ) {
        self.metric = metric
        self.extent = extent
        self.label = label
        self.cuts = cuts
        self.ranges = ranges
    }
}

/// The values of one metric.
package struct AggregateTable: Sendable {
    /// The values of the label that the request breaks down by, ascending; one empty value without a label.
    package var groups: [String]
    /// `values[group][range]`: the value of the range, nil if there is no sample in it.
    package var values: [[Double?]]
    /// What the reader should know of the data behind them, such as damage; each text once.
    package private(set) var warnings: [String] = []

    /// A table of these groups.
    package init(groups: [String] = [], values: [[Double?]] = []) {
        self.groups = groups
        self.values = values
    }

    /// Adds what the reader should know.
    mutating func add(warnings texts: [String]) {
        for text in texts where !warnings.contains(text) { warnings.append(text) }
    }
}

/// Where the values of metrics come from: raw samples, or whatever has them added up already.
///
/// Implementations answer for the stored samples as they are now. Two of them agree within 1e-12; each is
/// deterministic to the bit.
package protocol AggregateSource: Sendable {
    /// When any series of the selectors has values; nil if there is none.
    ///
    /// The newest one is looked for near `now` first.
    ///
    /// - Parameters:
    ///   - selectors: What the values are of.
    ///   - now: The time.
    ///   - known: What it was before, if nothing older than that has been written since.
    ///   - budget: What reading may cost.
    /// - Returns: The times of the oldest and the newest value; nil without any.
    /// - Throws: Why the samples cannot be read.
    func extent(of selectors: [MetricSelector], now: Int64, known: Extent?, budget: QueryBudget)
        throws(SourceError) -> Extent?

    /// When a metric has kept values that stand for samples which have expired; nil without any.
    func keptExtent(of metric: MetricDefinition, budget: QueryBudget) throws(SourceError) -> Extent?

    /// Whether series of the selectors hold native histograms, which are no numbers.
    func hasHistograms(in selectors: [MetricSelector], now: Int64, budget: QueryBudget)
        throws(SourceError) -> Bool

    /// The values of the ranges of each request, in the order of the requests.
    func tables(_ requests: [AggregateRequest], budget: QueryBudget) throws(SourceError)
        -> [AggregateTable]

    /// Samples of these times or later have been written, so that what is remembered of them is wrong.
    ///
    /// It is called for every write and costs next to nothing.
    func noteWrite(oldest millis: Int64)

    /// All values that the label ever had among the series of the selectors, ascending.
    func values(ofLabel label: String, in selectors: [MetricSelector], budget: QueryBudget)
        throws(SourceError) -> [String]
}

extension AggregateSource {
    /// A source need not keep values.
    package func keptExtent(of metric: MetricDefinition, budget: QueryBudget) throws(SourceError) -> Extent? {
        nil
    }

    /// When any series of the selectors has values, without knowing anything about it.
    package func extent(of selectors: [MetricSelector], now: Int64, budget: QueryBudget) throws(SourceError)
        -> Extent?
    {
        try extent(of: selectors, now: now, known: nil, budget: budget)
    }
}
