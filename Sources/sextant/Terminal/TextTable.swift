/// Rows of text under titles, in columns as wide as they need to be.
struct TextTable {
    /// On which side of a column its texts stand.
    enum Alignment {
        case left, right
    }

    /// The titles and how the texts below them stand.
    var columns: [(title: String, alignment: Alignment)]
    /// One text for each column.
    var rows: [[String]] = []

    /// The lines, titles first, without spaces at the ends of lines.
    var lines: [String] {
        let titles = columns.map(\.title)
        let widths = columns.indices.map { column in
            ([titles] + rows).map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
        }
        return ([titles] + rows).map { row in
            var line = ""
            for (column, text) in row.enumerated() where column < columns.count {
                if column > 0 { line += "  " }
                let spaces = String(repeating: " ", count: max(0, widths[column] - text.count))
                line += columns[column].alignment == .left ? text + spaces : spaces + text
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }
}
