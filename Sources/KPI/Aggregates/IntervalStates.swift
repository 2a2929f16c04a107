import Model

/// The states of one series after the other over the same intervals, for all requests that want these.
///
/// A source that has states is asked for them; else they are folded from the samples. Both are the same
/// within 1e-12.
struct IntervalStates {
    /// The shortest stretch that a source is asked about, in milliseconds.
    private static let leastMillis = 2 * RollupLevel.fiveMinutes.millis

    /// Where the intervals begin and end.
    let cuts: [Int64]
    /// The requests that want them, by their numbers.
    private(set) var members: [Int] = []
    /// The states of the intervals, the first of them at `first`.
    private(set) var states: [WindowState] = []

    private var parts: WindowParts = []
    /// From where on the samples before the first interval are in reach.
    private let start: Int64
    /// Whether the last value before the first interval is wanted.
    private var wantsBefore = false
    private var windows: [TimeRange] = []

    /// The intervals between `cuts`; samples are in reach from `start` on.
    init(cuts: [Int64], start: Int64) {
        self.cuts = cuts
        self.start = start
    }

    /// Adds a request for these intervals.
    mutating func add(member: Int, _ fold: AggregateFold) {
        members.append(member)
        parts.formUnion(fold.request.metric.parts)
        wantsBefore = wantsBefore || fold.needsPredecessor
        windows = wantsBefore && start < cuts[0] ? [IntervalStates.window(start, cuts[0])] : []
        for (cut, next) in zip(cuts, cuts.dropFirst()) { windows.append(IntervalStates.window(cut, next)) }
        states = [WindowState](repeating: WindowState(), count: windows.count)
    }

    /// The place of the first interval's state.
    var first: Int { windows.count - (cuts.count - 1) }

    /// How much memory they take, in bytes.
    var heldByteCount: Int {
        windows.count * (MemoryLayout<TimeRange>.stride + MemoryLayout<WindowState>.stride)
    }

    /// Whether the series at hand has no number in the intervals.
    var isEmpty: Bool { states.dropFirst(first).allSatisfy(\.isEmpty) }

    /// When the series at hand has its first number in the intervals, in milliseconds.
    var firstMillis: Int64? { states.dropFirst(first).first { !$0.isEmpty }?.firstMillis }

    /// Asks for the states of a series.
    ///
    /// - Returns: The last number before the intervals, as far as it is in reach; nil if the samples have to
    ///   be read and folded.
    mutating func ask(_ set: any SeriesSet, _ index: Int) throws(SourceError) -> Double?? {
        guard let end = windows.last?.end.millis, end - cuts[0] >= IntervalStates.leastMillis,
            try set.states(of: index, in: windows, parts, into: &states)
        else { return nil }
        precondition(states.count == windows.count, "BUG: \(states.count) states of \(windows.count) ranges")
        guard first > 0, !states[0].isEmpty else { return .some(nil) }
        return .some(states[0].lastValue)
    }

    /// Folds the samples of a series.
    ///
    /// - Returns: The last number before the intervals, as far as it is among them.
    mutating func fold(_ column: SampleColumn) -> Double? {
        if states.count != windows.count {
            states = [WindowState](repeating: WindowState(), count: windows.count)
        }
        SeriesFold.fold(column, cuts: cuts, parts, into: &states, from: first)
        return wantsBefore ? SeriesFold.last(column, before: cuts[0]) : nil
    }

    /// The times from `start` to before `end`.
    private static func window(_ start: Int64, _ end: Int64) -> TimeRange {
        TimeRange(Timestamp(millis: start), Timestamp(millis: end - 1))
    }
}
