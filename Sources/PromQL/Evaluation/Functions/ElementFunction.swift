import Glibc

/// The functions of one value alone, by their names in PromQL.
enum ElementFunction: String, Hashable, Sendable, CaseIterable {
    case abs, ceil, floor, exp, ln, log2, log10, sqrt, sgn, deg, rad
    case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh

    /// Applies the function to the values at `range`, present or not.
    func apply(to values: inout [Double], _ range: Range<Int>) {
        switch self {
        case .abs: for i in range { values[i] = values[i].magnitude }
        case .ceil: for i in range { values[i] = values[i].rounded(.up) }
        case .floor: for i in range { values[i] = values[i].rounded(.down) }
        case .exp: for i in range { values[i] = Glibc.exp(values[i]) }
        case .ln: for i in range { values[i] = Glibc.log(values[i]) }
        case .log2: for i in range { values[i] = Glibc.log2(values[i]) }
        case .log10: for i in range { values[i] = Glibc.log10(values[i]) }
        case .sqrt: for i in range { values[i] = values[i].squareRoot() }
        // Zeros and NaN stay what they are.
        case .sgn: for i in range { values[i] = values[i] < 0 ? -1 : values[i] > 0 ? 1 : values[i] }
        case .deg: for i in range { values[i] = values[i] * 180 / .pi }
        case .rad: for i in range { values[i] = values[i] * .pi / 180 }
        case .sin: for i in range { values[i] = Glibc.sin(values[i]) }
        case .cos: for i in range { values[i] = Glibc.cos(values[i]) }
        case .tan: for i in range { values[i] = Glibc.tan(values[i]) }
        case .asin: for i in range { values[i] = Glibc.asin(values[i]) }
        case .acos: for i in range { values[i] = Glibc.acos(values[i]) }
        case .atan: for i in range { values[i] = Glibc.atan(values[i]) }
        case .sinh: for i in range { values[i] = ElementFunction.sinh(values[i]) }
        case .cosh: for i in range { values[i] = ElementFunction.cosh(values[i]) }
        case .tanh: for i in range { values[i] = Glibc.tanh(values[i]) }
        case .asinh: for i in range { values[i] = Glibc.asinh(values[i]) }
        case .acosh: for i in range { values[i] = Glibc.acosh(values[i]) }
        case .atanh: for i in range { values[i] = Glibc.atanh(values[i]) }
        }
    }

    /// From here on Go takes half of the exponential function, which is infinite before the result would be.
    private static let halfExponentialFrom = 21.0

    private static func sinh(_ value: Double) -> Double {
        guard value.magnitude > halfExponentialFrom else { return Glibc.sinh(value) }
        let half = Glibc.exp(value.magnitude) * 0.5
        return value < 0 ? -half : half
    }

    private static func cosh(_ value: Double) -> Double {
        guard value.magnitude > halfExponentialFrom else { return Glibc.cosh(value) }
        return Glibc.exp(value.magnitude) * 0.5
    }
}

/// `round`, and `clamp` with its relatives: functions of a value and of scalars.
enum ScalarFunction {
    /// The multiple of `nearest` next to `value`; of two equally near ones the higher.
    @inline(__always)
    static func round(_ value: Double, toNearest nearest: Double) -> Double {
        // Computed with the inverse, as Prometheus does for accuracy.
        let inverse = 1 / nearest
        return (value * inverse + 0.5).rounded(.down) / inverse
    }

    /// `value` if it lies between the bounds, else the nearer bound; NaN if a bound is NaN.
    @inline(__always)
    static func clamp(_ value: Double, _ lowest: Double, _ highest: Double) -> Double {
        maximum(lowest, minimum(highest, value))
    }

    /// The smaller value as Go's `math.Min` has it: minus infinity wins over NaN, NaN over the rest.
    @inline(__always)
    static func minimum(_ left: Double, _ right: Double) -> Double {
        if left == -.infinity || right == -.infinity { return -.infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? left : right }
        return left < right ? left : right
    }

    /// The larger value as Go's `math.Max` has it: infinity wins over NaN, NaN over the rest.
    @inline(__always)
    static func maximum(_ left: Double, _ right: Double) -> Double {
        if left == .infinity || right == .infinity { return .infinity }
        if left.isNaN || right.isNaN { return .nan }
        if left == 0, right == 0 { return left.sign == .minus ? right : left }
        return left > right ? left : right
    }
}
