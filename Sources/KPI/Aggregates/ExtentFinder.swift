import Model
import Synchronization

/// Finds the oldest and the newest value of a selector's series.
///
/// The newest one is looked for near the present first. The oldest one is remembered, and verified each time,
/// so that older samples and expiry are noticed. Where the source has states of days, they tell it.
final class ExtentFinder: Sendable {
    /// How exactly the oldest value is narrowed down before samples are read, in milliseconds.
    private static let grainMillis: Int64 = 300_000
    /// How far back from now the newest value is looked for, one after the other.
    private static let reaches: [Int64] = [600_000, 7_200_000, 2 * 86_400_000, 60 * 86_400_000]
    /// The most selectors that are remembered.
    private static let rememberedCount = 10_000

    private let source: any SeriesSource
    private let oldestKnown = Mutex<[MetricSelector: Int64]>([:])

    init(source: any SeriesSource) {
        self.source = source
    }

    /// The extent of the selector's values, or nil if it has none.
    func extent(of selector: MetricSelector, now: Int64, budget: QueryBudget) throws(SourceError)
        -> Extent?
    {
        guard let newest = try newest(selector, now, budget) else { return nil }
        if let known = oldestKnown.withLock({ $0[selector] }), known <= newest,
            try isOldest(known, selector, budget)
        {
            return Extent(oldest: known, newest: newest)
        }
        let oldest = try oldest(selector, newest, budget)
        oldestKnown.withLock { known in
            if known.count >= ExtentFinder.rememberedCount { known.removeAll() }
            known[selector] = oldest
        }
        return Extent(oldest: oldest, newest: newest)
    }

    private func isOldest(_ known: Int64, _ selector: MetricSelector, _ budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        if try first(selector, from: .min, through: known, budget) == known { return true }
        // Its sample may have expired, and be known from the state of a day only.
        let day = ExtentFinder.days(from: known, through: known)
        let isFirst = try firstOfStates(selector, day, budget) == known
        guard isFirst else { return false }
        return try !mayHaveSamples(selector, through: day.start.millis - 1, budget)
    }

    /// The time of the newest value at or behind a time; nil if there is none.
    func newest(_ selector: MetricSelector, from start: Int64, budget: QueryBudget) throws(SourceError)
        -> Int64?
    {
        try last(selector, from: start, through: .max, budget)
    }

    /// Whether the selector's newest series hold native histograms.
    func hasHistograms(_ selector: MetricSelector, now: Int64, budget: QueryBudget) throws(SourceError)
        -> Bool
    {
        var samples = SampleColumn()
        for reach in ExtentFinder.reaches {
            let range = TimeRange(Timestamp(millis: now - reach), .max)
            let request = SelectRequest(matchers: selector.matchers, range: range)
            let set = try source.select(request, budget: budget)
            for index in 0..<set.count {
                try set.read(index, into: &samples)
                budget.noteScanned(samples: samples.count)
                if !samples.histograms.isEmpty { return true }
            }
        }
        return false
    }

    private func newest(_ selector: MetricSelector, _ now: Int64, _ budget: QueryBudget)
        throws(SourceError)
        -> Int64?
    {
        for reach in ExtentFinder.reaches {
            if let newest = try last(selector, from: now - reach, through: .max, budget) { return newest }
        }
        return try newestOfOld(selector, now, budget)
    }

    /// The newest value where there is none near the present.
    private func newestOfOld(_ selector: MetricSelector, _ now: Int64, _ budget: QueryBudget)
        throws(SourceError) -> Int64?
    {
        // Something may be from `low` on, nothing is behind `high`.
        var high = now
        var low = now
        var step: Int64 = 30 * 86_400_000
        while try !mayHaveSamples(selector, from: low, budget) {
            high = low
            let (next, overflow) = now.subtractingReportingOverflow(step)
            guard !overflow, step < Int64.max / 4 else { return nil }
            low = next
            step *= 4
        }
        while high - low > ExtentFinder.grainMillis {
            let middle = low + (high - low) / 2
            if try mayHaveSamples(selector, from: middle, budget) { low = middle } else { high = middle }
        }
        var reach = ExtentFinder.grainMillis
        var through = high
        while true {
            let (difference, overflow) = through.subtractingReportingOverflow(reach)
            let from = overflow ? Int64.min : difference
            if let newest = try last(selector, from: from, through: through, budget) { return newest }
            guard from > .min else { return nil }
            through = from
            reach = reach > Int64.max / 8 ? .max : reach * 8
        }
    }

    /// Whether a series may have samples at or behind a time; expired ones may count.
    private func mayHaveSamples(_ selector: MetricSelector, from start: Int64, _ budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        let range = TimeRange(Timestamp(millis: start), .max)
        let set = try source.select(SelectRequest(matchers: selector.matchers, range: range), budget: budget)
        return set.count > 0
    }

    private func oldest(_ selector: MetricSelector, _ newest: Int64, _ budget: QueryBudget)
        throws(SourceError)
        -> Int64
    {
        // Nothing is known before `low`, something may be at or before `high`.
        var high = newest
        var low = newest
        if let start = try earliestBound(selector, through: newest, budget) {
            (low, high) = (start, start)
        } else {
            var step: Int64 = 86_400_000
            while try mayHaveSamples(selector, through: low, budget) {
                high = low
                let (next, overflow) = newest.subtractingReportingOverflow(step)
                guard !overflow, step < Int64.max / 4 else {
                    low = .min / 2
                    break
                }
                low = next
                step *= 4
            }
        }
        func narrow(to grainMillis: Int64) throws(SourceError) {
            while high - low > grainMillis {
                let middle = low + (high - low) / 2
                if try mayHaveSamples(selector, through: middle, budget) {
                    high = middle
                } else {
                    low = middle
                }
            }
        }
        try narrow(to: RollupLevel.day.millis)
        let days = ExtentFinder.days(from: low, through: high)
        if let first = try firstOfStates(selector, days, budget) { return first }
        try narrow(to: ExtentFinder.grainMillis)
        var reach = ExtentFinder.grainMillis
        var from = low
        while from < newest {
            let (sum, overflow) = from.addingReportingOverflow(reach)
            let through = overflow ? newest : min(newest, sum)
            if let first = try first(selector, from: from, through: through, budget) { return first }
            from = through
            reach = reach > Int64.max / 8 ? reach : reach * 8
        }
        return newest
    }

