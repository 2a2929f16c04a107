import Model

extension Evaluation {
    /// `and`, `or` and `unless`: whether a series stays depends on the presence of its match group on the
    /// other side.
    func setOperation(_ plan: BinaryPlan, _ left: StepTable, _ right: StepTable) throws(PromQLError)
        -> StepTable
    {
        let signatures = try Signatures(plan.matching, left, right, &meter)
        switch plan.op {
        case .and, .unless:
            let others = try unions(right, signatures.right, signatures.count)
            var result = left
            for row in 0..<left.rowCount {
                try meter.work(left.wordCount)
                let base = row * left.wordCount
                let group = signatures.left[row] * left.wordCount
                for word in 0..<left.wordCount {
                    let other = others[group + word]
                    result.present[base + word] &= plan.op == .and ? other : ~other
                }
                result.filterHistograms(row) { step in
                    let isMatched = (others[group + (step >> 6)] >> UInt64(step & 63)) & 1 != 0
                    return isMatched == (plan.op == .and)
                }
            }
            release(right)
            result.removeEmptyRows()
            return result
        default:
            let others = try unions(left, signatures.left, signatures.count)
            var result = RowMerger(left)
            var row = StepRow(stepCount: right.stepCount)
            for index in 0..<right.rowCount {
                try meter.work(right.wordCount)
                let group = signatures.right[index] * right.wordCount
                right.copy(index, into: &row)
                for word in row.present.indices { row.present[word] &= ~others[group + word] }
                if !row.histograms.isEmpty {
                    row.histograms = row.histograms.filter { step in
                        (others[group + (step >> 6)] >> UInt64(step & 63)) & 1 == 0
                    }
                }
                if row.isEmpty { continue }
                try add(right.labels[index], dropsName: right.dropsName[index], row, to: &result)
            }
            release(right)
            return result.table
        }
    }

    /// For each group the steps at which any of its rows has a sample, `[group][word]`.
    private func unions(_ table: StepTable, _ groups: [Int], _ groupCount: Int) throws(PromQLError)
        -> [UInt64]
    {
        var unions = [UInt64](repeating: 0, count: groupCount * table.wordCount)
        for row in 0..<table.rowCount {
            try meter.work(table.wordCount)
            let (target, source) = (groups[row] * table.wordCount, row * table.wordCount)
            for word in 0..<table.wordCount { unions[target + word] |= table.present[source + word] }
            for step in table.histograms(row).positions {
                unions[target + (step >> 6)] |= 1 << UInt64(step & 63)
            }
        }
        return unions
    }
}
