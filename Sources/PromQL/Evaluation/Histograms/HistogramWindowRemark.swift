import Model

/// What a range function has to say about the histograms of a series.
enum HistogramWindowRemark: Equatable {
    case mixedWithNumbers
    case notCounter
    case notGauge
    case mismatch(HistogramMismatch)
    case reconciled(operation: String)
    case resetCollision
    case ignoredInRange

    /// The remark on the series of a metric.
    func annotation(metric: String) -> Annotation {
        switch self {
        case .mixedWithNumbers: .mixedWithNumbers(metric: metric)
        case .notCounter: .notCounter(metric: metric)
        case .notGauge: .notGauge(metric: metric)
        case .mismatch(let mismatch): .mismatch(mismatch, metric: metric)
        case .reconciled(let operation): .reconciledBounds(operation: operation)
        case .resetCollision: .resetCollision(operation: "aggregation")
        case .ignoredInRange: .ignoredInRange(metric: metric)
        }
    }
}
