import Matching
import Model
import Synchronization

/// A source whose series are in memory, and which remembers what it was asked.
final class MemorySource: SeriesSource {
    /// The series, in label order.
    let series: [(labels: Labels, column: SampleColumn)]
    private let log = Mutex(Log())
    private let readHook = Mutex<(@Sendable (Int) -> Void)?>(nil)
    private let stateHook = Mutex<(@Sendable (Int) -> Void)?>(nil)
    /// Where states are joined from parts; nil if there are only samples.
    fileprivate let stateSeed: UInt64?
    /// What `warnings` tells once a series was read.
    private let lateWarning: String?

    /// What was asked.
    struct Log {
        var requests: [SelectRequest] = []
        var readCount = 0
        var stateCount = 0
    }

    /// A source of the given series; with a seed it has states of most of them.
    init(_ series: [Labels: SampleColumn], stateSeed: UInt64? = nil, lateWarning: String? = nil) {
        self.series = series.map { ($0.key, $0.value) }.sorted { $0.labels < $1.labels }
        self.stateSeed = stateSeed
        self.lateWarning = lateWarning
    }

    /// The requests so far.
    var requests: [SelectRequest] { log.withLock { $0.requests } }
    /// How many series were read so far, counted each time.
    var readCount: Int { log.withLock { $0.readCount } }
    /// How many times a series was answered from states.
    var stateCount: Int { log.withLock { $0.stateCount } }
    fileprivate var warnings: [String] {
        let wasRead = log.withLock { $0.readCount + $0.stateCount > 0 }
        return wasRead ? [lateWarning].compactMap(\.self) : []
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        log.withLock { $0.requests.append(request) }
        let matchers: [CompiledMatcher]
        do { matchers = try CompiledMatcher.compile(request.matchers) } catch {
            throw .badMatcher(error.description)
        }
        let selected = series.indices.filter { index in
            matchers.allSatisfy { $0.matches(series[index].labels) }
                && series[index].column.timestamps.contains { request.range.contains(Timestamp(millis: $0)) }
        }
        return MemorySet(source: self, indices: selected, range: request.range)
    }

    /// Called before a series is read, with the number of those read before.
    var onRead: (@Sendable (Int) -> Void)? {
        get { readHook.withLock { $0 } }
        set { readHook.withLock { $0 = newValue } }
    }

    /// Called before a series is answered from states, with the number of those answered before.
    var onStates: (@Sendable (Int) -> Void)? {
        get { stateHook.withLock { $0 } }
        set { stateHook.withLock { $0 = newValue } }
    }

    fileprivate func noteStates() {
        let number = log.withLock { log in
            log.stateCount += 1
            return log.stateCount - 1
        }
        onStates?(number)
    }

    fileprivate func noteRead() {
        let number = log.withLock { log in
            log.readCount += 1
            return log.readCount - 1
        }
        onRead?(number)
    }

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: series.map(\.labels))
    }

    func labelNames(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<String> {
        LabelAnswer(items: [])
    }

    func labelValues(_ name: String, _ request: LabelRequest, budget: QueryBudget) throws(SourceError)
        -> LabelAnswer<String>
    {
        LabelAnswer(items: [])
    }

    func metadata(of metric: String?) -> [MetricMetadata] { [] }
}

private struct MemorySet: SeriesSet {
    let source: MemorySource
    let indices: [Int]
    let range: TimeRange

    var count: Int { indices.count }
    var warnings: [String] { source.warnings }

    func labels(at index: Int) -> Labels { source.series[indices[index]].labels }

    func states(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        into states: inout [WindowState]
    ) throws(SourceError) -> Bool {
        guard let seed = source.stateSeed else { return false }
        var generator = SplitMix(state: seed &+ UInt64(indices[index]) &* 7919 &+ UInt64(parts.rawValue))
        let samples = source.series[indices[index]].column
        guard samples.histograms.isEmpty, Int.random(in: 0..<10, using: &generator) > 0 else { return false }
        source.noteStates()
        states = windows.map { window in
            precondition(range.contains(window.start) && range.contains(window.end), "outside of the request")
            return MemorySet.state(of: samples, window, &generator)
        }
        // What was not asked for is not there.
        for place in states.indices { states[place].keepOnly(parts) }
        return true
    }

