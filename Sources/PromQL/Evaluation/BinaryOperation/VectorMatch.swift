import Model

extension Evaluation {
    /// An arithmetic operator or a comparison between two vectors.
    func matched(_ plan: BinaryPlan, _ left: StepTable, _ right: StepTable) throws(PromQLError) -> StepTable {
        let result = try VectorMatch(plan, left, right, &meter).run(self)
        release(left)
        release(right)
        return result
    }
}

/// The pairing of two vectors.
///
/// Which series may pair is found once, by their match groups. Whether they do, and whether a match is
/// ambiguous, is asked of the steps at which both have values, since Prometheus pairs step by step. At each
/// step a group has at most one series on the "one" side, and with `group_left` or `group_right` any number
/// on the "many" side.
private struct VectorMatch {
    let plan: BinaryPlan
    let signature: LabelFilter
    let many: StepTable
    let one: StepTable
    /// Whether the left side is the "one" side (`group_right`).
    let isSwapped: Bool
    /// The groups of the rows of both sides.
    let manyGroups: [Int]
    let oneGroups: [Int]
    /// The rows of the "one" side, by group.
    var oneRows: [[Int]]
    /// The steps at which there is anything to pair.
    var steps: StepSet

    init(_ plan: BinaryPlan, _ left: StepTable, _ right: StepTable, _ meter: inout Meter) throws(PromQLError)
    {
        self.plan = plan
        signature = plan.matching.signatureFilter
        isSwapped = plan.matching.cardinality == .oneToMany
        let signatures = try Signatures(plan.matching, left, right, &meter)
        (many, one) = isSwapped ? (right, left) : (left, right)
        (manyGroups, oneGroups) =
            isSwapped ? (signatures.right, signatures.left) : (signatures.left, signatures.right)
        oneRows = [[Int]](repeating: [], count: signatures.count)
        for (row, group) in oneGroups.enumerated() { oneRows[group].append(row) }
        // Without anything on one side there is no match and no error, unless it is filled.
        steps = many.presentSteps()
        let oneSteps = one.presentSteps()
        if plan.matching.fillLeft == nil && plan.matching.fillRight == nil {
            steps.formIntersection(oneSteps)
        } else {
            steps.formUnion(oneSteps)
        }
    }

    func run(_ evaluation: Evaluation) throws(PromQLError) -> StepTable {
        try checkOneSide()
        var output = MatchOutput(self)
        let stepCount = many.stepCount
        // Prometheus fills a missing "many" side with the value of fill_left and a missing "one" side with
        // that of fill_right, also where `group_right` puts the "many" side right.
        for row in 0..<many.rowCount {
            let group = manyGroups[row]
            var missing = many.steps(row)
            missing.formIntersection(steps)
            for other in oneRows[group] {
                try evaluation.meter.work(stepCount)
                var common = missing
                common.formIntersection(one.present.span.extracting(one.wordRange(other)))
                if common.isEmpty { continue }
                missing.subtract(common)
                try output.add(
                    many.labels[row],
                    one.labels[other],
                    many.values.span.extracting(many.valueRange(row)),
                    one.values.span.extracting(one.valueRange(other)),
                    common,
                    group,
                    evaluation
                )
            }
            if let fill = plan.matching.fillRight, !missing.isEmpty {
                let values = [Double](repeating: fill, count: stepCount)
                try output.add(
                    many.labels[row],
                    signature.apply(to: many.labels[row]),
                    many.values.span.extracting(many.valueRange(row)),
                    values.span,
                    missing,
                    group,
                    evaluation
                )
            }
        }
        if let fill = plan.matching.fillLeft { try addUnmatched(fill, &output, evaluation) }
        var result = output.result.table
        result.removeEmptyRows()
        return result
    }

    /// Pairs what the "one" side has alone with `fill`.
    private func addUnmatched(_ fill: Double, _ output: inout MatchOutput, _ evaluation: Evaluation)
        throws(PromQLError)
    {
        var matched = [StepSet](repeating: StepSet(stepCount: many.stepCount), count: oneRows.count)
        for row in 0..<many.rowCount {
            matched[manyGroups[row]].formUnion(many.present.span.extracting(many.wordRange(row)))
        }
        let values = [Double](repeating: fill, count: many.stepCount)
        for row in 0..<one.rowCount {
            try evaluation.meter.work(many.stepCount)
            let group = oneGroups[row]
            var alone = one.steps(row)
            alone.subtract(matched[group])
            if alone.isEmpty { continue }
            try output.add(
                signature.apply(to: one.labels[row]),
                one.labels[row],
                values.span,
                one.values.span.extracting(one.valueRange(row)),
                alone,
                group,
                evaluation
            )
        }
    }

    /// Throws if the "one" side has several series of a group at a step that is paired at all.
    private func checkOneSide() throws(PromQLError) {
        var first: (step: Int, row: Int)?
        for rows in oneRows where rows.count > 1 {
            var seen = StepSet(stepCount: one.stepCount)
            for row in rows {
                var here = one.steps(row)
                here.formIntersection(steps)
                var twice = here
                twice.formIntersection(seen)
                if let step = twice.first, (step, row) < (first?.step ?? .max, first?.row ?? .max) {
                    first = (step, row)
                }
                seen.formUnion(here)
            }
        }
        guard let (step, row) = first,
            let other = oneRows[oneGroups[row]].first(where: { one.isPresent($0, step) })
        else { return }
        let group = GoText.labels(signature.apply(to: one.labels[row]))
        let side = isSwapped ? "left" : "right"
        let series = "\(GoText.labels(one.labels[row])), \(GoText.labels(one.labels[other]))"
        throw .execution(
            "found duplicate series for the match group \(group) on the \(side) hand-side of the operation: "
                + "[\(series)];many-to-many matching not allowed: matching labels must be unique on one side"
        )
    }
}

/// The pairs of a match, computed and collected by their labels.
private struct MatchOutput {
    var result: RowMerger

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
    /// The steps at which a row of the result has been paired, kept or not, and its group.
    private var matchedOfRow: [(steps: StepSet, group: Int)] = []
    private var row: StepRow

    init(_ match: VectorMatch) {
        plan = match.plan
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
        _ steps: StepSet,
        _ group: Int,
        _ evaluation: Evaluation
    ) throws(PromQLError) {
        let labels = resultLabels(manyLabels, oneLabels)
        try checkUnique(labels, steps, group)
        row.present = steps.words
        if isSwapped { compute(oneValues, manyValues, steps) } else { compute(manyValues, oneValues, steps) }
        // Where several series may share a match, a row is kept for the check even if the comparison left
        // nothing.
        if isOneToOne, row.isEmpty { return }
        if !isOneToOne, result.row(of: labels) == nil { matchedOfRow.append((steps, group)) }
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
        var labels = plan.op.isComparison ? many : LabelFilter.droppingIdentity.apply(to: many)
        if isOneToOne { labels = matched.apply(to: labels) }
        guard !matching.include.isEmpty else { return labels }
        var builder = LabelsBuilder(labels)
        for name in matching.include { builder.set(name, one[name] ?? "") }
        return builder.build()
    }
}
