import Matching
import Model

/// Turns an expression into a plan.
///
/// It walks the expression with a stack of its own, so that neither deep nesting nor chains of thousands of
/// operators can overflow the thread's.
struct Planner {
    private let start: Int64
    private let end: Int64
    private let lookbackMillis: Int64
    private let defaultSubqueryStepMillis: Int64
    private let durations: QueryDurations
    private let grid: StepGrid
    private let limits: Limits

    private var tasks: [Task] = []
    private var operands: [Int] = []
    private var nodes: [PlanNode] = []

    /// A planner for queries over `grid`, whose last step may lie before the query's `end`.
    private init(_ options: PlanOptions) {
        start = options.start
        end = options.end
        lookbackMillis = options.lookbackMillis
        defaultSubqueryStepMillis = options.defaultSubqueryStepMillis
        durations = QueryDurations(
            stepMillis: options.stepMillis ?? 0,
            rangeMillis: options.end - options.start
        )
        grid = options.grid
        limits = options.limits
    }

    /// The plan for `expr`.
    static func plan(_ expr: Expr, _ options: PlanOptions) throws(PromQLError) -> Plan {
        var planner = Planner(options)
        let use = SelectorUse(stepMillis: options.stepMillis ?? 0)
        planner.tasks = [.visit(expr, use)]
        while let task = planner.tasks.popLast() {
            switch task {
            case .visit(let expr, let use): try planner.visit(expr, use)
            case .emit(let pending): planner.emit(pending)
            }
        }
        precondition(planner.operands.count == 1, "BUG: \(planner.operands.count) operands are left")
        return try planner.assignGrids()
    }

    // MARK: - The walk

    private enum Task {
        case visit(Expr, SelectorUse)
        case emit(Pending)
    }

    /// An operation whose inputs are still to be visited.
    private struct Pending {
        var operation: Operation
        var inputCount: Int
        /// nil: scalar if all inputs are, else vector.
        var type: ValueType?
        var span: SourceSpan
        /// Whether it is the same at every step if the inputs in `decisive` are.
        var mayBeInvariant = true
        /// The inputs that decide; nil: all.
        var decisive: Range<Int>?
    }

    /// What is done with the samples of a selector, for the source's hints.
    private struct SelectorUse {
        var function = ""
        var grouping: SeriesGrouping?
        var stepMillis: Int64

        func inside(function: String) -> SelectorUse {
            SelectorUse(function: function, grouping: nil, stepMillis: stepMillis)
        }

        func under(_ subquery: SubqueryPlan) -> SelectorUse {
            SelectorUse(function: function, grouping: nil, stepMillis: subquery.stepMillis)
        }
    }

    private mutating func emit(_ pending: Pending) {
        let inputs = Array(operands.suffix(pending.inputCount))
        operands.removeLast(pending.inputCount)
        let decisive = inputs[pending.decisive ?? 0..<inputs.count]
        let allScalar = inputs.allSatisfy { nodes[$0].type == .scalar }
        operands.append(nodes.count)
        nodes.append(
            PlanNode(
                operation: pending.operation,
                inputs: inputs,
                type: pending.type ?? (allScalar ? .scalar : .vector),
                isInvariant: pending.mayBeInvariant && decisive.allSatisfy { nodes[$0].isInvariant },
                span: pending.span
            )
        )
    }

    /// Plans `pending` after its inputs.
    private mutating func push(_ pending: Pending, _ inputs: [(Expr, SelectorUse)]) {
        tasks.append(.emit(pending))
        for (expr, use) in inputs.reversed() { tasks.append(.visit(expr, use)) }
    }

