import Model

extension Evaluation {
    /// A function of instant vectors and scalars.
    func call(_ call: FunctionCall, _ node: PlanNode) throws(PromQLError) -> NodeValue {
        switch call {
        case .element(let function):
            var table = try numbersInput(0, of: node)
            try inPortions(table.values.count) { function.apply(to: &table.values, $0) }
            table.dropNames()
            return .table(table)
        case .date(let function): return .table(try date(function, node))
        case .round: return .table(try rounded(node))
        case .clamp:
            return .table(try clamped(node, try scalarInput(1, of: node), try scalarInput(2, of: node)))
        case .clampMin: return .table(try clamped(node, try scalarInput(1, of: node), .constant(.infinity)))
        case .clampMax: return .table(try clamped(node, .constant(-.infinity), try scalarInput(1, of: node)))
        case .scalar: return .scalar(try scalar(node))
        case .vector: return .table(try vector(try scalarInput(0, of: node), node.grid.count))
        case .stepTimes: return .table(try stepTimes(node))
        case .absent(let labels):
            return .table(try absent(labels, try tableInput(0, of: node), dropsName: false))
        case .sort(let descending):
            var table = try numbersInput(0, of: node)
            if table.stepCount == 1 {
                table.pick(try RowOrder.byValue(table, descending: descending, &meter))
            }
            return .table(table)
        case .sortByLabel(let names, let descending):
            var table = try tableInput(0, of: node)
            if table.stepCount == 1 {
                table.pick(try RowOrder.byLabels(table, names, descending: descending, &meter))
            }
            return .table(table)
        case .labelReplace(let replacement):
            return .table(
                try relabeled(node) { (labels, dropsName) throws(PromQLError) in
                    try replacement.apply(to: labels, dropsName: dropsName)
                }
            )
        case .labelJoin(let join):
            return .table(
                try relabeled(node) { (labels, dropsName) throws(PromQLError) in
                    try join.apply(to: labels, dropsName: dropsName)
                }
            )
        case .histogramQuantile(let phiSpan, let vectorSpan):
            return .table(try histogramQuantile(node, phiSpan, vectorSpan))
        case .histogramQuantiles(let label, let spans):
            return .table(try histogramQuantiles(node, label, spans))
        case .histogramFraction(let lowerSpan, let vectorSpan):
            return .table(try histogramFraction(node, lowerSpan, vectorSpan))
        case .extremum(let isMaximum): return .scalar(try extremum(node, isMaximum))
        case .histogram(let function): return .table(try self.histogram(function, node))
        case .startTimestamps: return .table(emptied(try tableInput(0, of: node)))
        }
    }

    // MARK: - Values

    /// Takes an input that is an instant vector without its native histograms, which the function ignores.
    private func numbersInput(_ position: Int, of node: PlanNode) throws(PromQLError) -> StepTable {
        var table = try tableInput(position, of: node)
        table.removeHistograms()
        return table
    }

    private func date(_ function: DateFunction, _ node: PlanNode) throws(PromQLError) -> StepTable {
        guard !node.inputs.isEmpty else {
            let grid = node.grid
            let values = (0..<grid.count).map { function.value(unixSeconds: Double(grid.time($0)) / 1000) }
            return try vector(.steps(values), grid.count)
        }
        var table = try numbersInput(0, of: node)
        try inPortions(table.values.count) { function.apply(to: &table.values, $0) }
        table.dropNames()
        return table
    }

