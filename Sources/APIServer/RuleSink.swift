import Model
import Synchronization
import Telemetry

/// The sink that rules write through: counts their samples and remembers which KPIs they record.
///
/// `/metrics` shows only series that this daemon's rules recorded. A Prometheus that scrapes the page and
/// writes what it scraped back to the daemon makes copies with other labels; were these shown too, each
/// scrape would make copies of the copies, without end.
package final class RuleSink: SampleSink {
    /// How the names of the series that are remembered begin.
    private static let prefix = "kpi:"

    private let sink: any SampleSink
    private let appended: Counter
    private let rejected: Counter
    private let recorded = Mutex<Set<Labels>>([])

    /// A sink in front of `sink`, whose counts go to `registry`.
    package init(_ sink: any SampleSink, registry: Registry) {
        self.sink = sink
        let labels = Labels(["source": "rules"])
        appended = registry.counter(
            "sextant_samples_appended_total",
            help: "Samples stored, by the way they came.",
            labels: labels
        )
        rejected = registry.counter(
            "sextant_samples_rejected_total",
            help: "Samples refused, by the way they came.",
            labels: labels
        )
    }

    /// Takes over the series that were recorded when the daemon stopped.
    package func remember(_ labels: Set<Labels>) {
        recorded.withLock { $0.formUnion(labels) }
    }

    /// Whether a rule recorded the series since the start, and did not end it since.
    package func isRecorded(_ labels: Labels) -> Bool {
        recorded.withLock { $0.contains(labels) }
    }

    /// Appends to the sink behind, and remembers what it took.
    package func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let staged = try sink.stage(batch)
        appended.add(staged.outcome.storedSampleCount)
        rejected.add(staged.outcome.rejections.count)
        remember(batch)
        return staged
    }

    private func remember(_ batch: SampleBatch) {
        for (index, series) in batch.series.enumerated() {
            guard let last = series.samples.last else { continue }
            let labels = batch.labels(at: index)
            guard labels.metricName?.hasPrefix(RuleSink.prefix) == true else { continue }
            recorded.withLock { recorded in
                if StaleMarker.matches(batch.values[last]) {
                    recorded.remove(labels)
                } else {
                    recorded.insert(labels)
                }
            }
        }
    }
}
