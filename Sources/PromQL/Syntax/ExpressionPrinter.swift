import Model

extension Expr: CustomStringConvertible {
    /// The expression in one line in Prometheus's canonical form, which reads back as the same expression.
    ///
    /// Source: Prometheus 3, `promql/parser/printer.go`. Deviations: `{}` behind `info` stays (there it
    /// vanishes).
    package var description: String {
        var printer = ExpressionPrinter()
        printer.append(self)
        return String(decoding: printer.bytes, as: UTF8.self)
    }
}

/// Prints expressions in one line; works on a stack of its own, so that deep trees do no harm.
struct ExpressionPrinter {
    /// Where an expression was printed.
    struct Extent {
        /// The range in `bytes`.
        var range: Range<Int>
        /// The index of the first extent that does not belong to a part of this expression.
        var next: Int
    }

    private enum Piece {
        case expr(Expr)
        case text(String)
        /// The end of the expression with this extent.
        case end(Int)
    }

    /// What was printed.
    private(set) var bytes: [UInt8] = []
    /// The extents of the expressions, each before those of its parts.
    private(set) var extents: [Extent] = []

    /// Prints `expr`.
    mutating func append(_ expr: Expr) {
        var pieces: [Piece] = [.expr(expr)]
        while let piece = pieces.popLast() {
            switch piece {
            case .text(let text): bytes.append(contentsOf: text.utf8)
            case .end(let index):
                extents[index].range = extents[index].range.lowerBound..<bytes.count
                extents[index].next = extents.count
            case .expr(let expr):
                pieces.append(.end(extents.count))
                extents.append(Extent(range: bytes.count..<bytes.count, next: 0))
                pieces.append(contentsOf: ExpressionPrinter.pieces(of: expr).reversed())
            }
        }
    }

    private static func pieces(of expr: Expr) -> [Piece] {
        switch expr.node {
        case .number(let value, let isDuration):
            [.text(isDuration ? duration(seconds: value) : number(value))]
        case .string(let text): [.text(QuotedText.string(text))]
        case .bytes(let bytes): [.text(QuotedText.bytes(bytes))]
        case .selector(let selector): [.text(matchers(selector) + modifiers(selector))]
        case .matrix(let base, let range): [.text(matrix(base, range))]
        case .subquery(let subquery): [.expr(subquery.base), .text(suffix(of: subquery))]
        case .call(let function, let arguments):
            [.text(function + "(")] + list(arguments) + [.text(")")]
        case .aggregate(let aggregation):
            [.text(head(of: aggregation) + "(")]
                + list([aggregation.parameter, aggregation.expr].compactMap(\.self)) + [.text(")")]
        case .binary(let binary):
            [.expr(binary.left), .text(" \(self.operator(of: binary)) "), .expr(binary.right)]
        case .unary(let sign, let operand): [.text(sign.rawValue), .expr(operand)]
        case .parenthesized(let inner): [.text("("), .expr(inner), .text(")")]
        case .queryTime(let time): [.text(time.rawValue + "()")]
        }
    }

    private static func list(_ exprs: [Expr]) -> [Piece] {
        var pieces: [Piece] = []
        for expr in exprs {
            if !pieces.isEmpty { pieces.append(.text(", ")) }
            pieces.append(.expr(expr))
        }
        return pieces
    }

    // MARK: Operators

    /// `sum by (job) `, or only `sum`.
    static func head(of aggregation: Aggregation) -> String {
        let op = aggregation.op.rawValue
        if aggregation.isWithout { return "\(op) without (\(labels(aggregation.grouping))) " }
        return aggregation.grouping.isEmpty ? op : "\(op) by (\(labels(aggregation.grouping))) "
    }

    /// The operator with everything up to its right side, `== bool on (job)`.
    static func `operator`(of binary: Binary) -> String {
        var out = binary.op.rawValue
        if binary.returnsBool { out += " bool" }
        guard let matching = binary.matching else { return out }
        let isGrouped = matching.cardinality == .manyToOne || matching.cardinality == .oneToMany
        if matching.isOn || !matching.labels.isEmpty || isGrouped {
            out += " \(matching.isOn ? "on" : "ignoring") (\(labels(matching.labels)))"
        }
        if isGrouped {
            let side = matching.cardinality == .manyToOne ? "left" : "right"
            out += " group_\(side) (\(labels(matching.include)))"
        }
        switch (matching.fillLeft, matching.fillRight) {
        case (nil, nil): break
        case (let left?, let right?) where left.bitPattern == right.bitPattern:
            out += " fill (\(shortest(left)))"
        case (let left, let right):
            if let left { out += " fill_left (\(shortest(left)))" }
            if let right { out += " fill_right (\(shortest(right)))" }
        }
        return out
    }

