import Model

/// An operator between two samples of which at least one is a native histogram.
///
/// Source: Prometheus `vectorElemBinop`.
struct HistogramOperation {
    /// A sample.
    enum Operand {
        case number(Double)
        case histogram(NativeHistogram)

        /// A histogram, or a number where there is none.
        init(_ histogram: NativeHistogram?, or number: Double) {
            self = histogram.map(Operand.histogram) ?? .number(number)
        }

        /// Its type as messages name it.
        fileprivate var typeName: String {
            switch self {
            case .number: "float"
            case .histogram: "histogram"
            }
        }
    }

    /// What comes of it.
    enum Outcome {
        /// A sample.
        case histogram(NativeHistogram)
        /// The comparison of histograms holds, or it does not.
        case holds(Bool, NativeHistogram)
        /// Nothing.
        case none
    }

    private let op: BinaryOperator
    /// What there is to remark.
    private(set) var remarks: [Annotation] = []

    /// The operator `op`.
    init(_ op: BinaryOperator) {
        self.op = op
    }

    /// `left op right`.
    mutating func apply(_ left: Operand, _ right: Operand) -> Outcome {
        switch (op, left, right) {
        case (.multiply, .number(let number), .histogram(let histogram)),
            (.multiply, .histogram(let histogram), .number(let number)):
            return .histogram(histogram.scaled(by: number).compacted)
        case (.divide, .histogram(let histogram), .number(let number)):
            return .histogram(histogram.divided(by: number).compacted)
        case (.trimUpper, .histogram(let histogram), .number(let number)):
            return .histogram(HistogramTrim(limit: number, keepsBelow: true).apply(to: histogram))
        case (.trimLower, .histogram(let histogram), .number(let number)):
            return .histogram(HistogramTrim(limit: number, keepsBelow: false).apply(to: histogram))
        case (.add, .histogram(let left), .histogram(let right)):
            return combined(left, right, isDifference: false)
        case (.subtract, .histogram(let left), .histogram(let right)):
            return combined(left, right, isDifference: true)
        case (.equal, .histogram(let left), .histogram(let right)): return .holds(left == right, left)
        case (.notEqual, .histogram(let left), .histogram(let right)): return .holds(left != right, left)
        default:
            remark(.incompatibleTypes(left: left.typeName, op: op.rawValue, right: right.typeName))
            return .none
        }
    }

    private mutating func combined(
        _ left: NativeHistogram,
        _ right: NativeHistogram,
        isDifference: Bool
    ) -> Outcome {
        guard let (histogram, hasReconciledBounds) = try? left.combined(right, isDifference: isDifference)
        else {
            remark(.incompatibleLayout(op: op.rawValue))
            return .none
        }
        let operation = isDifference ? "subtraction" : "addition"
        if HistogramSum.areColliding(left, right) { remark(.resetCollision(operation: operation)) }
        if hasReconciledBounds { remark(.reconciledBounds(operation: operation)) }
        return .histogram(histogram.compacted)
    }

    private mutating func remark(_ remark: Annotation) {
        if !remarks.contains(remark) { remarks.append(remark) }
    }
}
