import Model

/// The series of a selection in label order, each with its places in the segments and heads that have samples
/// of it.
///
/// A million of them are a few columns of numbers, not a million objects.
struct SelectedSeries: Sendable {
    /// In the order of writing.
    private let sources: [SelectedSource]
    private let retention: RetentionClasses
    /// The time of the snapshot.
    let now: Timestamp
    /// The number of series.
    private(set) var count = 0
    /// Whether the series are those of the first source, and at the same places.
    private let isWhole: Bool
    /// The places of all series, one series after the other; none if they are those of the first source.
    private var places: [SeriesMerge.Place] = []
    /// Where those of each series begin; none if each has one.
    private var starts: [UInt32] = []
    /// The rule that says how long samples of each series are kept; none if there are no rules.
    private var rules: [UInt32] = []

    /// The series of `sources` that have something in `range` which has not expired.
    ///
    /// - Parameters:
    ///   - sources: In the order of writing; what they have lies in `range` at least in part.
    ///   - range: The range.
    ///   - retention: How long what is stored is kept.
    ///   - now: The time of the snapshot.
    ///   - memory: Charged for what is kept; once it has failed, the rest is left out.
    ///   - isOver: Whether to stop, which is asked from time to time; then the rest is left out.
    init(
        _ sources: [SelectedSource],
        in range: TimeRange,
        _ retention: RetentionClasses,
        now: Timestamp,
        _ memory: inout SelectionMemory,
        isOver: () -> Bool
    ) {
        let sources = sources.filter { $0.count > 0 }
        self.sources = sources
        self.retention = retention
        self.now = now
        let isAllLive =
            !retention.hasRules && SelectedSeries.isAllLive(retention.times(ofRule: 0), range, now)
        isWhole = sources.count <= 1 && isAllLive
        if isWhole {
            count = sources.first?.count ?? 0
            return
        }
        var reader = Segment.Reader()
        var places: [SeriesMerge.Place] = []
        var starts: [UInt32] = []
        var rules: [UInt32] = []
        var hasFailed = false
        SeriesMerge.run(sources, isOver: { hasFailed || isOver() }) { labels, found in
            if hasFailed { return }
            let rule = retention.hasRules ? retention.ruleIndex(of: labels) : 0
            let times = retention.times(ofRule: rule)
            if !isAllLive, !SelectedSeries.isAllLive(times, range, now) {
                let parts = found.map { sources[Int($0.source)].part(at: Int($0.place)) }
                guard StoredSeries(parts: parts, times: times, now: now).isLive(in: range, &reader) else {
                    return
                }
            }
            hasFailed = !memory.add(bytes: SelectedSeries.byteCount(placeCount: found.count))
            starts.append(UInt32(places.count))
            places += found
            if retention.hasRules { rules.append(UInt32(rule)) }
        }
        count = starts.count
        self.starts = places.count == count ? [] : starts
        self.places = places
        self.rules = rules
    }

    /// The labels of a series.
    ///
    /// - Parameters:
    ///   - index: The series.
    ///   - hint: Of what was asked for before, best of the series before; changed.
    /// - Returns: The labels.
    func labels(at index: Int, near hint: inout Int) -> Labels {
        if isWhole { return sources[0].labels(at: index, near: &hint) }
        let place = places[start(of: index)]
        return sources[Int(place.source)].labels(at: Int(place.place), near: &hint)
    }

    /// What is stored of a series.
    func series(at index: Int) -> StoredSeries {
        let times = times(ofRule: rule(of: index))
        if isWhole { return StoredSeries(parts: [sources[0].part(at: index)], times: times, now: now) }
        let end = index + 1 < count ? start(of: index + 1) : places.count
        let parts = places[start(of: index)..<end].map { sources[Int($0.source)].part(at: Int($0.place)) }
        return StoredSeries(parts: parts, times: times, now: now)
    }

    /// The segment that all series are of, and the ordinals of its series, if they are of one and nothing of
    /// them is deleted; `place` tells which of them a series is.
    var plainSegment: (segment: Segment, ordinals: [UInt32])? {
        sources.count == 1 ? sources[0].plainSegment : nil
    }

    /// The place of a series in the only source.
    @inline(__always)
    func place(of index: Int) -> Int { isWhole ? index : Int(places[index].place) }

    /// The rule that says how long what is stored of a series is kept; 0 if there are no rules.
    @inline(__always)
    func rule(of index: Int) -> Int { rules.isEmpty ? 0 : Int(rules[index]) }

    /// How long what is stored of series is kept about which a rule decides.
    func times(ofRule rule: Int) -> RetentionTimes { retention.times(ofRule: rule) }

    // MARK: - Private

    private func start(of index: Int) -> Int { starts.isEmpty ? index : Int(starts[index]) }

    /// Whether nothing that is in `range` has expired.
    private static func isAllLive(_ times: RetentionTimes, _ range: TimeRange, _ now: Timestamp) -> Bool {
        Store.earliest(now, times.rawMillis) <= range.start.millis
    }

    /// What a series with so many places takes, in bytes.
    private static func byteCount(placeCount: Int) -> Int {
        placeCount * MemoryLayout<SeriesMerge.Place>.stride + MemoryLayout<UInt32>.stride
            + MemoryLayout<UInt32>.stride
    }
}
