import Matching
import Model
import Synchronization
import Telemetry

/// Takes samples to the store; keeps the names of virtual series free, and notices late data of metrics.
///
/// A sample under a virtual name, such as a Prometheus writes back that scraped `/metrics`, is stored under
/// the name with `exported_` before it.
package final class KPISink: SampleSink {
    /// Samples that are younger than this are never late, in milliseconds.
    private static let lateMillis: Int64 = 300_000

    private let sink: any SampleSink
    private let service: KPIService
    private let renamed: Counter

    /// A sink before `sink`.
    package init(_ sink: any SampleSink, _ service: KPIService, registry: Registry) {
        self.sink = sink
        self.service = service
        renamed = registry.counter(
            "sextant_kpi_samples_renamed_total",
            help:
                "Samples that came under the name of a virtual series and were stored with exported_ before it."
        )
    }

    /// Appends to the store.
    package func append(_ batch: SampleBatch) async throws(SinkError) -> AppendOutcome {
        let batch = VirtualNames.renamed(batch) { renamed.add($0) }
        let late = lateSamples(of: batch)
        let oldest = batch.timestamps.min()
        let outcome = try await sink.append(batch)
        if let oldest { service.source.noteWrite(oldest: oldest) }
        for (metric, samples) in late {
            service.noteLate(metric, samples.buckets, watermark: samples.watermark)
        }
        return outcome
    }

    /// What of the batch lies before the watermark of a metric, by the metric's name.
    private func lateSamples(of batch: SampleBatch) -> [(String, (buckets: Set<Int64>, watermark: Int64))] {
        let (limit, overflow) = service.now.millis.subtractingReportingOverflow(KPISink.lateMillis)
        guard !overflow, let oldest = batch.timestamps.min(), oldest < limit else { return [] }
        let metrics = service.lateWatch
        guard !metrics.isEmpty else { return [] }
        var found: [ByteText: (buckets: Set<Int64>, watermark: Int64)] = [:]
        for (index, series) in batch.series.enumerated() {
            let times = batch.timestamps[series.samples]
            guard times.contains(where: { $0 < limit }) else { continue }
            let labels = batch.labels(at: index)
            for metric in metrics.of(labels) {
                let key = ByteText(metric.name)
                var late = found[key] ?? ([], service.watermark(of: metric))
                for time in times where time < late.watermark {
                    late.buckets.insert(
                        time.floored(by: ExpressionBuckets.bucketMillis) * ExpressionBuckets.bucketMillis
                    )
                }
                found[key] = late
            }
        }
        return found.filter { !$0.value.buckets.isEmpty }.map { ($0.key.string, $0.value) }
    }
}

/// Finds series under virtual names.
enum VirtualNames {
    /// How the packed labels of a series begin whose name may be virtual; labels that sort before `__name__`
    /// begin with capitals.
    private static let prefix: [UInt8] = [8] + Array("__name__".utf8)

    /// The batch with other names where they are virtual; `count` is told how many samples those have.
    static func renamed(_ batch: SampleBatch, count: (Int) -> Void) -> SampleBatch {
        let isConcerned = batch.series.contains { mayBeVirtual(batch.labelBytes[$0.labels]) }
        guard isConcerned else { return batch }
        var renamed = SampleBatch()
        renamed.metadata = batch.metadata
        for (index, series) in batch.series.enumerated() {
            var labels = batch.labels(at: index)
            if let name = labels.metricName, VirtualName.isVirtual(name) {
                labels = labels.setting(Labels.metricName, VirtualName.exportedPrefix + name)
                count(series.samples.count)
            }
            renamed.append(
                labels,
                SampleColumn(
                    timestamps: Array(batch.timestamps[series.samples]),
                    values: Array(batch.values[series.samples])
                )
            )
        }
        return renamed
    }

    private static func mayBeVirtual(_ packed: ArraySlice<UInt8>) -> Bool {
        let start = packed.startIndex
        guard packed.count > 13, packed[start] == 8, packed[start + 1] == UInt8(ascii: "_") else {
            // Another label comes first.
            return !packed.isEmpty && packed[start + min(1, packed.count - 1)] < UInt8(ascii: "_")
        }
        return packed[start + 10] == UInt8(ascii: "k") && packed[start + 11] == UInt8(ascii: "p")
            && packed[start + 12] == UInt8(ascii: "i")
    }
}
