import Matching
import Model

extension Store: SeriesSource {
    package func select(
        _ request: SelectRequest,
        budget: QueryBudget
    ) throws(SourceError) -> any SeriesSet {
        let (series, warnings, memory) = try view(of: request.range).series(
            try compile(request.matchers),
            request.range,
            budget
        )
        return StoredSeriesSet(series, request, warnings, budget, memory)
    }

    package func start(of matchers: [Matcher], budget: QueryBudget) throws(SourceError) -> Timestamp? {
        try view(of: .all).start(of: try compile(matchers), budget)
    }

    package func metadata(of metric: String?) -> [MetricMetadata] {
        state.withLock { state in
            if let metric { return state.metadata[ByteText(metric)].map { [$0] } ?? [] }
            return state.metadata.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    package func changeMark() -> UInt64? { state.withLock { $0.changes.mark } }

    package func unchanged(since mark: UInt64) -> TimeRange? {
        let now = options.now()
        return state.withLock { state in
            // What expires is gone to the millisecond.
            let start = state.retention.shortestMillis.map { now.advanced(byMillis: -$0) } ?? .min
            return TimeRange(start, state.changes.unchangedThrough(since: mark))
        }
    }

    package func withoutWaiting(_ body: () -> Void) -> Bool { DiskWaits.forbidden(body) }

    /// Notes that samples at `since`, or behind it, are read otherwise from now on; for what is no write.
    func noteChange(since: Timestamp) {
        state.withLock { $0.changes.note(since: since) }
    }

    /// What the store holds now, as far as `range` goes.
    func view(of range: TimeRange) -> StoreView {
        let now = options.now()
        return state.withLock { StoreView(self, $0, range, now: now) }
    }

    /// Makes matchers ready for use.
    func compile(_ matchers: [Matcher]) throws(SourceError) -> [CompiledMatcher] {
        do throws(RegexError) {
            return try CompiledMatcher.compile(
                matchers,
                regexLimit: options.limits.current.regexBytes
            )
        } catch {
            throw .badMatcher(error.description)
        }
    }

    /// What a reader is told of a segment that cannot be read in part.
    static func warning(about segment: Segment) -> String {
        "segment \(segment.record.file) cannot be read in part; samples are missing here"
    }
}
