/// The one way out: queries, rules, exports and the UI read through a source.
///
/// Calls are synchronous and may block on disk: run them on a thread that may block. All of one answer comes
/// from one consistent snapshot.
public protocol SeriesSource: Sendable {
    /// The series that match and have samples in the range, in label order.
    ///
    /// - Parameters:
    ///   - request: What is wanted.
    ///   - budget: What the query may use up; checked while samples are read.
    /// - Returns: A snapshot; samples are decoded when they are read.
    /// - Throws: `SourceError` if a matcher is wrong, the budget is used up or the data cannot be read.
    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet

    /// The label sets with samples in the range that match any of the selections (none: all), in label order.
    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels>

    /// The label names, as `series` selects, in byte order.
    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String>

    /// The values of one label, as `series` selects, in byte order.
    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>

    /// A time before which no series that matches has a sample, as far as that is known without reading
    /// samples; nil if it is not.
    ///
    /// - Parameters:
    ///   - matchers: What the series have to match.
    ///   - budget: What looking for it may cost.
    /// - Returns: The time; samples need not begin there.
    /// - Throws: `SourceError` as `select` does.
    func start(of matchers: [Matcher], budget: QueryBudget) throws(SourceError) -> Timestamp?

    /// What is known about metrics: all, or the one with that name; in name order.
    func metadata(of metric: String?) -> [MetricMetadata]

    /// Whether what these matchers select depends on a request's hints or on the ends of its range, so that
    /// it is of no use to another request with the same matchers and a range inside.
    func dependsOnHints(_ matchers: [Matcher]) -> Bool

    /// A mark of the present, for `unchanged`; nil if the source does not know what changes.
    func changeMark() -> UInt64?

    /// The times whose samples are read now as they were when `mark` was given; nil if none is sure.
    func unchanged(since mark: UInt64) -> TimeRange?

    /// Runs `body` on this thread; reads of this source that it makes do not wait for a disk.
    ///
    /// - Returns: Whether all that was read was in memory; if not, what `body` found out is void. A source
    ///   that cannot tell answers false without running `body`.
    func withoutWaiting(_ body: () -> Void) -> Bool
}

extension SeriesSource {
    /// A source need not know when its samples begin.
    public func start(of matchers: [Matcher], budget: QueryBudget) throws(SourceError) -> Timestamp? { nil }

    /// Samples that are stored are the same whoever asks.
    public func dependsOnHints(_ matchers: [Matcher]) -> Bool { false }

    /// A source need not know what changes.
    public func changeMark() -> UInt64? { nil }

    /// A source need not know what changes.
    public func unchanged(since mark: UInt64) -> TimeRange? { nil }

    /// A source need not know what it waits for.
    public func withoutWaiting(_ body: () -> Void) -> Bool { false }
}

/// Reads selected series one by one: their labels, and their samples, decoded when they are read.
///
/// A series is known by its place among those selected, from 0 on, in label order. Reading them in order is
/// fastest.
public protocol SeriesReader {
    /// The label set of the series at `index`.
    func labels(at index: Int) -> Labels

    /// Replaces `column` by the samples of the series at `index` that lie in the request's range, times
    /// rising strictly.
    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError)

    /// What the samples of the series at `index` amount to in each of `windows`, where the source has that
    /// without reading all samples.
    ///
    /// - Parameters:
    ///   - index: The series.
    ///   - windows: Stretches of time inside the request's range, both ends included; neither end ever falls.
    ///     `(a, b]` is `a + 1...b`, `[a, b)` is `a...b - 1`.
    ///   - parts: What is wanted of the states.
    ///   - states: Replaced by the states, one for each window, empty where it has no samples.
    /// - Returns: Whether `states` was filled. If not, read the samples: there is nothing that would spare
    ///   that, or the series has native histograms.
    /// - Throws: `SourceError` as `read` does.
    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool

    /// Whether the source may have anything of the series at `index` but its samples: without it neither
    /// `states` nor `histogramStates` need be asked.
    ///
    /// - Throws: `SourceError` as `read` does.
    func mayHaveStates(of index: Int) throws(SourceError) -> Bool

    /// Between which times the samples of the series at `index` lie that `read` gives, where the source knows
    /// that without reading them: there are none outside, but there need not be any inside.
    ///
    /// - Returns: The times; nil if they are not known.
    /// - Throws: `SourceError` as `read` does.
    func bounds(of index: Int) throws(SourceError) -> TimeRange?

    /// Calls `body` with what the native histograms of the series at `index` amount to in each of `windows`,
    /// where the series has no other samples there and the source has that without reading all of them.
    ///
    /// - Parameters:
    ///   - index: The series.
    ///   - windows: As for `states`.
    ///   - parts: What is wanted of the states: `.ends`, `.sum`, `.increase`.
    ///   - body: Called with the place of each window, in order, and its state.
    /// - Returns: Whether that was possible. If not, what `body` was told does not count.
    /// - Throws: `SourceError` as `read` does.
    func histogramStates(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool
}

