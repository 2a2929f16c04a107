import Model

extension Evaluation {
    /// An aggregation.
    func aggregate(_ plan: AggregatePlan, _ node: PlanNode) throws(PromQLError) -> StepTable {
        let parameter: NodeValue? = node.inputs.count > 1 ? try input(1, of: node) : nil
        if let fold = plan.op.fold(stepCount: node.grid.count) {
            return try folded(fold, plan, node)
        }
        var table = try tableInput(0, of: node)
        if table.hasHistograms, !plan.op.takesAnySample {
            annotations.add(.ignoredInAggregation(op: plan.op.rawValue), at: plan.vectorSpan)
            table.removeHistograms()
        }
        switch plan.op {
        case .countValues:
            guard case .string(let label)? = parameter else { throw Evaluation.wrongType("string") }
            return try countValues(label, plan, table)
        case .quantile: return try quantiles(try Evaluation.scalar(parameter), plan, table)
        default: return try selected(try Evaluation.scalar(parameter), plan, table)
        }
    }

    /// An aggregation that takes in one series at a time, straight from the source where possible.
    private func folded(_ fold: any GroupFold, _ plan: AggregatePlan, _ node: PlanNode) throws(PromQLError)
        -> StepTable
    {
        var fold = fold
        let stepCount = node.grid.count
        let heldPerGroup = stepCount * type(of: fold).heldPerStep
        var groups = Groups(plan.grouping)
        var present: [UInt64] = []
        let wordCount = (stepCount + 63) / 64
        var histograms: HistogramFold?
        var heldByHistograms = 0
        try forEachInputRow(of: node) { (series, dropsName, row) throws(PromQLError) in
            let group = groups.index(of: series, dropsName: dropsName)
            if group * wordCount == present.count {
                try self.meter.hold(heldPerGroup)
                try self.meter.hold(bytes: Groups.byteCount(groups.labels[group]))
                fold.addGroup()
                present.append(contentsOf: repeatElement(0, count: wordCount))
            }
            try self.meter.work(stepCount)
            fold.add(row, to: group)
            for word in 0..<wordCount { present[group * wordCount + word] |= row.present[word] }
            if row.histograms.isEmpty { return }
            if plan.op.takesAnySample {
                for step in row.histograms.positions {
                    present[group * wordCount + (step >> 6)] |= 1 << UInt64(step & 63)
                }
            } else if plan.op == .sum || plan.op == .avg {
                let held = row.histograms.heldSampleCount
                try self.meter.hold(held)
                heldByHistograms += held
                try self.add(row.histograms, series.labels, to: &histograms, group, stepCount, plan)
            } else {
                self.annotations.add(.ignoredInAggregation(op: plan.op.rawValue), at: plan.vectorSpan)
            }
        }
        let values = fold.finish()
        var table = StepTable(stepCount: stepCount)
        var row = StepRow(stepCount: stepCount)
        for group in 0..<groups.count {
            row.values.replaceSubrange(
                0..<stepCount,
                with: values[group * stepCount..<(group + 1) * stepCount]
            )
            row.present.replaceSubrange(
                0..<wordCount,
                with: present[group * wordCount..<(group + 1) * wordCount]
            )
            if let histograms { try add(histograms, group, to: &row, plan.vectorSpan) }
            if row.isEmpty { continue }
            try append(groups.labels[group], dropsName: groups.dropsName[group], row, to: &table)
        }
        meter.release(heldPerGroup * groups.count + heldByHistograms)
        meter.release(bytes: groups.labels.reduce(0) { $0 + Groups.byteCount($1) })
        return table
    }

    /// Adds the native histograms of a series to its group.
    private func add(
        _ column: HistogramColumn,
        _ labels: Labels,
        to fold: inout HistogramFold?,
        _ group: Int,
        _ stepCount: Int,
        _ plan: AggregatePlan
    ) throws(PromQLError) {
        var histograms = fold ?? HistogramFold(stepCount: stepCount, isMean: plan.op == .avg)
        fold = nil
        for (step, histogram) in zip(column.positions, column.values) {
            try meter.work(16)
            do { try histograms.add(histogram, group, step) } catch {
                annotations.add(.mismatch(error, metric: labels.metricName ?? ""), at: plan.vectorSpan)
            }
        }
        fold = histograms
    }

    /// Adds what came of a group's native histograms to its row of numbers; where there were both, nothing
    /// stays.
    private func add(_ fold: HistogramFold, _ group: Int, to row: inout StepRow, _ span: SourceSpan)
        throws(PromQLError)
    {
        row.histograms.removeAll()
        for step in row.values.indices where fold.isPresent(group, step) {
            try meter.work(16)
            if row.contains(step) {
                annotations.add(.mixedWithNumbersInAggregation, at: span)
                row.present[step >> 6] &= ~(1 << UInt64(step & 63))
                continue
            }
            guard let (histogram, hasReconciledBounds) = fold.result(group, step) else { continue }
            if hasReconciledBounds {
                annotations.add(.reconciledBounds(operation: "aggregation"), at: span)
            }
            row.set(step, histogram)
        }
        if fold.hasCollision { annotations.add(.resetCollision(operation: "aggregation"), at: span) }
    }

    // MARK: - quantile