    private mutating func visit(_ expr: Expr, _ use: SelectorUse) throws(PromQLError) {
        let span = expr.span
        switch expr.node {
        case .number(let value, _):
            emit(Pending(operation: .number(value), inputCount: 0, type: .scalar, span: span))
        case .string(let text):
            emit(Pending(operation: .string(text), inputCount: 0, type: .string, span: span))
        case .queryTime(let time):
            emit(Pending(operation: .number(seconds(of: time)), inputCount: 0, type: .scalar, span: span))
        case .parenthesized(let inner):
            tasks.append(.visit(inner, use))
        case .unary(.plus, let inner):
            tasks.append(.visit(inner, use))
        case .unary(.minus, let inner):
            push(Pending(operation: .negate, inputCount: 1, span: span), [(inner, use)])
        case .selector(let selector):
            let plan = try self.plan(selector, rangeMillis: nil, use)
            emit(
                Pending(
                    operation: .selector(plan),
                    inputCount: 0,
                    type: .vector,
                    span: span,
                    mayBeInvariant: plan.shape.fixedMillis != nil
                )
            )
        case .matrix(let base, let range):
            let plan = try self.plan(matrix: base, range, use)
            emit(
                Pending(
                    operation: .samples(plan),
                    inputCount: 0,
                    type: .matrix,
                    span: span,
                    mayBeInvariant: plan.shape.fixedMillis != nil
                )
            )
        case .subquery(let subquery):
            let plan = try self.plan(subquery)
            push(
                Pending(
                    operation: .subquery(plan),
                    inputCount: 1,
                    type: .matrix,
                    span: span,
                    mayBeInvariant: plan.shape.fixedMillis != nil,
                    decisive: 0..<0
                ),
                [(subquery.base, use.under(plan))]
            )
        case .binary(let binary): visit(binary, span, use)
        case .aggregate(let aggregation): visit(aggregation, span, use)
        case .call(let function, let arguments): try visit(function, arguments, span, use)
        }
    }

    private mutating func visit(_ binary: Binary, _ span: SourceSpan, _ use: SelectorUse) {
        let plan = BinaryPlan(
            op: binary.op,
            matching: binary.matching ?? VectorMatching(),
            returnsBool: binary.returnsBool
        )
        let inner = use.inside(function: "")
        push(
            Pending(operation: .binary(plan), inputCount: 2, span: span),
            [(binary.left, inner), (binary.right, inner)]
        )
    }

    private mutating func visit(_ aggregation: Aggregation, _ span: SourceSpan, _ use: SelectorUse) {
        let grouping = SeriesGrouping(aggregation)
        let plan = AggregatePlan(
            op: aggregation.op,
            grouping: grouping,
            parameterSpan: aggregation.parameter.map { Planner.unwrapped($0).span } ?? span
        )
        var inner = use.inside(function: aggregation.op.rawValue)
        inner.grouping = grouping
        var inputs = [(aggregation.expr, inner)]
        if let parameter = aggregation.parameter {
            inputs.append((parameter, use.inside(function: aggregation.op.rawValue)))
        }
        // As in Prometheus the parameter has no say in whether the whole is evaluated once.
        push(
            Pending(
                operation: .aggregate(plan),
                inputCount: inputs.count,
                type: .vector,
                span: span,
                decisive: 0..<1
            ),
            inputs
        )
    }

    // MARK: - Functions

    private mutating func visit(
        _ name: String,
        _ arguments: [Expr],
        _ span: SourceSpan,
        _ use: SelectorUse
    ) throws(PromQLError) {
        guard let kind = FunctionKind.named(name) else {
            throw .unsupported("function \(name)() is not supported yet")
        }
        let arguments = arguments.map(Planner.unwrapped)
        let inner = use.inside(function: name)
        let mayBeInvariant = !FunctionKind.dependsOnStep(name)
        func pending(_ operation: Operation, _ inputs: [Expr], _ type: ValueType = .vector) -> Pending {
            Pending(
                operation: operation,
                inputCount: inputs.count,
                type: type,
                span: span,
                mayBeInvariant: mayBeInvariant
            )
        }
        let (operation, inputs, type): (Operation, [Expr], ValueType)
        switch kind {
        case .window(let function): return try visit(function, arguments, span, inner)
        case .element(let function):
            (operation, inputs, type) = (.call(.element(function)), arguments, .vector)
        case .date(let function): (operation, inputs, type) = (.call(.date(function)), arguments, .vector)
        case .other:
            if name == "timestamp", arguments.count == 1, case .selector(let selector) = arguments[0].node {
                let plan = try self.plan(selector, rangeMillis: nil, inner)
                return emit(pending(.sampleTimes(plan), []))
            }
            (operation, inputs, type) = try Planner.other(name, arguments, limits)
        }
        push(pending(operation, inputs, type), inputs.map { ($0, inner) })
    }

