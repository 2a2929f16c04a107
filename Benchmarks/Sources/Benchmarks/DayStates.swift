import Model
import Synchronization

/// The shop of `SampleShop` as a source that has states of any stretch of time, worked out when they are asked
/// for: what costs time then is what lies above a source.
final class DayStates: SeriesSource {
    /// The CPU time that was spent in here, in seconds.
    var seconds: Double { spent.withLock { $0 } }
    /// Behind the newest sample.
    let end: Int64 = SampleShop.start + Int64(SampleShop.dayCount) * RollupLevel.day.millis

    private let spent = Mutex(0.0)
    private let series: [[Series]]

    fileprivate struct Series {
        var labels: Labels
        /// The counter rises by one in so many seconds.
        var secondsPerEvent: Int64
    }

    init() {
        series = (0..<SampleShop.metricCount).map { metric in
            let found = (0..<SampleShop.seriesPerMetric).map { series in
                Series(
                    labels: Labels([
                        "__name__": "shop_events_\(metric)_total", "instance": "server-\(series):9100",
                        "job": "shop",
                    ]),
                    secondsPerEvent: Int64(7 + series + metric)
                )
            }
            return found.sorted { $0.labels < $1.labels }
        }
    }

    func select(_ request: SelectRequest, budget: QueryBudget) throws(SourceError) -> any SeriesSet {
        let start = CPUTime.seconds
        defer { note(since: start) }
        let name = request.matchers.first { $0.name == Labels.metricName }?.value ?? ""
        let found = series.first { $0[0].labels.metricName == name } ?? []
        let hasSamples = request.range.start.millis < end && request.range.end.millis >= SampleShop.start
        return Selected(owner: self, series: hasSamples ? found : [], range: request.range)
    }

    fileprivate func note(since start: Double) {
        let end = CPUTime.seconds
        spent.withLock { $0 += end - start }
    }

    /// The numbers of the samples in a stretch.
    fileprivate func samples(in range: TimeRange) -> Range<Int64> {
        let step = SampleShop.stepMillis
        let first = max(SampleShop.start, range.start.millis) - SampleShop.start
        let last = min(end - 1, range.end.millis) - SampleShop.start
        let (low, high) = ((first + step - 1) / step, last < 0 ? 0 : last / step + 1)
        return low..<max(low, high)
    }

    private struct Selected: SeriesSet {
        let owner: DayStates
        let series: [Series]
        let range: TimeRange

        var count: Int { series.count }
        var warnings: [String] { [] }

        func labels(at index: Int) -> Labels { series[index].labels }

        func read(_ index: Int, into column: inout SampleColumn) throws(SourceError) {
            let start = CPUTime.seconds
            defer { owner.note(since: start) }
            column.removeAll()
            for number in owner.samples(in: range) {
                column.append(
                    millis: SampleShop.start + number * SampleShop.stepMillis,
                    value: value(number, series[index])
                )
            }
        }

        func states(
            of index: Int,
            in windows: [TimeRange],
            _ parts: WindowParts,
            into states: inout [WindowState]
        ) throws(SourceError) -> Bool {
            let start = CPUTime.seconds
            defer { owner.note(since: start) }
            states.removeAll(keepingCapacity: true)
            for window in windows {
                let numbers = owner.samples(in: window)
                var state = WindowState()
                if let first = numbers.first, let last = numbers.last {
                    state.count = numbers.count
                    state.firstMillis = SampleShop.start + first * SampleShop.stepMillis
                    state.lastMillis = SampleShop.start + last * SampleShop.stepMillis
                    state.firstValue = value(first, series[index])
                    state.lastValue = value(last, series[index])
                }
                states.append(state)
            }
            return true
        }

        private func value(_ number: Int64, _ series: Series) -> Double {
            Double(number * (SampleShop.stepMillis / 1000) / series.secondsPerEvent)
        }
    }

    // MARK: - What the benchmark does not ask

    func series(_ request: LabelRequest, budget: QueryBudget) throws(SourceError) -> LabelAnswer<Labels> {
        LabelAnswer(items: [])
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
