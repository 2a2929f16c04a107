import APIServer
import Model

/// The answers to queries as text.
enum QueryText {
    /// With more labels than these, series are written in one column, as selectors.
    private static let labelColumns = 8
    /// How many curves a plot has at most; more cannot be told apart.
    private static let curveCount = 10

    /// A table: labels and the value of each series; for range vectors a row for each point.
    static func table(
        _ result: QueryResult,
        timeText: (Timestamp, String) -> String = LocalTime.format
    ) -> [String] {
        let series: [APISeries]
        var hasTimes = false
        switch result {
        case .scalar(let point), .string(let point): return [SeriesText.printable(point.text)]
        case .vector(let all): series = all
        case .matrix(let all):
            series = all
            hasTimes = true
        }
        guard !series.isEmpty else { return [] }
        let labels = Labelling(series)
        var table = TextTable(columns: labels.titles.map { ($0, .left) })
        if hasTimes { table.columns.append(("time", .left)) }
        table.columns.append(("value", .right))
        for one in series {
            let cells = labels.cells(one)
            for point in one.points {
                let time = hasTimes ? [timeText(point.time, "%Y-%m-%d %H:%M:%S")] : []
                table.rows.append(cells + time + [point.text])
            }
        }
        return table.lines
    }

    /// A plot of the series, and below it a legend with the least, average, greatest and last value.
    static func plot(
        _ series: [APISeries],
        from start: Timestamp,
        to end: Timestamp,
        stepMillis: Int64,
        on terminal: Terminal,
        timeText: @escaping (Timestamp, String) -> String = LocalTime.format
    ) -> [String] {
        guard !series.isEmpty else { return [] }
        let drawn = series.prefix(curveCount)
        let plot = Plot(
            curves: drawn.map { one in one.points.map { ($0.time, $0.value ?? .nan) } },
            start: start,
            end: end,
            gapMillis: stepMillis.multipliedReportingOverflow(by: 3).partialValue / 2,
            columns: min(max(terminal.columns, 40), 240),
            height: min(20, max(6, terminal.lines - min(series.count, 6) - 6)),
            hasColors: terminal.hasColors,
            timeText: timeText
        )
        let labels = Labelling(series)
        var table = TextTable(
            columns: labels.titles.map { ($0, .left) } + ["min", "avg", "max", "last"].map { ($0, .right) }
        )
        for one in series {
            let values = one.points.compactMap(\.value).filter { !$0.isNaN }
            let average = values.reduce(0) { $0 + $1 / Double(values.count) }
            let numbers = [values.min(), values.isEmpty ? nil : average, values.max(), values.last]
            table.rows.append(labels.cells(one) + numbers.map { $0.map(NumberText.short) ?? "-" })
        }
        var lines = plot.lines
        if !lines.isEmpty { lines.append("") }
        for (index, line) in table.lines.enumerated() {
            let isCurve = (1...drawn.count).contains(index)
            lines.append(line.isEmpty ? line : "\(isCurve ? plot.mark(index - 1) : " ") \(line)")
        }
        if series.count > drawn.count {
            lines.append("  (the first \(drawn.count) of \(series.count) series are drawn)")
        }
        return lines
    }

    /// Comma-separated values (RFC 4180): the labels, `time` in UTC and `value`, a line for each point.
    static func csv(_ result: QueryResult) -> [String] {
        let names = Labelling.names(result.series)
        var lines = [(names + ["time", "value"]).map(field).joined(separator: ",")]
        for one in result.series {
            let labels = names.map { one.labels[$0] ?? "" }
            for point in one.points {
                lines.append(
                    (labels + [TimeText.format(point.time), point.text]).map(field).joined(separator: ",")
                )
            }
        }
        return lines
    }

    private static func field(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy {
            $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"") && $0 != 0x0a && $0 != 0x0d
        }
        guard !isPlain else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
            + "\""
    }

    /// How series are told apart in a table: by a column for each label, or by selectors if there are many.
    private struct Labelling {
        let names: [String]
        let isSelector: Bool

        init(_ series: [APISeries]) {
            names = Labelling.names(series)
            isSelector = names.count > labelColumns || (names.isEmpty && series.count == 1)
        }

        var titles: [String] {
            isSelector ? ["series"] : names.map { $0 == "__name__" ? "metric" : SeriesText.printable($0) }
        }

        func cells(_ series: APISeries) -> [String] {
            guard !isSelector else { return [SeriesText.printable(SeriesText.format(series.labels))] }
            return names.map { SeriesText.printable(series.labels[$0] ?? "") }
        }

        /// The labels that any of the series has, the metric's name first.
        static func names(_ series: [APISeries]) -> [String] {
            Set(series.flatMap { $0.labels.keys }).sorted { left, right in
                (left != "__name__" ? 1 : 0, left) < (right != "__name__" ? 1 : 0, right)
            }
        }
    }
}