    private func quantiles(_ phi: ScalarColumn, _ plan: AggregatePlan, _ table: StepTable) throws(PromQLError)
        -> StepTable
    {
        noteInvalidQuantiles(phi, at: plan.parameterSpan)
        var groups = Groups(plan.grouping)
        var rows: [[Int]] = []
        for row in 0..<table.rowCount {
            try meter.work(Groups.workPerSeries)
            let group = groups.index(of: .known(table.labels[row]), dropsName: table.dropsName[row])
            if group == rows.count { rows.append([]) }
            rows[group].append(row)
        }
        var result = StepTable(stepCount: table.stepCount)
        var line = StepRow(stepCount: table.stepCount)
        var values: [Double] = []
        for group in 0..<groups.count {
            line.clear()
            for step in 0..<table.stepCount {
                try meter.work(rows[group].count)
                values.removeAll(keepingCapacity: true)
                for row in rows[group] where table.isPresent(row, step) {
                    values.append(table.value(row, step))
                }
                if !values.isEmpty { line.set(step, SortedQuantile.of(&values, phi[step])) }
            }
            try append(groups.labels[group], dropsName: groups.dropsName[group], line, to: &result)
        }
        release(table)
        return result
    }

    /// Notes a quantile outside of 0...1: the first NaN, the largest and the smallest, as Prometheus does.
    private func noteInvalidQuantiles(_ phi: ScalarColumn, at span: SourceSpan) {
        let values = phi.distinct
        let numbers = values.filter { !$0.isNaN }
        if numbers.count < values.count { annotations.add(.invalidQuantile("NaN"), at: span) }
        if let most = numbers.max(), most > 1 {
            annotations.add(.invalidQuantile(GoText.general(most)), at: span)
        }
        if let least = numbers.min(), least < 0 {
            annotations.add(.invalidQuantile(GoText.general(least)), at: span)
        }
    }

    // MARK: - count_values

    private func countValues(_ label: String, _ plan: AggregatePlan, _ table: StepTable) throws(PromQLError)
        -> StepTable
    {
        guard !label.isEmpty else { throw .execution("invalid label name \(LabelText.quoted(label))") }
        var result = StepTable(stepCount: table.stepCount)
        var rowOfLabels: [Labels: Int] = [:]
        let filter = plan.grouping.filter(keeping: label)
        let empty = StepRow(stepCount: table.stepCount)
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            let column = table.histograms(row)
            for (step, histogram) in zip(column.positions, column.values) {
                let text = GoText.histogram(histogram)
                let labels = filter.apply(to: table.labels[row].setting(label, text))
                let target = rowOfLabels[labels, default: result.rowCount]
                if target == result.rowCount {
                    rowOfLabels[labels] = target
                    try append(labels, dropsName: false, empty, to: &result)
                }
                result.increment(target, step)
            }
            // A series often keeps its value, so the group of the last one is remembered.
            var last: (bits: UInt64, target: Int)?
            for step in 0..<table.stepCount where table.isPresent(row, step) {
                let value = table.value(row, step)
                var target = last?.target ?? 0
                if last?.bits != value.bitPattern {
                    let labels = filter.apply(to: table.labels[row].setting(label, GoText.plain(value)))
                    target = rowOfLabels[labels, default: result.rowCount]
                    if target == result.rowCount {
                        rowOfLabels[labels] = target
                        try append(labels, dropsName: false, empty, to: &result)
                    }
                    last = (value.bitPattern, target)
                }
                result.increment(target, step)
            }
        }
        release(table)
        return result
    }

    // MARK: - topk, bottomk, limitk, limit_ratio

    private func selected(_ parameter: ScalarColumn, _ plan: AggregatePlan, _ table: StepTable)
        throws(PromQLError)
        -> StepTable
    {
        let values = parameter.distinct
        let numbers = values.filter { !$0.isNaN }
        let (least, most) = (numbers.min() ?? -.infinity, numbers.max() ?? -.infinity)
        if plan.op == .limitRatio {
            if least == 0, most == 0 { return emptied(table) }
            if numbers.count < values.count { throw .execution("Ratio value is NaN") }
            if most > 1 {
                annotations.add(.invalidRatio(GoText.general(most), cappedTo: "1"), at: plan.parameterSpan)
            }
            if least < -1 {
                annotations.add(.invalidRatio(GoText.general(least), cappedTo: "-1"), at: plan.parameterSpan)
            }
        } else {
            if !numbers.isEmpty, most < 1 { return emptied(table) }
            if numbers.count < values.count { throw .execution("Parameter value is NaN") }
            // The bounds of what Go converts to an int64.
            if least <= -0x1p63 { throw .execution("Scalar value \(GoText.general(least)) underflows int64") }
            if most >= 0x1p63 - 1024 {
                throw .execution("Scalar value \(GoText.general(most)) overflows int64")
            }
        }
        var selection = try Selection(table, plan.grouping, &meter)
        switch plan.op {
        case .topk: try selection.keepExtremes(parameter, isLargest: true, &meter)
        case .bottomk: try selection.keepExtremes(parameter, isLargest: false, &meter)
        case .limitk: try selection.keepFirst(parameter, &meter)
        default: try selection.keepShare(parameter, &meter)
        }
        var result = table
        for word in result.present.indices { result.present[word] &= selection.kept[word] }
        for row in 0..<result.rowCount {
            result.filterHistograms(row) { selection.isKept(row, $0) }
        }
        if table.stepCount == 1, plan.op == .topk || plan.op == .bottomk { result.pick(selection.order) }
        result.removeEmptyRows()
        return result
    }
}
