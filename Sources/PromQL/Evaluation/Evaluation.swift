import Model

/// The value of a node: a column per step, whatever its type.
enum NodeValue {
    case scalar(ScalarColumn)
    case string(String)
    case table(StepTable)
    /// The samples of a range selector that is the whole query.
    case samples([RangeSeries])
    /// Not computed: the one node that takes it reads the series one at a time.
    case deferred
}

/// The evaluation of one plan, node after node.
///
/// It belongs to one thread. What is worth doing in parallel, the series of a selector or a range function,
/// goes through `forEachRow` and kernels that hold nothing but their buffers (`ParallelRows`).
final class Evaluation {
    /// How many values are worked on between two questions whether to go on.
    static let portion = 4096

    /// Where the samples come from.
    let source: any SeriesSource
    /// What the query may use up.
    let budget: QueryBudget
    /// Charges the budget.
    var meter: Meter
    /// The remarks so far.
    var annotations = Annotations()
    /// The samples that several selectors want.
    var shared: SharedReads

    private let plan: Plan
    private var values: [NodeValue]

    /// An evaluation of `plan`.
    init(_ plan: Plan, source: any SeriesSource, budget: QueryBudget) {
        self.plan = plan
        self.source = source
        self.budget = budget
        meter = Meter(budget)
        shared = SharedReads(
            plan.readGroups,
            limit: min(budget.sampleLimit, budget.memoryLimitBytes / Limits.sampleMemoryBytes) / 4
        )
        values = [NodeValue](repeating: .deferred, count: plan.nodes.count)
    }

    /// The value of the whole plan on the query's grid; names that are to be dropped are dropped.
    func run() throws(PromQLError) -> NodeValue {
        let deferred = deferredNodes()
        for (index, node) in plan.nodes.enumerated() where !deferred.contains(index) {
            try meter.checkpoint()
            values[index] = try evaluate(node)
        }
        let root = plan.nodes.count - 1
        let value = values[root]
        values[root] = .deferred
        guard plan.root.type != .matrix, case .table(let table) = value else { return value }
        return .table(try withoutDroppedNames(try expanded(table, to: plan.grid.count)))
    }

    /// The nodes that are not evaluated on their own, because an aggregation takes in their series one by
    /// one.
    private func deferredNodes() -> Set<Int> {
        var deferred: Set<Int> = []
        for node in plan.nodes {
            guard case .aggregate(let aggregate) = node.operation, aggregate.op.fold(stepCount: 1) != nil,
                let input = node.inputs.first, plan.nodes[input].grid == node.grid
            else { continue }
            switch plan.nodes[input].operation {
            case .selector, .sampleTimes: deferred.insert(input)
            case .window(let window) where window.function != .absentOverTime: deferred.insert(input)
            default: break
            }
        }
        return deferred
    }

    private func evaluate(_ node: PlanNode) throws(PromQLError) -> NodeValue {
        switch node.operation {
        case .number(let value): return .scalar(.constant(value))
        case .string(let text): return .string(text)
        case .time:
            return .scalar(.steps((0..<node.grid.count).map { Double(node.grid.time($0)) / 1000 }))
        case .samples(let selector): return .samples(try samples(selector, node.grid.start))
        case .selector, .sampleTimes: return .table(try rows(of: node))
        case .window(let window):
            let table = try rows(of: node)
            return .table(window.function == .absentOverTime ? try absent(window, table) : table)
        case .subquery:
            let table = try withoutDroppedNames(try tableInput(0, of: node))
            return .samples(Evaluation.series(of: table, on: node.inputGrid(0)))
        case .call(let call): return try self.call(call, node)
        case .info(let info): return .table(try self.info(info, node))
        case .negate: return try negated(node)
        case .binary(let binary): return try self.binary(binary, node)
        case .aggregate(let aggregate): return .table(try self.aggregate(aggregate, node))
        }
    }

    // MARK: - Inputs

    /// Takes the value of an input, on the grid on which the node wants it.
    func input(_ position: Int, of node: PlanNode) throws(PromQLError) -> NodeValue {
        guard node.inputs.indices.contains(position) else { throw .badData("an argument is missing") }
        let index = node.inputs[position]
        let value = values[index]
        values[index] = .deferred
        guard case .table(let table) = value else { return value }
        return .table(try expanded(table, to: node.inputGrid(position).count))
    }

    /// Takes an input that is an instant vector.
    func tableInput(_ position: Int, of node: PlanNode) throws(PromQLError) -> StepTable {
        guard case .table(let table) = try input(position, of: node) else {
            throw Evaluation.wrongType("instant vector")
        }
        return table
    }

    /// Takes an input that is a scalar.
    func scalarInput(_ position: Int, of node: PlanNode) throws(PromQLError) -> ScalarColumn {
        try Evaluation.scalar(try input(position, of: node))
    }

