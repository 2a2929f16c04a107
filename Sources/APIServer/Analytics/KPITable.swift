import KPI
import Model

/// The values of KPIs as comma-separated values: one line per bucket, one column per KPI.
enum KPITable {
    /// The whole table as an answer.
    static func answer(_ report: KPIReport) -> Answer {
        table(
            report.frames,
            report.entries.map { entry in
                let name = entry.row.kpi.name
                guard let label = report.label, let group = entry.row.group else {
                    return (name, entry.row.values)
                }
                return (
                    Labels([Label(Labels.metricName, name), Label(label, group)]).description,
                    entry.row.values
                )
            }
        )
    }

    /// A table of these columns.
    static func table(_ frames: ReportFrames, _ columns: [(name: String, values: [Double?])]) -> Answer {
        let header = ["start_timestamp", "end_timestamp", "start"] + columns.map(\.name)
        var out = header.map(CSVText.field).joined(separator: ",") + "\r\n"
        for (index, bucket) in frames.buckets.enumerated() {
            var fields = [
                ValueText.format(Double(bucket.start) / 1000), ValueText.format(Double(bucket.end) / 1000),
                frames.calendar.text(of: bucket.start),
            ]
            fields += columns.map { $0.values[index].map(ValueText.format) ?? "" }
            out += fields.map(CSVText.field).joined(separator: ",") + "\r\n"
        }
        return Answer(contentType: "text/csv; charset=utf-8", body: .bytes(Array(out.utf8)))
    }
}
