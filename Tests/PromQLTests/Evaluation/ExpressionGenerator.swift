@testable import PromQL

/// Makes random expressions that are well typed and speak of series that there are.
struct ExpressionGenerator {
    /// The metrics that expressions speak of.
    static let metrics = ["a", "b", "c_total", "h_bucket", "target_info"]
    /// The labels that their series may have.
    static let labelNames = ["k", "n", "job", "instance", "le"]

    private var random: SplitMix
    /// Whether a value at a step must not depend on what other steps there are.
    private let isStepwise: Bool

    /// A generator of expressions; `isStepwise` leaves out what asks for the query's own times, and what
    /// chooses between equal values.
    init(seed: UInt64, isStepwise: Bool) {
        random = SplitMix(state: seed)
        self.isStepwise = isStepwise
    }

    /// The next expression: mostly vectors, nested `depth` levels deep at most.
    mutating func next(depth: Int) -> String {
        oneIn(8) ? scalar(depth) : vector(depth)
    }

    // MARK: - Choices

    private mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &random)]
    }

    private mutating func label() -> String { pick(ExpressionGenerator.labelNames) }

    private mutating func labels() -> String {
        let count = Int.random(in: 0...2, using: &random)
        return (0..<count).map { _ in label() }.joined(separator: ", ")
    }

    private mutating func duration() -> String { pick(["1s", "7s", "10s", "25s", "1m", "3m", "(10s * 2)"]) }

    // MARK: - Types

    private mutating func number() -> String {
        pick(["0", "1", "2", "-3", "0.5", "1e3", "NaN", "Inf", "-Inf", "0.25", "100"])
    }

    private mutating func scalar(_ depth: Int) -> String {
        guard depth > 0 else { return oneIn(4) ? "time()" : number() }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return "scalar(\(vector(depth - 1)))"
        case 1: return "(\(scalar(depth - 1)) \(pick(["+", "-", "*", "/", "%", "^"])) \(scalar(depth - 1)))"
        case 2: return "(\(scalar(depth - 1)) \(pick(["==", "<", ">="])) bool \(scalar(depth - 1)))"
        case 3: return "\(pick(["min_of", "max_of"]))(\(scalar(depth - 1)), \(scalar(depth - 1)))"
        case 4 where !isStepwise: return pick(["start()", "end()", "range()", "step()"])
        default: return "-\(scalar(depth - 1))"
        }
    }

    private mutating func selector() -> String {
        guard oneIn(3) else { return pick(ExpressionGenerator.metrics) }
        let value = pick(["", "x", "y", "0", "+Inf", ".*", ".+", "x|y"])
        return
            "\(pick(ExpressionGenerator.metrics)){\(label())\(pick(["=", "!=", "=~", "!~"]))\"\(value.replacing("+I", with: "I"))\"}"
    }

    private mutating func modifiers() -> String {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: " offset \(pick(["5s", "1m", "-20s"]))"
        case 1: " @ \(pick(["0", "33", "100", "1e4"]))"
        case 2 where !isStepwise: " @ \(pick(["start()", "end()"])) offset 5s"
        default: ""
        }
    }

    private mutating func range(_ depth: Int) -> String {
        guard depth > 0, oneIn(3) else { return "\(selector())[\(duration())]\(modifiers())" }
        return "(\(vector(depth - 1)))[\(duration()):\(pick(["", "3s", "10s"]))]\(modifiers())"
    }

    private mutating func vector(_ depth: Int) -> String {
        guard depth > 0 else { return selector() + (oneIn(12) ? " smoothed" : "") + modifiers() }
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: return selector() + modifiers()
        case 2, 3, 4: return call(depth)
        case 5, 6: return aggregation(depth)
        case 7, 8, 9: return binary(depth)
        case 10:
            let function = pick(["rate", "increase", "delta"])
            return "\(function)(\(selector())[\(duration())] \(pick(["anchored", "smoothed"]))\(modifiers()))"
        default: return "-\(vector(depth - 1))"
        }
    }

    private mutating func call(_ depth: Int) -> String {
        let all = FunctionSignature.all.filter { $0.result == .vector }
        let function = pick(all)
        switch function.name {
        case "info":
            return
                "info(\(vector(depth - 1)), {\(label())\(pick(["=", "=~"]))\"\(pick(["x", ".*", ".+"]))\"})"
        case "label_replace":
            return
                "label_replace(\(vector(depth - 1)), \"\(label())\", \"$1\(pick(["", "z"]))\", \"\(label())\", "
                + "\"\(pick(["(.*)", "(x|0).*", ""]))\")"
        case "label_join":
            return "label_join(\(vector(depth - 1)), \"\(label())\", \"-\", \"\(label())\", \"\(label())\")"
        default: break
        }
        let arguments = function.arguments.map { type in
            switch type {
            case .scalar: scalar(depth - 1)
            case .string: "\"\(label())\""
            case .matrix: range(depth - 1)
            default: vector(depth - 1)
            }
        }
        return "\(function.name)(\(arguments.joined(separator: ", ")))"
    }

    private mutating func aggregation(_ depth: Int) -> String {
        var operators = AggregationOperator.allCases
        if isStepwise { operators.removeAll { [.topk, .bottomk, .limitk].contains($0) } }
        let op = pick(operators)
        let grouping = pick(["", " by (\(labels()))", " without (\(labels()))"])
        let parameter =
            op == .countValues
            ? "\"\(label())\", " : op.takesParameter ? "\(scalar(min(1, depth - 1))), " : ""
        return "\(op.rawValue)\(grouping) (\(parameter)\(vector(depth - 1)))"
    }

    private mutating func binary(_ depth: Int) -> String {
        let op = pick(BinaryOperator.allCases)
        let bool = op.isComparison && oneIn(3) ? " bool" : ""
        if !op.isSet, oneIn(3) {
            let (left, right) = (vector(depth - 1), scalar(depth - 1))
            let isTurned = oneIn(2)
            return "(\(isTurned ? right : left) \(op.rawValue)\(bool) \(isTurned ? left : right))"
        }
        var matching = pick(["", " on (\(labels()))", " ignoring (\(labels()))"])
        if !op.isSet, !matching.isEmpty, oneIn(2) { matching += pick([" group_left ()", " group_right ()"]) }
        if !op.isSet, oneIn(5) { matching += pick([" fill (0)", " fill_left (1)", " fill_right (-1)"]) }
        return "(\(vector(depth - 1)) \(op.rawValue)\(bool)\(matching) \(vector(depth - 1)))"
    }
}
