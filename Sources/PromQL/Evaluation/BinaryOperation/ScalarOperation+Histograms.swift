import Model

extension Evaluation {
    /// `vector op scalar` and `scalar op vector` where native histograms are among the samples, and the trim
    /// operators, which are made for them.
    func combineMixed(
        _ plan: BinaryPlan,
        _ table: StepTable,
        _ scalar: ScalarColumn,
        scalarIsLeft: Bool,
        _ span: SourceSpan
    ) throws(PromQLError) -> StepTable {
        var operation = HistogramOperation(plan.op)
        var numbers = table
        var histograms = StepTable(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            row.clear()
            let column = table.histograms(index)
            try meter.work(1 + 8 * column.count)
            for (step, histogram) in zip(column.positions, column.values) {
                let number = HistogramOperation.Operand.number(scalar[step])
                let outcome =
                    scalarIsLeft
                    ? operation.apply(number, .histogram(histogram))
                    : operation.apply(.histogram(histogram), number)
                if case .histogram(let result) = outcome { row.set(step, result) }
            }
            if plan.op.isTrim { operation.apply(toNumbersOf: table, index) }
            if row.isEmpty { continue }
            let keepsName = plan.op.isTrim && !table.dropsName[index]
            try append(table.labels[index], dropsName: !keepsName, row, to: &histograms)
        }
        for remark in operation.remarks { annotations.add(remark, at: span) }
        if plan.op.isTrim {
            release(table)
            return histograms
        }
        numbers.removeHistograms()
        var result = RowMerger(try combineNumbers(plan, numbers, scalar, scalarIsLeft: scalarIsLeft))
        for index in 0..<histograms.rowCount {
            histograms.copy(index, into: &row)
            try add(histograms.labels[index], dropsName: histograms.dropsName[index], row, to: &result)
        }
        release(histograms)
        return result.table
    }
}

extension HistogramOperation {
    /// Remarks that the operator takes no numbers, if the row has any.
    fileprivate mutating func apply(toNumbersOf table: StepTable, _ row: Int) {
        if !table.steps(row).isEmpty { _ = apply(.number(0), .number(0)) }
    }
}