extension SeriesReader {
    /// Sources without anything but samples have no states.
    public func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool { false }

    /// Whoever knows no better has them asked for.
    public func mayHaveStates(of index: Int) throws(SourceError) -> Bool { true }

    /// A source need not know when its samples are before they are read.
    public func bounds(of index: Int) throws(SourceError) -> TimeRange? { nil }

    /// Sources without anything but samples have no states.
    public func histogramStates(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool { false }
}

/// Selected series, which several threads may read, best each with a reader of its own.
public protocol SeriesSet: SeriesReader, Sendable {
    /// The number of series.
    var count: Int { get }
    /// What the reader should know, such as damaged data that is missing from the answer.
    var warnings: [String] { get }
    /// What the reader may want to know about the kind of the data; it does not doubt them.
    var infos: [String] { get }

    /// Calls `body` with a reader for one thread, which has what it decodes to itself: best for many series.
    func withReader<Value, Failure: Error>(
        _ body: (any SeriesReader) throws(Failure) -> Value
    ) throws(Failure) -> Value
}

extension SeriesSet {
    /// Ordinary samples need no remark.
    public var infos: [String] { [] }

    /// What keeps nothing for a thread is read as it is.
    public func withReader<Value, Failure: Error>(
        _ body: (any SeriesReader) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try body(self)
    }
}

/// What a select is asked for.
public struct SelectRequest: Sendable {
    /// All of them have to match.
    public var matchers: [Matcher]
    /// The samples wanted, both ends included.
    public var range: TimeRange
    /// What the samples are for.
    public var hints: SelectHints
    /// Whether samples around `range` may be among those that are read: leaving them out can cost a copy.
    public var mayReadMore = false

    /// A request for the samples in `range` of the series that satisfy `matchers`.
    public init(matchers: [Matcher], range: TimeRange, hints: SelectHints = SelectHints()) {
        self.matchers = matchers
        self.range = range
        self.hints = hints
    }
}

/// What a query will do with the samples; a source may use it to read less, and may ignore it.
public struct SelectHints: Hashable, Sendable {
    /// The function or aggregation right above the selector, such as `rate`; empty if none.
    public var function = ""
    /// The range selector's length in milliseconds; 0 for an instant selector.
    public var rangeMillis: Int64 = 0
    /// The query's step in milliseconds; 0 for an instant query.
    public var stepMillis: Int64 = 0
    /// The labels of the aggregation right above; nil if there is none.
    public var grouping: [String]?
    /// Whether `grouping` are the labels kept (`by`) or dropped (`without`).
    public var isGroupedBy = false

    /// No hints.
    public init() {}
}

/// What a question about labels is asked for.
public struct LabelRequest: Sendable {
    /// A series counts if it satisfies all matchers of at least one selection; no selection: every series
    /// counts.
    public var selections: [[Matcher]]
    /// Only series with samples in this range count.
    public var range: TimeRange
    /// At most this many answers; nil: as many as there are, within the budget.
    public var limit: Int?

    /// A request for what lies in `range`.
    public init(selections: [[Matcher]] = [], range: TimeRange = .all, limit: Int? = nil) {
        self.selections = selections
        self.range = range
        self.limit = limit
    }
}

/// The answer to a question about labels.
public struct LabelAnswer<Item: Sendable>: Sendable {
    /// The items, sorted.
    public var items: [Item]
    /// Whether the request's limit left some out.
    public var isTruncated: Bool
    /// What the reader should know, such as damaged data.
    public var warnings: [String]

    /// An answer with these items.
    public init(items: [Item], isTruncated: Bool = false, warnings: [String] = []) {
        self.items = items
        self.isTruncated = isTruncated
        self.warnings = warnings
    }
}

/// Why a source, or a query over it, stopped.
public enum SourceError: Error, Hashable, Sendable {
    /// The client went away or the daemon is stopping.
    case cancelled
    /// The query ran longer than it may.
    case timedOut(afterMillis: Int64)
    /// More samples would have to be held in memory than a query may.
    case tooManySamples(limit: Int)
    /// Samples would take more memory than the limit of this name allows.
    case tooMuchMemory(limitName: String, limitBytes: Int)
    /// More series would be answered than an answer may have.
    case tooManySeries(limit: Int)
    /// A matcher cannot be used, for example its regular expression is wrong.
    case badMatcher(String)
    /// The data cannot be read.
    case unavailable(String)
}