    private mutating func visit(
        _ function: RangeFunction,
        _ arguments: [Expr],
        _ span: SourceSpan,
        _ use: SelectorUse
    ) throws(PromQLError) {
        guard arguments.count == function.argumentCount else {
            throw Planner.wrongArguments(function.rawValue)
        }
        var parameters = arguments
        let range = parameters.remove(at: function.rangeIndex)
        var inputs = parameters.map { ($0, use) }
        let source: WindowPlan.Source
        switch range.node {
        case .matrix(let base, let duration):
            source = .selector(try plan(matrix: base, duration, use))
        case .subquery(let subquery):
            let plan = try self.plan(subquery)
            source = .subquery(plan)
            inputs.insert((subquery.base, use.under(plan)), at: 0)
        default: throw Planner.wrongArguments(function.rawValue)
        }
        let plan = WindowPlan(
            function: function,
            source: source,
            rangeSpan: range.span,
            firstSpan: arguments[0].span
        )
        push(
            Pending(
                operation: .window(plan),
                inputCount: inputs.count,
                type: .vector,
                span: span,
                mayBeInvariant: plan.shape.fixedMillis != nil
                    && !FunctionKind.dependsOnStep(function.rawValue),
                decisive: plan.parameterStart..<inputs.count
            ),
            inputs
        )
    }

    /// The operation for a function that fits no table, with those of its arguments that are values.
    private static func other(
        _ name: String,
        _ arguments: [Expr],
        _ limits: Limits
    ) throws(PromQLError) -> (Operation, [Expr], ValueType) {
        func string(_ index: Int) throws(PromQLError) -> String {
            guard index < arguments.count, case .string(let text) = arguments[index].node else {
                throw wrongArguments(name)
            }
            return text
        }
        func strings(from start: Int) throws(PromQLError) -> [String] {
            var texts: [String] = []
            for index in arguments.indices.dropFirst(start) { texts.append(try string(index)) }
            return texts
        }
        func checked(_ call: FunctionCall, _ count: ClosedRange<Int>, _ inputs: [Expr]) throws(PromQLError)
            -> (Operation, [Expr], ValueType)
        {
            guard count.contains(arguments.count) else { throw wrongArguments(name) }
            return (.call(call), inputs, name == "scalar" ? .scalar : .vector)
        }
        let spans = arguments.map(\.span)
        switch name {
        case "pi": return (.number(.pi), [], .scalar)
        case "time": return (.time, [], .scalar)
        case "scalar": return try checked(.scalar, 1...1, arguments)
        case "vector": return try checked(.vector, 1...1, arguments)
        case "timestamp": return try checked(.stepTimes, 1...1, arguments)
        case "round": return try checked(.round, 1...2, arguments)
        case "clamp": return try checked(.clamp, 3...3, arguments)
        case "clamp_min": return try checked(.clampMin, 2...2, arguments)
        case "clamp_max": return try checked(.clampMax, 2...2, arguments)
        case "absent": return try checked(.absent(AbsentLabels.of(arguments.first)), 1...1, arguments)
        case "sort": return try checked(.sort(descending: false), 1...1, arguments)
        case "sort_desc": return try checked(.sort(descending: true), 1...1, arguments)
        case "sort_by_label", "sort_by_label_desc":
            let call = FunctionCall.sortByLabel(
                try strings(from: 1),
                descending: name == "sort_by_label_desc"
            )
            return try checked(call, 1...Int.max, Array(arguments.prefix(1)))
        case "label_replace":
            let replacement = try LabelReplacement(
                destination: string(1),
                template: string(2),
                source: string(3),
                pattern: string(4),
                limits: limits
            )
            return try checked(.labelReplace(replacement), 5...5, Array(arguments.prefix(1)))
        case "label_join":
            let join = try LabelJoin(
                destination: string(1),
                separator: string(2),
                sources: strings(from: 3),
                limits: limits
            )
            return try checked(.labelJoin(join), 3...Int.max, Array(arguments.prefix(1)))
        case "histogram_quantile":
            guard arguments.count == 2 else { throw wrongArguments(name) }
            return try checked(.histogramQuantile(spans[0], spans[1]), 2...2, arguments)
        case "histogram_quantiles":
            let inputs = Array(arguments.prefix(1) + arguments.dropFirst(2))
            return try checked(.histogramQuantiles(label: string(1), spans: spans), 3...Int.max, inputs)
        case "histogram_avg", "histogram_count", "histogram_stddev", "histogram_stdvar", "histogram_sum":
            return try checked(.ofNativeHistograms, 1...1, arguments)
        case "histogram_fraction":
            guard arguments.count == 3 else { throw wrongArguments(name) }
            return try checked(.histogramFraction(spans[2]), 3...3, arguments)
        default: throw .unsupported("function \(name)() is not supported yet")
        }
    }

    private static func wrongArguments(_ function: String) -> PromQLError {
        .badData("wrong arguments in call to function \(LabelText.quoted(function))")
    }

