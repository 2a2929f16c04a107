import Matching
import Model
import Synchronization
import Telemetry

/// Takes samples to the store; keeps the names of virtual series and of kept values free, and notices late
/// data of metrics.
///
/// A sample under such a name, as a Prometheus writes it back that scraped `/metrics`, is stored under the
/// name with `exported_` before it.
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
    package func stage(_ batch: SampleBatch) throws(SinkError) -> StagedWrite {
        let (batch, rejections) = VirtualNames.renamed(batch) { renamed.add($0) }
        var oldest = Int64.max
        for time in batch.timestamps where time < oldest { oldest = time }
        // Before the samples: what they change of kept values is doubted no later than they are durable.
        let change = oldest < .max ? try service.kept?.begin(batch, oldest: oldest) : nil
        defer { if let change { service.kept?.end(change) } }
        var staged = try sink.stage(batch)
        staged.outcome.rejections.add(rejections)
        guard oldest < .max else { return staged }
        service.source.noteWrite(oldest: oldest)
        let (limit, overflow) = service.now.millis.subtractingReportingOverflow(KPISink.lateMillis)
        if !overflow, oldest < limit { service.noteLate(batch, before: limit) }
        guard let change, change.hasMarks else { return staged }
        return StagedWrite(staged.outcome) { [staged] () throws(SinkError) in
            try await change.waitUntilDurable()
            try await staged.waitUntilDurable()
        }
    }
}

/// Finds series under virtual names.
enum VirtualNames {
    /// The batch with other names where they are virtual, and what of it was refused on the way; `count` is
    /// told how many samples are renamed.
    static func renamed(
        _ batch: SampleBatch,
        count: (Int) -> Void
    ) -> (batch: SampleBatch, rejections: Rejections) {
        guard mayHaveVirtual(batch) else { return (batch, Rejections()) }
        let (packed, rejections) = batch.packed()
        var renamed = SampleBatch()
        renamed.metadata = packed.metadata
        for (index, series) in packed.series.enumerated() {
            var labels = packed.labels(at: index)
            if let name = labels.metricName, VirtualName.isReserved(name) {
                labels = labels.setting(Labels.metricName, VirtualName.exportedPrefix + name)
                count(series.samples.count)
            }
            renamed.beginSeries(packed: labels.packed)
            for sample in series.samples {
                if let histogram = packed.histograms[sample] {
                    renamed.append(millis: packed.timestamps[sample], histogram: histogram)
                } else {
                    renamed.append(millis: packed.timestamps[sample], value: packed.values[sample])
                }
            }
        }
        return (renamed, rejections)
    }

    private static func mayHaveVirtual(_ batch: SampleBatch) -> Bool {
        unsafe batch.labelBytes.withUnsafeBytes { bytes in
            batch.series.contains { series in
                let spelled = unsafe UnsafeRawBufferPointer(rebasing: bytes[series.labels])
                return unsafe batch.spelling.mayBeginName(spelled, with: "kpi")
            }
        }
    }
}
