import Model

/// The course of a series as a small line.
struct Sparkline {
    /// The most points of a line.
    static let pointCount = 60
    /// The size of the drawing; it is stretched to the place it gets.
    private static let width = 240.0
    private static let height = 40.0
    /// The free space above and below, for the width of the line.
    private static let margin = 4.0

    /// Means of short spans, by time.
    private(set) var points: [(millis: Int64, value: Double)] = []

    /// The course of `column`, as one mean for each `spanMillis` that has finite values.
    init(_ column: SampleColumn, spanMillis: Int64) {
        var current: (start: Int64, sum: Double, count: Double)?
        for (millis, value) in zip(column.timestamps, column.values) where value.isFinite {
            let start = Timestamp(millis: millis).floored(toMillis: spanMillis).millis
            if let open = current, open.start == start {
                current = (start, open.sum + value, open.count + 1)
            } else {
                close(current)
                current = (start, value, 1)
            }
        }
        close(current)
    }

    /// The line between two times as SVG, without any style of its own.
    ///
    /// - Parameters:
    ///   - range: What the width stands for.
    ///   - gapMillis: From which distance on two neighbours are not joined.
    ///   - label: What it shows, for those who do not see it.
    /// - Returns: The element.
    func svg(over range: TimeRange, gapMillis: Int64, label: String) -> String {
        let column = SampleColumn(timestamps: points.map(\.millis), values: points.map(\.value))
        let span = max(1, (range.end.millis - range.start.millis) / Int64(Sparkline.pointCount))
        let drawn = Sparkline(column, spanMillis: span).points
        var text = "<svg class=\"spark\" viewBox=\"0 0 240 40\" preserveAspectRatio=\"none\" role=\"img\""
        text += " aria-label=\"\(HTMLText.escaped(label))\">"
        let low = drawn.map(\.value).min() ?? 0
        let high = drawn.map(\.value).max() ?? 0
        var line = ""
        var area = ""
        var stretch: [(x: Double, y: Double)] = []
        var previous: Int64?
        func endStretch() {
            guard let first = stretch.first, let last = stretch.last else { return }
            let path = stretch.map { "\(Sparkline.text($0.x)) \(Sparkline.text($0.y))" }
                .joined(separator: "L")
            // A round cap makes a dot of a line without length.
            line += "M" + path + (stretch.count == 1 ? "h0" : "")
            if stretch.count > 1 {
                area += "M\(Sparkline.text(first.x)) 40L\(path)L\(Sparkline.text(last.x)) 40Z"
            }
            stretch = []
        }
        for point in drawn {
            if let previous, point.millis - previous > max(gapMillis, 3 * span) { endStretch() }
            previous = point.millis
            stretch.append(Sparkline.place(point, range, low, high))
        }
        let last = stretch.last
        endStretch()
        text += "<path class=\"area\" d=\"\(area)\"/>"
        text += "<path class=\"line\" vector-effect=\"non-scaling-stroke\" d=\"\(line)\"/>"
        if let last {
            text += "<path class=\"dot\" vector-effect=\"non-scaling-stroke\" "
            text += "d=\"M\(Sparkline.text(last.x)) \(Sparkline.text(last.y))h0\"/>"
        }
        return text + "</svg>"
    }

    private mutating func close(_ bucket: (start: Int64, sum: Double, count: Double)?) {
        guard let bucket, (bucket.sum / bucket.count).isFinite else { return }
        points.append((bucket.start, bucket.sum / bucket.count))
    }

    private static func place(
        _ point: (millis: Int64, value: Double),
        _ range: TimeRange,
        _ low: Double,
        _ high: Double
    ) -> (x: Double, y: Double) {
        let length = Double(range.end.millis - range.start.millis)
        let along = length > 0 ? Double(point.millis - range.start.millis) / length : 1
        // Halved, so that the distance between the ends of the doubles is one too.
        let rise = high / 2 - low / 2
        let up = rise > 0 ? (point.value / 2 - low / 2) / rise : 0.5
        // The dot at the end stays inside the frame.
        let x = margin + min(max(along, 0), 1) * (width - 2 * margin)
        return (x, height - margin - up * (height - 2 * margin))
    }

    /// A coordinate with one digit behind the point.
    private static func text(_ coordinate: Double) -> String {
        ValueText.format((coordinate * 10).rounded() / 10)
    }
}
