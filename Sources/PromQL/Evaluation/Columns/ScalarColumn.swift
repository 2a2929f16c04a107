/// A scalar at every step of a grid.
enum ScalarColumn {
    /// The same number at every step.
    case constant(Double)
    /// A number per step.
    case steps([Double])

    /// The number at `step`.
    @inline(__always)
    subscript(step: Int) -> Double {
        switch self {
        case .constant(let value): value
        case .steps(let values): values[step]
        }
    }

    /// The numbers of all steps.
    func expanded(_ stepCount: Int) -> [Double] {
        switch self {
        case .constant(let value): [Double](repeating: value, count: stepCount)
        case .steps(let values): values
        }
    }

    /// The different numbers to look at where each of them counts once.
    var distinct: [Double] {
        switch self {
        case .constant(let value): [value]
        case .steps(let values): values
        }
    }
}
