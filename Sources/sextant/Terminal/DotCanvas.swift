/// A grid of dots, eight in each character: two side by side and four on top of each other (braille).
struct DotCanvas {
    /// The characters of a line.
    let columns: Int
    /// The lines.
    let lines: Int
    /// How many dots lie side by side.
    var width: Int { columns * 2 }
    /// How many dots lie on top of each other.
    var height: Int { lines * 4 }

    /// The dots of each character; the bits are those of the braille characters from U+2800 on.
    private var cells: [UInt8]

    init(columns: Int, lines: Int) {
        self.columns = columns
        self.lines = lines
        cells = Array(repeating: 0, count: columns * lines)
    }

    /// The dots of a character, 0 for none.
    func dots(line: Int, column: Int) -> UInt8 { cells[line * columns + column] }

    /// Sets the dot `x` from the left and `y` from above; what lies outside is left out.
    mutating func set(x: Int, y: Int) {
        guard (0..<width).contains(x), (0..<height).contains(y) else { return }
        let bits: [[UInt8]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]
        cells[y / 4 * columns + x / 2] |= bits[x % 2][y % 4]
    }

    /// Sets the dots of a straight line between two dots inside the canvas.
    mutating func line(from start: (x: Int, y: Int), to end: (x: Int, y: Int)) {
        let count = max(abs(end.x - start.x), abs(end.y - start.y))
        guard count > 0 else { return set(x: start.x, y: start.y) }
        for index in 0...count {
            let part = Double(index) / Double(count)
            set(
                x: start.x + Int((Double(end.x - start.x) * part).rounded()),
                y: start.y + Int((Double(end.y - start.y) * part).rounded())
            )
        }
    }
}
