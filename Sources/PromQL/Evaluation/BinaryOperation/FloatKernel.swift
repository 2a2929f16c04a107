import Glibc

/// The operators on columns of numbers.
enum FloatKernel {
    /// Fills `out` with `left op right` for an arithmetic operator, element by element, present or not.
    ///
    /// All three have the same length. The remainder has the sign of the dividend, as in Go.
    static func compute(
        _ op: BinaryOperator,
        _ left: Span<Double>,
        _ right: Span<Double>,
        into out: inout [Double]
    ) {
        switch op {
        case .add: for i in left.indices { out[i] = left[i] + right[i] }
        case .subtract: for i in left.indices { out[i] = left[i] - right[i] }
        case .multiply: for i in left.indices { out[i] = left[i] * right[i] }
        case .divide: for i in left.indices { out[i] = left[i] / right[i] }
        case .modulo: for i in left.indices { out[i] = fmod(left[i], right[i]) }
        case .power: for i in left.indices { out[i] = pow(left[i], right[i]) }
        case .atan2: for i in left.indices { out[i] = Glibc.atan2(left[i], right[i]) }
        default: preconditionFailure("BUG: \(op) is no arithmetic operator")
        }
    }

    /// Removes from `steps` those at which `left op right` does not hold, for a comparison.
    static func filter(
        _ op: BinaryOperator,
        _ left: Span<Double>,
        _ right: Span<Double>,
        _ steps: inout [UInt64]
    ) {
        switch op {
        case .equal: filter(IsEqual.self, left, right, &steps)
        case .notEqual: filter(IsNotEqual.self, left, right, &steps)
        case .less: filter(IsLess.self, left, right, &steps)
        case .lessOrEqual: filter(IsLessOrEqual.self, left, right, &steps)
        case .greater: filter(IsLess.self, right, left, &steps)
        case .greaterOrEqual: filter(IsLessOrEqual.self, right, left, &steps)
        default: preconditionFailure("BUG: \(op) is no comparison")
        }
    }

    private static func filter<Comparison: FloatComparison>(
        _ comparison: Comparison.Type,
        _ left: Span<Double>,
        _ right: Span<Double>,
        _ steps: inout [UInt64]
    ) {
        for word in steps.indices {
            var rest = steps[word]
            var kept: UInt64 = 0
            while rest != 0 {
                let bit = rest.trailingZeroBitCount
                rest &= rest - 1
                let step = (word << 6) + bit
                if Comparison.holds(left[step], right[step]) { kept |= 1 << UInt64(bit) }
            }
            steps[word] = kept
        }
    }
}

/// A comparison of two numbers; a type of its own, so that loops over it are compiled for it.
private protocol FloatComparison {
    static func holds(_ left: Double, _ right: Double) -> Bool
}

private enum IsEqual: FloatComparison {
    @inline(__always)
    static func holds(_ left: Double, _ right: Double) -> Bool { left == right }
}

private enum IsNotEqual: FloatComparison {
    @inline(__always)
    static func holds(_ left: Double, _ right: Double) -> Bool { left != right }
}

private enum IsLess: FloatComparison {
    @inline(__always)
    static func holds(_ left: Double, _ right: Double) -> Bool { left < right }
}

private enum IsLessOrEqual: FloatComparison {
    @inline(__always)
    static func holds(_ left: Double, _ right: Double) -> Bool { left <= right }
}