    /// `expr` without parentheses around it.
    private static func unwrapped(_ expr: Expr) -> Expr {
        var expr = expr
        while case .parenthesized(let inner) = expr.node { expr = inner }
        return expr
    }

    // MARK: - Selectors

    private func plan(matrix base: Expr, _ range: DurationExpr, _ use: SelectorUse) throws(PromQLError)
        -> SelectorPlan
    {
        guard case .selector(let selector) = Planner.unwrapped(base).node else {
            throw .badData("ranges only allowed for vector selectors")
        }
        return try plan(selector, rangeMillis: durations.millis(range, allowsNegative: false), use)
    }

    private func plan(_ selector: Selector, rangeMillis: Int64?, _ use: SelectorUse) throws(PromQLError)
        -> SelectorPlan
    {
        guard selector.rangeExtension == .none else {
            throw .unsupported("the modifier \(selector.rangeExtension.rawValue) is not supported yet")
        }
        var hints = SelectHints()
        hints.function = use.function
        hints.rangeMillis = rangeMillis ?? 0
        hints.stepMillis = use.stepMillis
        hints.grouping = use.grouping?.labels
        hints.isGroupedBy = use.grouping.map { !$0.isWithout } ?? false
        return SelectorPlan(
            matchers: selector.matchers,
            shape: try shape(selector.modifiers, rangeMillis ?? lookbackMillis),
            hints: hints
        )
    }

    private func plan(_ subquery: Subquery) throws(PromQLError) -> SubqueryPlan {
        let range = try durations.millis(subquery.range, allowsNegative: false)
        var step = defaultSubqueryStepMillis
        if let duration = subquery.step { step = try durations.millis(duration, allowsNegative: false) }
        return SubqueryPlan(shape: try shape(subquery.modifiers, range), stepMillis: step)
    }

    private func shape(_ modifiers: TimeModifiers, _ rangeMillis: Int64) throws(PromQLError) -> WindowShape {
        var offset: Int64 = 0
        if let duration = modifiers.offset { offset = try durations.millis(duration, allowsNegative: true) }
        let fixed: Int64? =
            switch modifiers.at {
            case .time(let time): time.millis
            case .start: start
            case .end: end
            case nil: nil
            }
        return WindowShape(rangeMillis: rangeMillis, offsetMillis: offset, fixedMillis: fixed)
    }

    private func seconds(of time: QueryTime) -> Double {
        switch time {
        case .start: Double(start) / 1000
        case .end: Double(end) / 1000
        case .range: Double(durations.rangeMillis) / 1000
        case .step: Double(durations.stepMillis) / 1000
        }
    }

    // MARK: - Grids

    /// Gives each node its grid, from the result downwards, and checks that all times can be computed.
    private mutating func assignGrids() throws(PromQLError) -> Plan {
        let root = nodes.count - 1
        nodes[root].grid = nodes[root].isInvariant ? grid.first : grid
        for index in nodes.indices.reversed() {
            let node = nodes[index]
            switch node.operation {
            case .subquery(let plan):
                nodes[index].innerGrid = try plan.grid(under: node.grid, limit: limits.pointsPerSubquery)
            case .window(let plan):
                if case .subquery(let subquery) = plan.source {
                    nodes[index].innerGrid = try subquery.grid(
                        under: node.grid,
                        limit: limits.pointsPerSubquery
                    )
                }
                try Planner.check(plan.shape, on: node.grid)
            case .selector(let plan), .sampleTimes(let plan), .samples(let plan):
                try Planner.check(plan.shape, on: node.grid)
            default: break
            }
            for (position, input) in node.inputs.enumerated() {
                let wanted = nodes[index].inputGrid(position)
                let isOnce = nodes[input].isInvariant && wanted.count > 1
                nodes[input].grid = isOnce ? wanted.first : wanted
            }
        }
        return Plan(nodes: nodes, grid: grid)
    }

    private static func check(_ shape: WindowShape, on grid: StepGrid) throws(PromQLError) {
        guard shape.ends(on: grid) != nil else { throw .badData("the query's times are out of range") }
    }
}

/// What a plan depends on beside the expression.
struct PlanOptions {
    /// The query's start, and the time of an instant query.
    var start: Int64
    /// The query's end.
    var end: Int64
    /// The query's step; nil for an instant query.
    var stepMillis: Int64?
    /// The times of the query.
    var grid: StepGrid
    /// How far back an instant selector looks.
    var lookbackMillis: Int64
    /// The step of subqueries that have none.
    var defaultSubqueryStepMillis: Int64
    /// What subqueries and made labels may have.
    var limits: Limits
}
