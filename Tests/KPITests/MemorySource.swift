import Matching
import Model
import Synchronization

@testable import KPI

/// Series in memory that tests fill.
final class MemorySource: SeriesSource {
    private struct State {
        var series: [Labels: [Int64: Double]] = [:]
        /// The series whose samples are native histograms: each an observation with the sample's value.
        var histograms: Set<Labels> = []
        var readCount = 0
        var sampleCount = 0
        var stateCount = 0
        var selectCount = 0
        /// What is told once a series was read.
        var lateWarning: String?
        /// Where states are joined from parts; nil if there are only samples.
        var stateSeed: UInt64?
        /// Of one in how many series there are no states.
        var statelessShare = 0
    }

    private let state = Mutex(State())

    /// How many series were read, and how many samples they had.
    var reads: (series: Int, samples: Int) { state.withLock { ($0.readCount, $0.sampleCount) } }

    /// How often a series was answered from states.
    var stateCount: Int { state.withLock { $0.stateCount } }

    /// How many selections there were.
    var selectCount: Int { state.withLock { $0.selectCount } }

    func resetReads() {
        state.withLock { ($0.readCount, $0.sampleCount, $0.stateCount) = (0, 0, 0) }
    }

    /// Tells this once a series was read.
    var lateWarning: String? {
        get { state.withLock { $0.readCount + $0.stateCount > 0 ? $0.lateWarning : nil } }
        set { state.withLock { $0.lateWarning = newValue } }
    }

    /// From now on there are states, of all series or of all but one in `statelessShare` of them.
    func answerStates(seed: UInt64, statelessShare: Int = 0) {
        state.withLock { ($0.stateSeed, $0.statelessShare) = (seed, statelessShare) }
    }

    fileprivate func states(
        of samples: SampleColumn,
        _ index: Int,
        _ windows: [TimeRange],
        _ parts: WindowParts
    ) -> [WindowState]? {
        let (seed, statelessShare) = state.withLock { ($0.stateSeed, $0.statelessShare) }
        guard let seed, samples.histograms.isEmpty else { return nil }
        var chance = SplitMix(seed: seed &+ UInt64(index))
        if statelessShare > 0, chance.below(statelessShare) == 0 { return nil }
        state.withLock { $0.stateCount += 1 }
        return windows.map { window in
            var state = MemorySource.state(of: samples, window, &chance)
            // What was not asked for is not there.
            if !parts.contains(.sum) { (state.sum, state.compensation) = (0, 0) }
            if !parts.contains(.extremes) { (state.least, state.greatest) = (.infinity, -.infinity) }
            if !parts.contains(.ends) { (state.firstValue, state.lastValue) = (0, 0) }
            if !parts.contains(.increase) { (state.resetSum, state.resetCompensation) = (0, 0) }
            if !parts.contains(.area) { (state.area, state.areaCompensation) = (0, 0) }
            return state
        }
    }

    /// The samples in the window, cut into parts at random places and joined.
    private static func state(of samples: SampleColumn, _ window: TimeRange, _ chance: inout SplitMix)
        -> WindowState
    {
        var parts = [WindowState()]
        for (time, value) in zip(samples.timestamps, samples.values)
        where window.contains(Timestamp(millis: time)) && !StaleMarker.matches(value) {
            if chance.below(5) == 0 { parts.append(WindowState()) }
            parts[parts.count - 1].add(millis: time, value: value)
        }
        while parts.count > 1 {
            let place = 1 + chance.below(parts.count - 1)
            parts[place - 1].join(parts[place])
            parts.remove(at: place)
        }
        return parts[0]
    }

    /// Sets samples of the series that `selector` writes down, such as `x{a="b"}`; times are seconds.
    func set(_ labels: Labels, _ samples: [(Double, Double)]) {
        state.withLock { state in
            for (time, value) in samples {
                state.series[labels, default: [:]][Int64((time * 1000).rounded())] = value
            }
        }
    }

    func set(
        _ name: String,
        _ labels: KeyValuePairs<String, String> = [:],
        _ samples: [(Double, Double)]
    ) {
        set(Labels([Label(Labels.metricName, name)] + labels.map { Label($0.key, $0.value) }), samples)
    }

    /// Makes native histograms of the samples of a series; the values become counts.
    func makeHistograms(_ name: String) {
        state.withLock { _ = $0.histograms.insert(Labels([Labels.metricName: name])) }
    }

    private func column(_ labels: Labels, _ samples: [(key: Int64, value: Double)]) -> SampleColumn {
        guard state.withLock({ $0.histograms.contains(labels) }) else {
            return SampleColumn(timestamps: samples.map(\.key), values: samples.map(\.value))
        }
        var column = SampleColumn()
        for (time, count) in samples {
            var buckets = HistogramBuckets()
            buckets.append(index: 0, count: count)
            column.append(
                millis: time,
                histogram: NativeHistogram(
                    schema: 0,
                    zeroThreshold: 0,
                    zeroCount: 0,
                    count: count,
                    sum: count,
                    positive: buckets
                )
            )
        }
        return column
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        let matchers: [CompiledMatcher]
        do { matchers = try CompiledMatcher.compile(request.matchers) } catch {
            throw .badMatcher("\(error)")
        }
        state.withLock { $0.selectCount += 1 }
        var found: [(Labels, SampleColumn)] = []
        for (labels, samples) in state.withLock({ $0.series })
        where matchers.allSatisfy({ $0.matches(labels) }) {
            let inside = samples.filter { request.range.contains(Timestamp(millis: $0.key)) }
                .sorted { $0.key < $1.key }
            guard !inside.isEmpty else { continue }
            found.append((labels, column(labels, inside)))
        }
        return MemorySet(items: found.sorted { $0.0 < $1.0 }, range: request.range, owner: self)
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<
        Labels
    > {
        var found: [Labels] = []
        for selection in request.selections.isEmpty ? [[]] : request.selections {
            let set = try select(SelectRequest(matchers: selection, range: request.range), budget: budget)
            found += (0..<set.count).map { set.labels(at: $0) }
        }
        return LabelAnswer(items: Set(found).sorted())
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<
        String
    > {
        let names = Set(
            try series(request, budget: budget).items.flatMap { $0.map { ByteText($0.name) } }
        )
        return LabelAnswer(items: names.sorted().map(\.string))
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        let values = Set(
            try series(request, budget: budget).items.compactMap { $0[name].map(ByteText.init) }
        )
        return LabelAnswer(items: values.sorted().map(\.string))
    }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }

    fileprivate func noteRead(_ count: Int) {
        state.withLock { state in
            state.readCount += 1
            state.sampleCount += count
        }
    }
}

private struct MemorySet: SeriesSet {
    let items: [(Labels, SampleColumn)]
    let range: TimeRange
    let owner: MemorySource
    var count: Int { items.count }
    var warnings: [String] { [owner.lateWarning].compactMap(\.self) }
    func labels(at index: Int) -> Labels { items[index].0 }
    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        owner.noteRead(items[index].1.count)
        column = items[index].1
    }
    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool {
        for window in windows {
            precondition(range.contains(window.start) && range.contains(window.end), "outside of the request")
        }
        guard let found = owner.states(of: items[index].1, index, windows, parts) else { return false }
        states = found
        return true
    }
}
