import Model
import Synchronization
import Telemetry

/// A sink that notes samples for times that rules have evaluated already.
///
/// It stands in front of the store, for everything that comes from outside. What is not late costs a
/// comparison per sample.
package final class LateWatch: SampleSink {
    /// Samples that come at most so much later than the newest slot count as in time, in milliseconds:
    /// senders collect for some seconds.
    static let toleranceMillis: Int64 = 15_000
    /// How many series are kept apart; with more of them only their names are.
    private static let seriesLimit = 20_000

    private struct State {
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
    package func append(_ batch: SampleBatch) async throws(SinkError) -> AppendOutcome {
        let outcome = try await sink.append(batch)
        noteLate(batch)
        return outcome
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
        for (index, series) in batch.series.enumerated() {
            var (first, last, count) = (Int64.max, Int64.min, 0)
            for sample in series.samples where batch.timestamps[sample] < limit {
                first = min(first, batch.timestamps[sample])
                last = max(last, batch.timestamps[sample])
                count += 1
            }
            guard count > 0 else { continue }
            lateCount += count
            // Labels that cannot be were refused.
            guard let labels = try? batch.checkedLabels(at: index) else { continue }
            note(labels, TimeRange(Timestamp(millis: first), Timestamp(millis: last)))
        }
        if lateCount > 0 { counter.add(lateCount) }
    }

    /// What came since the last call: the series, or all of a metric.
    func take() -> [(labels: Labels, isMetric: Bool, range: TimeRange)] {
        state.withLock { state in
            defer { state = State() }
            return state.series.map { ($0.key, false, $0.value) }
                + state.metrics.map { ($0.key, true, $0.value) }
        }
    }

    private func note(_ labels: Labels, _ range: TimeRange) {
        func merged(_ known: TimeRange?) -> TimeRange {
            known.map { TimeRange(min($0.start, range.start), max($0.end, range.end)) } ?? range
        }
        state.withLock { state in
            if state.series[labels] != nil || state.series.count < LateWatch.seriesLimit {
                state.series[labels] = merged(state.series[labels])
            } else {
                let metric = labels.keeping([Labels.metricName])
                state.metrics[metric] = merged(state.metrics[metric])
            }
        }
    }
}
