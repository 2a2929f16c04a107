import Model

/// The functions of one native histogram that yield a number, by their names in PromQL.
enum HistogramFunction: String, Hashable, Sendable, CaseIterable {
    case count = "histogram_count"
    case sum = "histogram_sum"
    case avg = "histogram_avg"
    case stddev = "histogram_stddev"
    case stdvar = "histogram_stdvar"

    /// The result for a histogram.
    func value(_ histogram: NativeHistogram) -> Double {
        switch self {
        case .count: histogram.count
        case .sum: histogram.sum
        case .avg: histogram.sum / histogram.count
        case .stddev: histogram.variance.squareRoot()
        case .stdvar: histogram.variance
        }
    }
}

extension Evaluation {
    /// A function of the native histograms of a vector; numbers are ignored.
    func histogram(_ function: HistogramFunction, _ node: PlanNode) throws(PromQLError) -> StepTable {
        let table = try tableInput(0, of: node)
        var result = StepTable(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            let histograms = table.histograms(index)
            if histograms.isEmpty { continue }
            try meter.work(8 * histograms.count)
            row.clear()
            for (step, histogram) in zip(histograms.positions, histograms.values) {
                row.set(step, function.value(histogram))
            }
            try append(table.labels[index], dropsName: true, row, to: &result)
        }
        release(table)
        return result
    }
}
