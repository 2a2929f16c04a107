import Model

/// The native histograms of a pair of rows.
struct MatchHistograms {
    let many: HistogramColumn
    let one: HistogramColumn

    /// The steps of `steps` at which one of the rows has a histogram.
    func steps(of steps: StepSet) -> StepSet {
        var mixed = StepSet(stepCount: steps.stepCount)
        for step in many.positions { mixed.insert(step) }
        for step in one.positions { mixed.insert(step) }
        mixed.formIntersection(steps)
        return mixed
    }
}

/// The pairs of a match, computed and collected by their labels.
struct MatchOutput {
    var result: RowMerger
    /// The operator between native histograms, with the remarks that came up.
    var operation: HistogramOperation

    private let plan: BinaryPlan
    /// Cuts the labels of a pair that is one to one to those that are compared.
    private let matched: LabelFilter
    private let isSwapped: Bool
    private let isOneToOne: Bool
    private let stepCount: Int
    /// How many rows of the "many" side each group has.
    private var manyCounts: [Int]
    /// The steps at which a group has been paired, where a group may be paired only once.
    private var matchedOfGroup: [Int: StepSet] = [:]
    /// The steps at which a row of the result has been paired, and its group.
    private var matchedOfRow: [(steps: StepSet, group: Int)] = []
    private var row: StepRow

    init(_ match: VectorMatch) {
        plan = match.plan
        operation = HistogramOperation(plan.op)
        let names = match.plan.matching.labels
        matched = match.plan.matching.isOn ? .keeping(names) : .dropping(names)
        isSwapped = match.isSwapped
        isOneToOne = match.plan.matching.cardinality == .oneToOne
        stepCount = match.many.stepCount
        result = RowMerger(stepCount: stepCount)
        row = StepRow(stepCount: stepCount)
        manyCounts = [Int](repeating: 0, count: match.oneRows.count)
        for group in match.manyGroups { manyCounts[group] += 1 }
    }

    /// Computes a pair at the given steps.
    mutating func add(
        _ manyLabels: Labels,
        _ oneLabels: Labels,
        _ manyValues: Span<Double>,
        _ oneValues: Span<Double>,
        _ histograms: MatchHistograms,
        _ steps: StepSet,
        _ group: Int,
        _ evaluation: Evaluation
    ) throws(PromQLError) {
        let labels = resultLabels(manyLabels, oneLabels)
        var steps = steps
        let mixed = histograms.steps(of: steps)
        steps.subtract(mixed)
        row.clear()
        row.present = steps.words
        if plan.op.isTrim {
            leaveOutNumbers(steps)
        } else if isSwapped {
            compute(oneValues, manyValues, steps)
        } else {
            compute(manyValues, oneValues, steps)
        }
        for step in mixed.positions {
            let many = HistogramOperation.Operand(histograms.many[step], or: manyValues[step])
            let one = HistogramOperation.Operand(histograms.one[step], or: oneValues[step])
            try evaluation.meter.work(16)
            set(step, isSwapped ? operation.apply(one, many) : operation.apply(many, one))
        }
        if row.isEmpty { return }
        // As in Prometheus, what a comparison leaves out is no match.
        var kept = StepSet(stepCount: stepCount, words: row.present)
        for step in row.histograms.positions { kept.insert(step) }
        try checkUnique(labels, kept, group)
        if !isOneToOne, result.row(of: labels) == nil { matchedOfRow.append((kept, group)) }
        try evaluation.add(labels, dropsName: plan.returnsBool, row, to: &result)
    }

    /// Fills the row with `left op right`; its bits are those of `steps` without what a comparison leaves
    /// out.
    private mutating func compute(_ left: Span<Double>, _ right: Span<Double>, _ steps: StepSet) {
        guard plan.op.isComparison else {
            return FloatKernel.compute(plan.op, left, right, into: &row.values)
        }
        FloatKernel.filter(plan.op, left, right, &row.present)
        if plan.returnsBool {
            for step in row.values.indices { row.values[step] = 0 }
            for step in row.steps { row.values[step] = 1 }
            row.present = steps.words
        } else {
            for step in row.steps { row.values[step] = left[step] }
        }
    }

    /// Sets what came of an operator with a histogram at a step.
    private mutating func set(_ step: Int, _ outcome: HistogramOperation.Outcome) {
        switch outcome {
        case .histogram(let histogram): row.set(step, histogram)
        case .holds(let holds, let histogram):
            if plan.returnsBool {
                row.set(step, holds ? 1 : 0)
            } else if holds {
                row.set(step, histogram)
            }
        case .none: break
        }
    }

    /// Empties the row, whose numbers at `steps` the operator does not take.
    private mutating func leaveOutNumbers(_ steps: StepSet) {
        row.clear()
        if !steps.isEmpty { _ = operation.apply(.number(0), .number(0)) }
    }

    private mutating func checkUnique(_ labels: Labels, _ steps: StepSet, _ group: Int) throws(PromQLError) {
        if isOneToOne {
            guard manyCounts[group] > 1 else { return }
            var matched = matchedOfGroup[group] ?? StepSet(stepCount: stepCount)
            var twice = matched
            twice.formIntersection(steps)
            guard twice.isEmpty else {
                throw .execution(
                    "multiple matches for labels: many-to-one matching must be explicit "
                        + "(group_left/group_right)"
                )
            }
            matched.formUnion(steps)
            matchedOfGroup[group] = matched
        } else if let row = result.row(of: labels), matchedOfRow[row].group == group {
            var twice = matchedOfRow[row].steps
            twice.formIntersection(steps)
            guard twice.isEmpty else {
                throw .execution("multiple matches for labels: grouping labels must ensure unique matches")
            }
            matchedOfRow[row].steps.formUnion(steps)
        }
    }

    /// The labels of a pair: those of the "many" side, without what makes it that metric if the operator
    /// changes it, cut to the labels compared if the pair is one to one, and with those that `group_left`
    /// takes over.
    private func resultLabels(_ many: Labels, _ one: Labels) -> Labels {
        let matching = plan.matching
        var labels =
            plan.op.isComparison || plan.op.isTrim ? many : LabelFilter.droppingIdentity.apply(to: many)
        if isOneToOne { labels = matched.apply(to: labels) }
        guard !matching.include.isEmpty else { return labels }
        var builder = LabelsBuilder(labels)
        for name in matching.include { builder.set(name, one[name] ?? "") }
        return builder.build()
    }
}