    /// `value` as a scalar.
    static func scalar(_ value: NodeValue?) throws(PromQLError) -> ScalarColumn {
        guard case .scalar(let column)? = value else { throw wrongType("scalar") }
        return column
    }

    /// The error for an argument of another type, which the parser's checks should have found.
    static func wrongType(_ expected: String) -> PromQLError { .badData("expected type \(expected)") }

    /// Calls `body` with the rows of a node's first input, which may have been left to be read just now.
    func forEachInputRow(
        of node: PlanNode,
        _ body: RowBody
    ) throws(PromQLError) {
        guard let index = node.inputs.first else { throw .badData("an argument is missing") }
        if case .deferred = values[index] { return try forEachRow(of: plan.nodes[index], body) }
        let table = try tableInput(0, of: node)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            table.copy(index, into: &row)
            try body(.known(table.labels[index]), table.dropsName[index], row)
        }
        release(table)
    }

    // MARK: - Tables and the budget

    /// Adds a row to a table and charges it.
    func append(_ labels: Labels, dropsName: Bool, _ row: StepRow, to table: inout StepTable)
        throws(PromQLError)
    {
        let held = StepTable.held(labels, row)
        try hold(held)
        table.note(held)
        table.append(labels, dropsName: dropsName, row)
    }

    /// Adds values to the row of the same labels and charges it if it is new.
    func add(_ labels: Labels, dropsName: Bool, _ row: StepRow, to merger: inout RowMerger)
        throws(PromQLError)
    {
        let isNew = try merger.add(labels, dropsName: dropsName, row)
        if !isNew, row.histograms.isEmpty { return }
        let held = StepTable.held(labels, row, isMerged: !isNew)
        merger.note(held)
        try hold(held)
    }

    private func hold(_ held: StepTable.Held) throws(PromQLError) {
        try meter.hold(held.samples)
        try meter.hold(bytes: held.bytes)
    }

    /// Notes that a table is no longer in memory.
    func release(_ table: StepTable) {
        meter.release(table.held.samples)
        meter.release(bytes: table.held.bytes)
    }

    /// A table without rows in place of one that is no longer in memory.
    func emptied(_ table: StepTable) -> StepTable {
        release(table)
        return StepTable(stepCount: table.stepCount)
    }

    /// Calls `body` with one part after the other of `0..<count`, and asks in between whether to go on.
    func inPortions(_ count: Int, _ body: (Range<Int>) -> Void) throws(PromQLError) {
        var start = 0
        while start < count {
            let end = min(count, start + Evaluation.portion)
            body(start..<end)
            try meter.work(end - start)
            start = end
        }
    }

    /// A table of a single step with its values repeated for all steps; others unchanged.
    private func expanded(_ table: StepTable, to stepCount: Int) throws(PromQLError) -> StepTable {
        guard table.stepCount != stepCount else { return table }
        precondition(
            table.stepCount == 1,
            "BUG: a table of \(table.stepCount) steps where \(stepCount) are wanted"
        )
        var wide = StepTable(stepCount: stepCount)
        var row = StepRow(stepCount: stepCount)
        for index in 0..<table.rowCount {
            row.clear()
            if table.isPresent(index, 0) {
                let value = table.value(index, 0)
                for step in row.values.indices { row.values[step] = value }
                row.present = StepSet.all(stepCount).words
            } else if let histogram = table.histograms(index)[0] {
                for step in row.values.indices { row.set(step, histogram) }
            } else {
                continue
            }
            try append(table.labels[index], dropsName: table.dropsName[index], row, to: &wide)
            try meter.work(stepCount)
        }
        release(table)
        return wide
    }

    /// The table without the names that are to be dropped; rows that are then the same become one.
    ///
    /// - Throws: `PromQLError.execution` if two such rows have a value at the same step.
    private func withoutDroppedNames(_ table: StepTable) throws(PromQLError) -> StepTable {
        var result = table
        var hasChanged = false
        for row in 0..<table.rowCount where table.dropsName[row] {
            try meter.work(1)
            result.setLabels(row, LabelFilter.droppingIdentity.apply(to: table.labels[row]), dropsName: false)
            hasChanged = true
        }
        return hasChanged ? try merged(result) : result
    }

    /// The table with rows of the same labels made one.
    func merged(_ table: StepTable) throws(PromQLError) -> StepTable {
        guard Set(table.labels).count < table.rowCount else { return table }
        var merger = RowMerger(stepCount: table.stepCount)
        var row = StepRow(stepCount: table.stepCount)
        for index in 0..<table.rowCount {
            table.copy(index, into: &row)
            try add(table.labels[index], dropsName: table.dropsName[index], row, to: &merger)
        }
        release(table)
        return merger.table
    }
}