    /// A time before which no series has a sample up to `end`; nil if the source knows none.
    private func earliestBound(_ selector: MetricSelector, through end: Int64, _ budget: QueryBudget)
        throws(SourceError) -> Int64?
    {
        // Near enough to the epoch that sums of times do not overflow.
        try source.start(of: selector.matchers, budget: budget).map { min(end, max($0.millis, .min / 2)) }
    }

    /// Whether a series may have samples at or before a time; expired ones may count.
    private func mayHaveSamples(_ selector: MetricSelector, through end: Int64, _ budget: QueryBudget)
        throws(SourceError) -> Bool
    {
        let range = TimeRange(.min, Timestamp(millis: end))
        let set = try source.select(
            SelectRequest(matchers: selector.matchers, range: range),
            budget: budget
        )
        return set.count > 0
    }

    /// The days of UTC that hold both times.
    private static func days(from start: Int64, through end: Int64) -> TimeRange {
        let day = RollupLevel.day.millis
        return TimeRange(
            Timestamp(millis: start.floored(by: day) * day),
            Timestamp(millis: end.floored(by: day) * day + (day - 1))
        )
    }

    /// The time of the first value in the range, if there is one and the source knows it without reading
    /// samples.
    private func firstOfStates(_ selector: MetricSelector, _ range: TimeRange, _ budget: QueryBudget)
        throws(SourceError) -> Int64?
    {
        let request = SelectRequest(matchers: selector.matchers, range: range)
        let set = try source.select(request, budget: budget)
        var first: Int64?
        var states: [WindowState] = []
        for (index, bound) in try ExtentFinder.candidates(set, .oldest) {
            if let first, first <= bound { break }
            if try set.states(of: index, in: [range], [], into: &states), let state = states.first {
                if !state.isEmpty { first = min(first ?? .max, state.firstMillis) }
                continue
            }
            guard selector.takesHistograms else { return nil }
            let isKnown = try set.histogramStates(of: index, in: [range], []) { _, state in
                if !state.isEmpty { first = min(first ?? .max, state.firstMillis) }
            }
            guard isKnown else { return nil }
        }
        return first
    }

    /// Which value is looked for.
    private enum Wanted { case oldest, newest }

    /// The series of a set and the earliest, or the latest, time at which they may have a value, the best
    /// first: once a value is found that no bound is better than, the others need not be read.
    private static func candidates(_ set: any SeriesSet, _ wanted: Wanted) throws(SourceError)
        -> [(index: Int, bound: Int64)]
    {
        var candidates: [(index: Int, bound: Int64)] = []
        for index in 0..<set.count {
            let bounds = try set.bounds(of: index) ?? TimeRange(.min, .max)
            candidates.append(
                (index, wanted == .oldest ? bounds.start.millis : bounds.end.millis)
            )
        }
        candidates.sort { one, other in
            if one.bound == other.bound { return one.index < other.index }
            return wanted == .oldest ? one.bound < other.bound : one.bound > other.bound
        }
        return candidates
    }

    /// The time of the first value in the range.
    private func first(
        _ selector: MetricSelector,
        from start: Int64,
        through end: Int64,
        _ budget: QueryBudget
    ) throws(SourceError) -> Int64? {
        try extreme(.oldest, selector, from: start, through: end, budget)
    }

    /// The time of the last value in the range.
    private func last(
        _ selector: MetricSelector,
        from start: Int64,
        through end: Int64,
        _ budget: QueryBudget
    ) throws(SourceError) -> Int64? {
        try extreme(.newest, selector, from: start, through: end, budget)
    }

    private func extreme(
        _ wanted: Wanted,
        _ selector: MetricSelector,
        from start: Int64,
        through end: Int64,
        _ budget: QueryBudget
    ) throws(SourceError) -> Int64? {
        let range = TimeRange(Timestamp(millis: start), Timestamp(millis: end))
        let set = try source.select(
            SelectRequest(matchers: selector.matchers, range: range),
            budget: budget
        )
        var best: Int64?
        var samples = SampleColumn()
        for (index, bound) in try ExtentFinder.candidates(set, wanted) {
            if let best, wanted == .oldest ? best <= bound : best >= bound { break }
            try set.read(index, into: &samples)
            budget.noteScanned(samples: samples.count)
            switch wanted {
            case .oldest:
                guard let place = samples.values.indices.first(where: { selector.counts(samples, $0) }) else {
                    continue
                }
                best = min(best ?? .max, samples.timestamps[place])
            case .newest:
                guard let place = samples.values.indices.last(where: { selector.counts(samples, $0) }) else {
                    continue
                }
                best = max(best ?? .min, samples.timestamps[place])
            }
        }
        return best
    }
}

extension MetricSelector {
    /// Whether the sample at an index is a value for whoever selects so.
    fileprivate func counts(_ column: SampleColumn, _ index: Int) -> Bool {
        !column.values[index].isNaN || takesHistograms && column.histograms[index] != nil
    }
}
