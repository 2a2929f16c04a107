import Glibc
import Model

/// What the durations of a query are computed from.
struct QueryDurations {
    /// The query's step in milliseconds; 0 for an instant query.
    var stepMillis: Int64
    /// The query's end minus its start in milliseconds; 0 for an instant query.
    var rangeMillis: Int64

    /// The value of `duration` in milliseconds; not positive only if `allowsNegative`, as offsets do.
    ///
    /// Source: Prometheus `promql/durations.go`: computed in seconds as floats, then cut to whole
    /// milliseconds.
    func millis(_ duration: DurationExpr, allowsNegative: Bool) throws(PromQLError) -> Int64 {
        let millis: Int64
        if case .constant(let constant, _) = duration {
            millis = constant
        } else {
            let seconds = try self.seconds(duration)
            guard let exact = Int64(exactly: (seconds * 1000).rounded(.towardZero)),
                exact.magnitude <= UInt64(Int64.max / 1_000_000)
            else { throw .badData("duration is out of range") }
            millis = exact
        }
        guard millis > 0 || allowsNegative else { throw .badData("duration must be greater than 0") }
        return millis
    }

    // MARK: - Evaluation

    private enum Task {
        case visit(DurationExpr)
        case negate
        case combine(BinaryOperator)
        case minimum
        case maximum
    }

    /// The value in seconds, found with a stack of its own: durations may be long chains.
    private func seconds(_ duration: DurationExpr) throws(PromQLError) -> Double {
        var tasks: [Task] = [.visit(duration)]
        var values: [Double] = []
        func popPair() -> (Double, Double) {
            let right = values.popLast() ?? 0
            return (values.popLast() ?? 0, right)
        }
        while let task = tasks.popLast() {
            switch task {
            case .visit(let part): visit(part, &tasks, &values)
            case .negate: values.append(-(values.popLast() ?? 0))
            case .combine(let op):
                let (left, right) = popPair()
                values.append(try QueryDurations.combine(op, left, right))
            case .minimum:
                let (left, right) = popPair()
                values.append(min(left, right))
            case .maximum:
                let (left, right) = popPair()
                values.append(max(left, right))
            }
        }
        return values.last ?? 0
    }

    private func visit(_ part: DurationExpr, _ tasks: inout [Task], _ values: inout [Double]) {
        switch part {
        case .constant(let millis, _): values.append(Double(millis) / 1000)
        case .number(let number): values.append(number)
        case .step: values.append(Double(stepMillis) / 1000)
        case .range: values.append(Double(rangeMillis) / 1000)
        case .parenthesized(let inner): tasks.append(.visit(inner))
        case .unary(let op, let inner):
            if op == .minus { tasks.append(.negate) }
            tasks.append(.visit(inner))
        case .binary(let op, let left, let right):
            tasks.append(contentsOf: [.combine(op), .visit(right), .visit(left)])
        case .minimum(let left, let right):
            tasks.append(contentsOf: [.minimum, .visit(right), .visit(left)])
        case .maximum(let left, let right):
            tasks.append(contentsOf: [.maximum, .visit(right), .visit(left)])
        }
    }

    private static func combine(_ op: BinaryOperator, _ left: Double, _ right: Double) throws(PromQLError)
        -> Double
    {
        switch op {
        case .add: return left + right
        case .subtract: return left - right
        case .multiply: return left * right
        case .divide:
            guard right != 0 else { throw .badData("division by zero") }
            return left / right
        case .modulo:
            guard right != 0 else { throw .badData("modulo by zero") }
            return fmod(left, right)
        case .power: return pow(left, right)
        default: throw .badData("unexpected duration expression operator \(LabelText.quoted(op.rawValue))")
        }
    }
}
