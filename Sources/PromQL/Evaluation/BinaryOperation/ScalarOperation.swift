import Model

extension Evaluation {
    /// An operator, by the types of its sides.
    func binary(_ plan: BinaryPlan, _ node: PlanNode) throws(PromQLError) -> NodeValue {
        let left = try input(0, of: node)
        let right = try input(1, of: node)
        switch (left, right) {
        case (.scalar(let left), .scalar(let right)):
            return .scalar(try Evaluation.combine(plan.op, left, right, node.grid.count))
        case (.table(let table), .scalar(let scalar)):
            return .table(try combine(plan, table, scalar, scalarIsLeft: false, node.span))
        case (.scalar(let scalar), .table(let table)):
            return .table(try combine(plan, table, scalar, scalarIsLeft: true, node.span))
        case (.table(let left), .table(let right)):
            if plan.op.isSet { return .table(try setOperation(plan, left, right)) }
            return .table(try matched(plan, left, right, node.span))
        default: throw .badData("binary expression must contain only scalar and instant vector types")
        }
    }

    /// `-vector`, `-scalar`.
    func negated(_ node: PlanNode) throws(PromQLError) -> NodeValue {
        switch try input(0, of: node) {
        case .scalar(.constant(let value)): return .scalar(.constant(-value))
        case .scalar(.steps(let values)): return .scalar(.steps(values.map { -$0 }))
        case .table(var table):
            try inPortions(table.values.count) { (range) in
                for index in range { table.values[index] = -table.values[index] }
            }
            for row in 0..<table.rowCount where table.hasHistograms {
                table.setHistograms(row, table.histograms(row).mapValues { $0.scaled(by: -1) })
            }
            table.dropNames()
            return .table(table)
        default: throw Evaluation.wrongType("scalar or instant vector")
        }
    }

    /// `scalar op scalar`; comparisons yield 0 and 1.
    private static func combine(
        _ op: BinaryOperator,
        _ left: ScalarColumn,
        _ right: ScalarColumn,
        _ stepCount: Int
    ) throws(PromQLError) -> ScalarColumn {
        guard !op.isSet else { throw .badData("set operator not allowed in binary scalar expression") }
        guard !op.isTrim else {
            throw .execution("operator \"\(op.rawValue)\" not allowed for Scalar operations")
        }
        var count = stepCount
        if case .constant = left, case .constant = right { count = 1 }
        let (left, right) = (left.expanded(count), right.expanded(count))
        var values = [Double](repeating: 0, count: count)
        if op.isComparison {
            var steps = StepSet.all(count).words
            FloatKernel.filter(op, left.span, right.span, &steps)
            for step in SetBits(steps) { values[step] = 1 }
        } else {
            FloatKernel.compute(op, left.span, right.span, into: &values)
        }
        // Constants stay constants on a grid without steps too, so that they fit whatever they meet.
        return count == 1 ? .constant(values[0]) : .steps(values)
    }

    /// `vector op scalar` and `scalar op vector`; comparisons keep the value of the vector.
    private func combine(
        _ plan: BinaryPlan,
        _ table: StepTable,
        _ scalar: ScalarColumn,
        scalarIsLeft: Bool,
        _ span: SourceSpan
    ) throws(PromQLError) -> StepTable {
        guard !plan.op.isSet else { throw .badData("set operator not allowed in binary scalar expression") }
        guard table.hasHistograms || plan.op.isTrim else {
            return try combineNumbers(plan, table, scalar, scalarIsLeft: scalarIsLeft)
        }
        return try combineMixed(plan, table, scalar, scalarIsLeft: scalarIsLeft, span)
    }

    /// `vector op scalar` and `scalar op vector` for vectors without native histograms.
    func combineNumbers(
        _ plan: BinaryPlan,
        _ table: StepTable,
        _ scalar: ScalarColumn,
        scalarIsLeft: Bool
    ) throws(PromQLError) -> StepTable {
        if case .constant(let number) = scalar, !plan.op.isComparison {
            return try combine(plan.op, table, number, scalarIsLeft: scalarIsLeft)
        }
        var result = table
        let scalars = scalar.expanded(table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            try meter.work(table.stepCount)
            row.present.replaceSubrange(row.present.indices, with: table.present[table.wordRange(index)])
            let vector = table.values.span.extracting(table.valueRange(index))
            if scalarIsLeft {
                Evaluation.compute(plan, scalars.span, vector, into: &row)
            } else {
                Evaluation.compute(plan, vector, scalars.span, into: &row)
            }
            if plan.op.isComparison, !plan.returnsBool {
                result.present.replaceSubrange(table.wordRange(index), with: row.present)
            } else {
                result.values.replaceSubrange(table.valueRange(index), with: row.values)
            }
        }
        if !plan.op.isComparison || plan.returnsBool { result.dropNames() }
        if plan.op.isComparison && !plan.returnsBool { result.removeEmptyRows() }
        return result
    }

    /// `vector op number` and `number op vector` for an arithmetic operator, over all rows at once.
    private func combine(
        _ op: BinaryOperator,
        _ table: StepTable,
        _ number: Double,
        scalarIsLeft: Bool
    ) throws(PromQLError) -> StepTable {
        var result = table
        let numbers = [Double](repeating: number, count: min(Evaluation.portion, table.values.count))
        var values = numbers
        try inPortions(table.values.count) { range in
            let vector = table.values.span.extracting(range)
            let scalars = numbers.span.extracting(0..<range.count)
            if scalarIsLeft {
                FloatKernel.compute(op, scalars, vector, into: &values)
            } else {
                FloatKernel.compute(op, vector, scalars, into: &values)
            }
            result.values.replaceSubrange(range, with: values[..<range.count])
        }
        result.dropNames()
        return result
    }

    /// Fills `row` with `left op right`: the values of an arithmetic operator or of `bool`, else the bits of
    /// the steps where the comparison holds.
    private static func compute(
        _ plan: BinaryPlan,
        _ left: Span<Double>,
        _ right: Span<Double>,
        into row: inout StepRow
    ) {
        guard plan.op.isComparison else {
            return FloatKernel.compute(plan.op, left, right, into: &row.values)
        }
        FloatKernel.filter(plan.op, left, right, &row.present)
        guard plan.returnsBool else { return }
        for step in row.values.indices { row.values[step] = 0 }
        for step in row.steps { row.values[step] = 1 }
    }
}
