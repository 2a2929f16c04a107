extension Expr {
    /// The expression over several lines, for people: parts of more than 100 bytes are split and indented.
    ///
    /// Source: Prometheus 3, `promql/parser/prettier.go` (`/api/v1/format_query`).
    package func prettyPrinted() -> String {
        var printer = PrettyPrinter(self)
        return printer.printed()
    }
}

/// Prints an expression over several lines; works on a stack of its own, so that deep trees do no harm.
private struct PrettyPrinter {
    private enum Piece {
        /// An expression, the index of its extent in the one-line form, and how far it is indented.
        case expr(Expr, extent: Int, level: Int)
        case text(String)
        /// The one-line form of the expression with this extent.
        case line(Int)
        case indent(Int)
        /// Leaves out the indentation before the next text.
        case skipIndent
    }

    private static let lineLimitBytes = 100

    private let root: Expr
    private let line: ExpressionPrinter
    private var bytes: [UInt8] = []
    /// Whether the next indentation is left out: the sign before it has one.
    private var skipsIndent = false

    init(_ expr: Expr) {
        root = expr
        var line = ExpressionPrinter()
        line.append(expr)
        self.line = line
    }

    mutating func printed() -> String {
        var pieces: [Piece] = [.expr(root, extent: 0, level: 0)]
        while let piece = pieces.popLast() {
            switch piece {
            case .text(let text): append(text.utf8)
            case .line(let extent): append(line.bytes[line.extents[extent].range])
            case .indent(let level):
                if !skipsIndent {
                    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: 2 * level))
                }
            case .skipIndent: skipsIndent = true
            case .expr(let expr, let extent, let level):
                pieces.append(contentsOf: self.pieces(of: expr, extent, level).reversed())
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func append(_ text: some Collection<UInt8>) {
        guard !text.isEmpty else { return }
        bytes.append(contentsOf: text)
        skipsIndent = false
    }

    private func pieces(of expr: Expr, _ extent: Int, _ level: Int) -> [Piece] {
        let isLong = line.extents[extent].range.count > PrettyPrinter.lineLimitBytes
        let first = extent + 1
        switch expr.node {
        case .unary(let sign, let operand):
            return [
                .indent(level), .text(sign.rawValue), .skipIndent,
                .expr(operand, extent: first, level: level),
            ]
        case .subquery(let subquery):
            // A short one is not indented, in Prometheus neither.
            guard isLong else { return [.line(extent)] }
            return [
                .expr(subquery.base, extent: first, level: level),
                .text(ExpressionPrinter.suffix(of: subquery)),
            ]
        case .binary(let binary) where isLong:
            return [
                .expr(binary.left, extent: first, level: level + 1), .text("\n"), .indent(level),
                .text(ExpressionPrinter.operator(of: binary)), .text("\n"),
                .expr(binary.right, extent: line.extents[first].next, level: level + 1),
            ]
        case .parenthesized(let inner) where isLong:
            return [.indent(level), .text("(\n"), .expr(inner, extent: first, level: level + 1)] + end(level)
        case .call(let function, let arguments) where isLong:
            return [.indent(level), .text(function + "(\n")] + list(arguments, first, level + 1) + end(level)
        case .aggregate(let aggregation) where isLong:
            let arguments = [aggregation.parameter, aggregation.expr].compactMap(\.self)
            return [.indent(level), .text(ExpressionPrinter.head(of: aggregation) + "(\n")]
                + list(arguments, first, level + 1) + end(level)
        default:
            return [.indent(level), .line(extent)]
        }
    }

    private func list(_ exprs: [Expr], _ first: Int, _ level: Int) -> [Piece] {
        var pieces: [Piece] = []
        var extent = first
        for expr in exprs {
            if !pieces.isEmpty { pieces.append(.text(",\n")) }
            pieces.append(.expr(expr, extent: extent, level: level))
            extent = line.extents[extent].next
        }
        return pieces
    }

    private func end(_ level: Int) -> [Piece] {
        [.text("\n"), .indent(level), .text(")")]
    }
}
