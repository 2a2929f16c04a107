import Model

extension Evaluation {
    /// An arithmetic operator or a comparison between two vectors.
    func matched(_ plan: BinaryPlan, _ left: StepTable, _ right: StepTable, _ span: SourceSpan)
        throws(PromQLError) -> StepTable
    {
        let result = try VectorMatch(plan, left, right, &meter).run(self, span)
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
struct VectorMatch {
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

    func run(_ evaluation: Evaluation, _ span: SourceSpan) throws(PromQLError) -> StepTable {
        try checkOneSide()
        var output = MatchOutput(self)
        let stepCount = many.stepCount
        // Prometheus fills a missing "many" side with the value of fill_left and a missing "one" side with
        // that of fill_right, also where `group_right` puts the "many" side right.
        for row in 0..<many.rowCount {
            let group = manyGroups[row]
            var missing = many.occupiedSteps(row)
            missing.formIntersection(steps)
            for other in oneRows[group] {
                try evaluation.meter.work(stepCount)
                var common = missing
                one.intersect(&common, withRow: other)
                if common.isEmpty { continue }
                missing.subtract(common)
                try output.add(
                    many.labels[row],
                    one.labels[other],
                    many.values.span.extracting(many.valueRange(row)),
                    one.values.span.extracting(one.valueRange(other)),
                    MatchHistograms(many: many.histograms(row), one: one.histograms(other)),
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
                    MatchHistograms(many: many.histograms(row), one: HistogramColumn()),
                    missing,
                    group,
                    evaluation
                )
            }
        }
        if let fill = plan.matching.fillLeft { try addUnmatched(fill, &output, evaluation) }
        for remark in output.operation.remarks { evaluation.annotations.add(remark, at: span) }
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
            matched[manyGroups[row]].formUnion(many.occupiedSteps(row))
        }
        let values = [Double](repeating: fill, count: many.stepCount)
        for row in 0..<one.rowCount {
            try evaluation.meter.work(many.stepCount)
            let group = oneGroups[row]
            var alone = one.occupiedSteps(row)
            alone.subtract(matched[group])
            if alone.isEmpty { continue }
            try output.add(
                signature.apply(to: one.labels[row]),
                one.labels[row],
                values.span,
                one.values.span.extracting(one.valueRange(row)),
                MatchHistograms(many: HistogramColumn(), one: one.histograms(row)),
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
                var here = one.occupiedSteps(row)
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
            let other = oneRows[oneGroups[row]].first(where: { one.occupiedSteps($0).contains(step) })
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
