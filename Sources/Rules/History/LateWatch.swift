import Model
import Synchronization
import Telemetry

/// A sink that notes samples for times that rules have evaluated already.
///
/// It stands in front of the store, for everything that comes from outside. A write costs a comparison per
/// sample; which series its late samples are of is looked up when somebody asks (`take`).
package final class LateWatch: SampleSink {
    /// Samples that come at most so much later than the newest slot count as in time, in milliseconds:
    /// senders collect for some seconds.
    static let toleranceMillis: Int64 = 15_000
    /// How many series are kept apart; with more of them only their names are.
    fileprivate static let seriesLimit = 20_000
    /// So many samples of late writes may wait to be looked at; then the writer has to.
    private static let waitingLimit = 2_000_000

    /// A write with samples before `limit`.
    fileprivate struct LateWrite {
        var batch: SampleBatch
        var limit: Int64
    }

    fileprivate struct State {
        var writes: [LateWrite] = []
        var waitingCount = 0
        var series: [Labels: TimeRange] = [:]
        var metrics: [Labels: TimeRange] = [:]
    }

    private let sink: any SampleSink
    private let counter: Counter
    /// The newest slot of any group in milliseconds.
    private let newestSlot = Atomic<Int64>(.min)
    private let state = Mutex(State())

    /// A watch in front of `sink`.
    package init(_ sink: any SampleSink, registry: Registry) {
        self.sink = sink
        counter = registry.counter(
            "sextant_rule_late_samples_total",
            help: "Samples stored for times that rules had evaluated already."
        )
    }

    /// Stores the batch, then notes what of it is late.
    package func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let staged = try sink.stage(batch)
        noteLate(batch)
        return staged
    }

    /// Notes that a group was evaluated at `slot`.
    func noteEvaluated(_ slot: Timestamp) {
        _ = newestSlot.max(slot.millis, ordering: .relaxed)
    }

    /// Notes what of a batch lies before the newest slot, less the tolerance.
    func noteLate(_ batch: SampleBatch, toleranceMillis: Int64 = LateWatch.toleranceMillis) {
        let newest = newestSlot.load(ordering: .relaxed)
        let (limit, overflow) = newest.subtractingReportingOverflow(toleranceMillis)
        guard newest != .min, !overflow else { return }
        var lateCount = 0
        for time in batch.timestamps where time < limit { lateCount += 1 }
        guard lateCount > 0 else { return }
        counter.add(lateCount)
        state.withLock { state in
            state.writes.append(LateWrite(batch: batch, limit: limit))
            state.waitingCount += batch.sampleCount
            if state.waitingCount > LateWatch.waitingLimit { state.look() }
        }
    }

    /// What came since the last call: the series, or all of a metric.
    func take() -> [(labels: Labels, isMetric: Bool, range: TimeRange)] {
        state.withLock { state in
            state.look()
            defer { state = State() }
            return state.series.map { ($0.key, false, $0.value) }
                + state.metrics.map { ($0.key, true, $0.value) }
        }
    }
}

extension LateWatch.State {
    /// Finds the series and times of the late samples that wait.
    fileprivate mutating func look() {
        for write in writes {
            let batch = write.batch
            for (index, series) in batch.series.enumerated() {
                var (first, last) = (Int64.max, Int64.min)
                for time in batch.timestamps[series.samples] where time < write.limit {
                    first = min(first, time)
                    last = max(last, time)
                }
                // Labels that cannot be were refused.
                guard first <= last, let labels = try? batch.checkedLabels(at: index) else { continue }
                note(labels, TimeRange(Timestamp(millis: first), Timestamp(millis: last)))
            }
        }
        writes = []
        waitingCount = 0
    }

    private mutating func note(_ labels: Labels, _ range: TimeRange) {
        func merged(_ known: TimeRange?) -> TimeRange {
            known.map { TimeRange(min($0.start, range.start), max($0.end, range.end)) } ?? range
        }
        if series[labels] != nil || series.count < LateWatch.seriesLimit {
            series[labels] = merged(series[labels])
        } else {
            let metric = labels.keeping([Labels.metricName])
            metrics[metric] = merged(metrics[metric])
        }
    }
}