    private static func labels(_ names: [String]) -> String {
        names.map(label).joined(separator: ", ")
    }

    private static func label(_ name: String) -> String {
        LabelText.isLegacyLabelName(name) ? name : QuotedText.string(name)
    }

    // MARK: Selectors

    /// The name and the matchers in braces, these in the order of their text.
    private static func matchers(_ selector: Selector) -> String {
        var others = selector.matchers[...]
        if selector.name != nil { others = others.dropFirst() }
        let shown = others.map { "\(label($0.name))\($0.kind.rawValue)\(QuotedText.string($0.value))" }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let name = selector.name ?? ""
        return shown.isEmpty && !name.isEmpty ? name : "\(name){\(shown.joined(separator: ","))}"
    }

    private static func modifiers(_ selector: Selector) -> String {
        at(selector.modifiers) + rangeExtension(selector) + offset(selector.modifiers)
    }

    private static func matrix(_ base: Expr, _ range: DurationExpr) -> String {
        guard case .selector(let selector) = base.node else { return "\(base)[\(range)]" }
        return "\(matchers(selector))[\(range)]" + rangeExtension(selector) + at(selector.modifiers)
            + offset(selector.modifiers)
    }

    /// What stands behind the expression of a subquery.
    static func suffix(of subquery: Subquery) -> String {
        let step = subquery.step?.description ?? ""
        return "[\(subquery.range):\(step)]" + at(subquery.modifiers) + offset(subquery.modifiers)
    }

    private static func rangeExtension(_ selector: Selector) -> String {
        selector.rangeExtension == .none ? "" : " " + selector.rangeExtension.rawValue
    }

    private static func offset(_ modifiers: TimeModifiers) -> String {
        modifiers.offset.map { " offset \($0)" } ?? ""
    }

    private static func at(_ modifiers: TimeModifiers) -> String {
        switch modifiers.at {
        case nil: ""
        case .start: " @ start()"
        case .end: " @ end()"
        case .time(let time):
            " @ \(time.millis < 0 ? "-" : "")\(time.millis.magnitude / 1000)."
                + String(String(1000 + time.millis.magnitude % 1000).dropFirst())
        }
    }

    // MARK: Numbers

    private static func duration(seconds: Double) -> String {
        DurationText.format(millis: Int64(exactly: (seconds * 1000).rounded()) ?? 0)
    }

    /// `value` with all digits before the point, without exponent.
    static func number(_ value: Double) -> String {
        let text = ValueText.format(value)
        guard value.isFinite, let mark = text.firstIndex(of: "e"),
            let exponent = Int(text[text.index(after: mark)...])
        else { return text }
        let digits = text[..<mark].filter { $0 != "-" && $0 != "." }
        let sign = value < 0 ? "-" : ""
        if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + digits }
        return sign + digits + String(repeating: "0", count: max(0, exponent + 1 - digits.count))
    }

    /// `value`, a whole number or a small one, with `digitCount` digits behind the point.
    static func fixed(_ value: Double, digitCount: Int) -> String {
        let text = number(value)
        return value.isFinite && !text.contains(".")
            ? text + "." + String(repeating: "0", count: digitCount) : text
    }

    /// `value` as Go's `%v` prints it: with an exponent below 1e-4 and from 1e21.
    private static func shortest(_ value: Double) -> String {
        let isSmall = value != 0 && abs(value) < 1e-4
        return isSmall || abs(value) >= 1e21 ? ValueText.formatScientific(value) : number(value)
    }
}

extension DurationExpr: CustomStringConvertible {
    /// The duration as it stands in brackets or behind `offset`.
    package var description: String {
        switch self {
        case .constant(let millis, _): DurationText.format(millis: millis)
        case .number(let seconds): ExpressionPrinter.number(seconds)
        case .step: "step()"
        case .range: "range()"
        case .unary(let sign, let operand): sign.rawValue + operand.description
        case .binary(let op, let left, let right): "\(left) \(op.rawValue) \(right)"
        case .minimum(let left, let right): "min_of(\(left), \(right))"
        case .maximum(let left, let right): "max_of(\(left), \(right))"
        case .parenthesized(let inner): "(\(inner))"
        }
    }
}
