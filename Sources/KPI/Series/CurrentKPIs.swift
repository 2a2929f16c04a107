import Model
import Telemetry

/// The values that all KPIs and funnels have at a time, each in its default period, as `/metrics` shows them.
package struct CurrentKPIs {
    private let source: any SeriesSource
    private let time: Timestamp

    /// The values at `time` by `source`, which has the virtual series.
    package init(source: any SeriesSource, time: Timestamp) {
        self.source = source
        self.time = time
    }

    /// Writes them, one family of virtual series after the other.
    ///
    /// - Parameters:
    ///   - writer: Where they are written to.
    ///   - budget: What reading may cost.
    ///   - finish: Called with the name of each family behind its samples.
    /// - Throws: Why they cannot be read.
    package func write(
        to writer: inout ExpositionWriter,
        budget: QueryBudget,
        finish: (String, inout ExpositionWriter) -> Void = { _, _ in }
    ) throws(SourceError) {
        var column = SampleColumn()
        for name in VirtualName.exposed {
            let matcher = Matcher(Labels.metricName, .equal, name)
            let series = try source.select(
                SelectRequest(matchers: [matcher], range: TimeRange(time, time)),
                budget: budget
            )
            guard series.count > 0 else { continue }
            let metadata = source.metadata(of: name).first
            writer.family(name, kind: metadata?.kind ?? .gauge, help: metadata?.help ?? "")
            for index in 0..<series.count {
                try series.read(index, into: &column)
                guard let value = column.values.last, !StaleMarker.matches(value) else { continue }
                writer.sample(name, labels: series.labels(at: index), value: value)
            }
            finish(name, &writer)
        }
    }
}
