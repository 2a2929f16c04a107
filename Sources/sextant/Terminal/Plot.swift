import Model

/// Curves over time, drawn with characters.
///
/// With one curve or with colours they are drawn in braille dots, else each in a character of its own.
struct Plot {
    /// Tells curves apart where there are no colours.
    static let marks = Array("•xo+*#@%=&")

    /// The curves' points in the order of time; the numbers may be anything, only finite ones are drawn.
    var curves: [[(time: Timestamp, value: Double)]]
    /// The time at the left edge.
    var start: Timestamp
    /// The time at the right edge.
    var end: Timestamp
    /// Points that are farther from each other are not connected.
    var gapMillis: Int64
    /// The width with the scale, in characters.
    var columns: Int
    /// The height without the axis of time, in lines.
    var height: Int
    /// Whether colours may be used.
    var hasColors: Bool
    /// Writes a time in a form of `strftime`.
    var timeText: (Timestamp, String) -> String = LocalTime.format

    /// What stands in the legend for the curve `index`.
    func mark(_ index: Int) -> String {
        if hasColors { return SeriesColor.paint("━", series: index) }
        return curves.count == 1 ? "━" : String(Plot.marks[index % Plot.marks.count])
    }

    /// The lines of the plot from above; none without a finite value.
    var lines: [String] {
        let values = curves.joined().map(\.value).filter(\.isFinite)
        guard let least = values.min(), let greatest = values.max() else { return [] }
        let axis = ValueAxis(least: least, greatest: greatest, tickCount: max(2, height / 3))
        let labels = labelsByLine(axis)
        let gutter = labels.values.map(\.count).max() ?? 0
        let width = max(8, columns - gutter - 2)
        let canvases = curves.map { canvas(of: $0, axis, width: width) }
        var lines = (0..<height).map { line in
            let label = labels[line] ?? ""
            return label.leftPadded(to: gutter) + (label.isEmpty ? " │" : " ┤")
                + drawn(canvases, line: line)
        }
        lines += timeAxis(gutter: gutter, width: width)
        return lines.map { line in
            var line = line
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    // MARK: - Curves

    private func canvas(
        of curve: [(time: Timestamp, value: Double)],
        _ axis: ValueAxis,
        width: Int
    ) -> DotCanvas {
        var canvas = DotCanvas(columns: width, lines: height)
        let span = max(1, Double(end.millis) - Double(start.millis))
        var last: (time: Timestamp, x: Int, y: Int)?
        for point in curve {
            guard point.value.isFinite else {
                last = nil
                continue
            }
            let right = (Double(point.time.millis) - Double(start.millis)) / span
            guard let up = axis.position(point.value), (0...1).contains(right), (-0.01...1.01).contains(up)
            else { continue }
            let x = Int((right * Double(canvas.width - 1)).rounded())
            let y = canvas.height - 1 - Int((up * Double(canvas.height - 1)).rounded())
            if let last, point.time.millis &- last.time.millis <= gapMillis {
                canvas.line(from: (last.x, last.y), to: (x, y))
            } else {
                canvas.set(x: x, y: y)
            }
            last = (point.time, x, y)
        }
        return canvas
    }

    /// One line of all curves; where they cross, the later one is seen.
    private func drawn(_ canvases: [DotCanvas], line: Int) -> String {
        var text = ""
        for column in 0..<(canvases.first?.columns ?? 0) {
            guard let top = canvases.lastIndex(where: { $0.dots(line: line, column: column) != 0 }) else {
                text += " "
                continue
            }
            if hasColors || canvases.count == 1 {
                let dots = canvases[top].dots(line: line, column: column)
                let character = Unicode.Scalar(0x2800 + UInt32(dots)).map { String($0) } ?? " "
                text += hasColors ? SeriesColor.paint(character, series: top) : character
            } else {
                text += String(Plot.marks[top % Plot.marks.count])
            }
        }
        return text
    }

    // MARK: - Axes

    /// The texts of the ticks by the line that they stand in, the first from above.
    private func labelsByLine(_ axis: ValueAxis) -> [Int: String] {
        var labels: [Int: String] = [:]
        for tick in axis.ticks {
            guard let up = axis.position(tick), (0...1).contains(up) else { continue }
            let line = height - 1 - Int((up * Double(height - 1)).rounded())
            labels[line] = NumberText.short(tick)
        }
        return labels
    }

    private func timeAxis(gutter: Int, width: Int) -> [String] {
        let spanMillis = Double(end.millis) - Double(start.millis)
        let form =
            switch spanMillis {
            case ..<600_000: "%H:%M:%S"
            case ...90_000_000: "%H:%M"
            case ...864_000_000: "%d %b %H:%M"
            default: "%d %b"
            }
        let labelWidth = timeText(start, form).count
        let count = max(1, (width - 1) / (labelWidth + 6))
        var rule = Array(repeating: Character("─"), count: width)
        var labels = Array(repeating: Character(" "), count: gutter + 2 + width)
        for index in 0...count {
            let column = index * (width - 1) / count
            rule[column] = "┴"
            let millis = (spanMillis * Double(column) / Double(max(1, width - 1))).rounded()
            let time = start.advanced(byMillis: Int64(exactly: millis) ?? 0)
            let text = Array(timeText(time, form))
            let first = min(max(0, gutter + 2 + column - text.count / 2), max(0, labels.count - text.count))
            for (offset, character) in text.enumerated() where first + offset < labels.count {
                labels[first + offset] = character
            }
        }
        return [String(repeating: " ", count: gutter) + " └" + String(rule), String(labels)]
    }
}