    func histogramStates(
        of index: Int,
        in windows: [TimeRange],
        _ parts: WindowParts,
        _ body: (_ window: Int, _ state: HistogramState) -> Void
    ) throws(SourceError) -> Bool {
        guard let seed = source.stateSeed else { return false }
        var generator = SplitMix(state: seed &+ UInt64(indices[index]) &* 104_729 &+ UInt64(parts.rawValue))
        let samples = source.series[indices[index]].column
        let isLeftOut = Int.random(in: 0..<10, using: &generator) == 0
        guard !isLeftOut, !samples.histograms.isEmpty, !samples.hasNumbers else { return false }
        source.noteStates()
        for (place, window) in windows.enumerated() {
            precondition(range.contains(window.start) && range.contains(window.end), "outside of the request")
            var state = MemorySet.histogramState(of: samples, window, &generator)
            // Of uneven histograms the sum depends on the order of additions.
            if !parts.isEmpty, state.marks.contains(.uneven) { return false }
            // What was not asked for is not there.
            if !parts.contains(.sum) { state.total = HistogramTotal() }
            if !parts.contains(.increase) { state.resets = HistogramTotal() }
            body(place, state)
        }
        return true
    }

    /// The same of native histograms.
    private static func histogramState(
        of samples: SampleColumn,
        _ window: TimeRange,
        _ generator: inout SplitMix
    ) -> HistogramState {
        var parts = [HistogramState()]
        for (position, histogram) in zip(samples.histograms.positions, samples.histograms.values)
        where window.contains(Timestamp(millis: samples.timestamps[position])) {
            if Int.random(in: 0..<4, using: &generator) == 0 { parts.append(HistogramState()) }
            parts[parts.count - 1].add(millis: samples.timestamps[position], histogram)
        }
        while parts.count > 1 {
            let place = Int.random(in: 1..<parts.count, using: &generator)
            parts[place - 1].join(parts.remove(at: place))
        }
        return parts[0]
    }

    /// The samples in the window, cut into parts at random places, joined in some order that keeps
    /// neighbours.
    private static func state(of samples: SampleColumn, _ window: TimeRange, _ generator: inout SplitMix)
        -> WindowState
    {
        var parts = [WindowState()]
        var (low, high) = (0, samples.count)
        while low < high {
            let middle = (low + high) / 2
            if samples.timestamps[middle] < window.start.millis { low = middle + 1 } else { high = middle }
        }
        for index in low..<samples.count {
            let (time, value) = (samples.timestamps[index], samples.values[index])
            guard time <= window.end.millis else { break }
            if StaleMarker.matches(value) { continue }
            if Int.random(in: 0..<4, using: &generator) == 0 { parts.append(WindowState()) }
            if Int.random(in: 0..<9, using: &generator) == 0 { parts.append(WindowState()) }
            parts[parts.count - 1].add(millis: time, value: value)
        }
        while parts.count > 1 {
            let place = Int.random(in: 1..<parts.count, using: &generator)
            parts[place - 1].join(parts[place])
            parts.remove(at: place)
        }
        return parts[0]
    }

    func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
        source.noteRead()
        column.removeAll()
        let samples = source.series[indices[index]].column
        for (position, time) in samples.timestamps.enumerated()
        where range.contains(Timestamp(millis: time)) {
            if let histogram = samples.histograms[position] {
                column.append(millis: time, histogram: histogram)
            } else {
                column.append(millis: time, value: samples.values[position])
            }
        }
    }
}

extension SampleColumn {
    /// Whether a sample is a number.
    fileprivate var hasNumbers: Bool {
        timestamps.indices.contains { histograms[$0] == nil && !StaleMarker.matches(values[$0]) }
    }
}

extension WindowState {
    /// Empties the parts that are not among `parts`.
    fileprivate mutating func keepOnly(_ parts: WindowParts) {
        if !parts.contains(.sum) { (sum, compensation) = (0, 0) }
        if !parts.contains(.extremes) { (least, greatest) = (.infinity, -.infinity) }
        if !parts.contains(.ends) { (firstValue, lastValue) = (0, 0) }
        if !parts.contains(.increase) { (resetSum, resetCompensation) = (0, 0) }
        if !parts.contains(.area) { (area, areaCompensation) = (0, 0) }
    }
}