    private func rounded(_ node: PlanNode) throws(PromQLError) -> StepTable {
        var table = try numbersInput(0, of: node)
        let nearest = node.inputs.count > 1 ? try scalarInput(1, of: node) : .constant(1)
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            let base = row * table.stepCount
            for step in 0..<table.stepCount {
                table.values[base + step] = ScalarFunction.round(
                    table.values[base + step],
                    toNearest: nearest[step]
                )
            }
        }
        table.dropNames()
        return table
    }

    private func clamped(_ node: PlanNode, _ lowest: ScalarColumn, _ highest: ScalarColumn)
        throws(PromQLError)
        -> StepTable
    {
        var table = try numbersInput(0, of: node)
        var possible = StepSet(stepCount: table.stepCount)
        for step in 0..<table.stepCount where !(highest[step] < lowest[step]) { possible.insert(step) }
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            let base = row * table.stepCount
            for step in 0..<table.stepCount {
                let value = table.values[base + step]
                table.values[base + step] = ScalarFunction.clamp(value, lowest[step], highest[step])
            }
            let words = row * table.wordCount
            for word in 0..<table.wordCount { table.present[words + word] &= possible.words[word] }
        }
        table.removeEmptyRows()
        table.dropNames()
        return table
    }

    /// `min_of` and `max_of`.
    private func extremum(_ node: PlanNode, _ isMaximum: Bool) throws(PromQLError) -> ScalarColumn {
        let (left, right) = (try scalarInput(0, of: node), try scalarInput(1, of: node))
        func value(_ step: Int) -> Double {
            isMaximum
                ? ScalarFunction.maximum(left[step], right[step])
                : ScalarFunction.minimum(left[step], right[step])
        }
        if case .constant = left, case .constant = right { return .constant(value(0)) }
        return .steps((0..<node.grid.count).map(value))
    }

    /// The value of the only series, NaN where there are none or several.
    private func scalar(_ node: PlanNode) throws(PromQLError) -> ScalarColumn {
        let table = try tableInput(0, of: node)
        var values = [Double](repeating: .nan, count: table.stepCount)
        var seen = StepSet(stepCount: table.stepCount)
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            for step in table.steps(row).positions {
                values[step] = seen.contains(step) ? .nan : table.value(row, step)
                seen.insert(step)
            }
        }
        release(table)
        return values.count == 1 ? .constant(values[0]) : .steps(values)
    }

    private func vector(_ column: ScalarColumn, _ stepCount: Int) throws(PromQLError) -> StepTable {
        var table = StepTable(stepCount: stepCount)
        var row = StepRow(stepCount: stepCount)
        row.values = column.expanded(stepCount)
        row.present = StepSet.all(stepCount).words
        if stepCount > 0 { try append(.empty, dropsName: false, row, to: &table) }
        return table
    }

    private func stepTimes(_ node: PlanNode) throws(PromQLError) -> StepTable {
        var table = try tableInput(0, of: node)
        for row in 0..<table.rowCount {
            try meter.work(table.stepCount)
            for step in 0..<table.stepCount {
                table.values[row * table.stepCount + step] = Double(node.grid.time(step)) / 1000
            }
            if !table.histograms(row).isEmpty {
                let words = table.occupiedSteps(row).words
                table.present.replaceSubrange(table.wordRange(row), with: words)
            }
        }
        table.removeHistograms()
        table.dropNames()
        return table
    }

    /// 1 where no series has a value.
    func absent(_ labels: Labels, _ table: StepTable, dropsName: Bool) throws(PromQLError) -> StepTable {
        var steps = table.presentSteps()
        steps.invert()
        var result = StepTable(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for step in steps.positions { row.set(step, 1) }
        if !row.isEmpty { try append(labels, dropsName: dropsName, row, to: &result) }
        release(table)
        return result
    }

    // MARK: - Labels

    /// The input with labels changed by `change`, which says nil for those that stay.
    private func relabeled(
        _ node: PlanNode,
        _ change: (Labels, Bool) throws(PromQLError) -> (Labels, dropsName: Bool)?
    ) throws(PromQLError) -> StepTable {
        var table = try tableInput(0, of: node)
        for row in 0..<table.rowCount {
            let old = table.labels[row].packed.count
            try meter.work(Groups.workPerSeries + old / 16)
            guard let (labels, dropsName) = try change(table.labels[row], table.dropsName[row]) else {
                continue
            }
            try meter.work(labels.packed.count / 16)
            let growth = max(0, labels.packed.count - old)
            try meter.hold(bytes: growth)
            table.note(StepTable.Held(samples: 0, bytes: growth))
            table.setLabels(row, labels, dropsName: dropsName)
        }
        return try merged(table)
    }
}
