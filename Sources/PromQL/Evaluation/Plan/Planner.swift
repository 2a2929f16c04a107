import Model

/// Turns an expression into a plan.
///
/// It walks the expression with a stack of its own, so that neither deep nesting nor chains of thousands of
/// operators can overflow the thread's. Where selectors look is `SelectorPlanner`'s matter, functions are
/// `FunctionPlan`'s, the times of the nodes `GridAssignment`'s.
struct Planner {
    private let selectors: SelectorPlanner
    private let limits: Limits

    private var tasks: [Task] = []
    private var operands: [Int] = []
    private var nodes: [PlanNode] = []

    private init(_ options: PlanOptions) {
        selectors = SelectorPlanner(options)
        limits = options.limits
    }

    /// The plan for `expr`.
    static func plan(_ expr: Expr, _ options: PlanOptions) throws(PromQLError) -> Plan {
        var planner = Planner(options)
        planner.tasks = [.visit(expr, SelectorUse(stepMillis: options.stepMillis ?? 0))]
        while let task = planner.tasks.popLast() {
            switch task {
            case .visit(let expr, let use): try planner.visit(expr, use)
            case .emit(let pending): planner.emit(pending)
            }
        }
        precondition(planner.operands.count == 1, "BUG: \(planner.operands.count) operands are left")
        let assignment = GridAssignment(options.grid, pointLimit: options.limits.pointsPerSubquery)
        return try assignment.plan(planner.nodes)
    }

    // MARK: - The walk

    private enum Task {
        case visit(Expr, SelectorUse)
        case emit(Pending)
    }

    /// An operation whose inputs are still to be visited.
    private struct Pending {
        var operation: Operation
        var inputCount = 0
        /// nil: scalar if all inputs are, else vector.
        var type: ValueType?
        var span: SourceSpan
        /// Whether it is the same at every step if the inputs in `decisive` are.
        var mayBeInvariant = true
        /// The inputs that decide; nil: all.
        var decisive: Range<Int>?
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
        var pending = pending
        pending.inputCount = inputs.count
        tasks.append(.emit(pending))
        for (expr, use) in inputs.reversed() { tasks.append(.visit(expr, use)) }
    }

    private mutating func visit(_ expr: Expr, _ use: SelectorUse) throws(PromQLError) {
        let span = expr.span
        switch expr.node {
        case .number(let value, _): emit(Pending(operation: .number(value), type: .scalar, span: span))
        case .string(let text): emit(Pending(operation: .string(text), type: .string, span: span))
        case .bytes(let bytes):
            // As a JSON answer of Prometheus shows it.
            let text = String(decoding: bytes, as: UTF8.self)
            emit(Pending(operation: .string(text), type: .string, span: span))
        case .queryTime(let time):
            emit(Pending(operation: .number(selectors.seconds(of: time)), type: .scalar, span: span))
        case .parenthesized(let inner), .unary(.plus, let inner): tasks.append(.visit(inner, use))
        case .unary(.minus, let inner): push(Pending(operation: .negate, span: span), [(inner, use)])
        case .selector(let selector):
            let plan = try selectors.plan(selector, use)
            emit(reading(.selector(plan), plan.shape, .vector, span))
        case .matrix(let base, let range):
            let plan = try selectors.plan(matrix: base, range, use)
            emit(reading(.samples(plan), plan.shape, .matrix, span))
        case .subquery(let subquery):
            let plan = try selectors.plan(subquery)
            var pending = reading(.subquery(plan), plan.shape, .matrix, span)
            pending.decisive = 0..<0
            push(pending, [(subquery.base, use.under(plan))])
        case .binary(let binary): visit(binary, span, use)
        case .aggregate(let aggregation): try visit(aggregation, span, use)
        case .call(let function, let arguments): try visit(function, arguments, span, use)
        }
    }

    /// An operation that looks at samples, the same ones at every step if `@` fixes the time.
    private func reading(_ operation: Operation, _ shape: WindowShape, _ type: ValueType, _ span: SourceSpan)
        -> Pending
    {
        Pending(operation: operation, type: type, span: span, mayBeInvariant: shape.fixedMillis != nil)
    }

    private mutating func visit(_ binary: Binary, _ span: SourceSpan, _ use: SelectorUse) {
        let plan = BinaryPlan(
            op: binary.op,
            matching: binary.matching ?? VectorMatching(),
            returnsBool: binary.returnsBool
        )
        let inner = use.inside(function: "")
        push(
            Pending(operation: .binary(plan), span: span),
            [(binary.left, inner), (binary.right, inner)]
        )
    }

    private mutating func visit(_ aggregation: Aggregation, _ span: SourceSpan, _ use: SelectorUse)
        throws(PromQLError)
    {
        if aggregation.op == .countValues, case .bytes(let bytes)? = aggregation.parameter?.unwrapped.node {
            throw .execution("invalid label name \(QuotedText.bytes(bytes))")
        }
        let grouping = SeriesGrouping(aggregation)
        let plan = AggregatePlan(
            op: aggregation.op,
            grouping: grouping,
            vectorSpan: aggregation.expr.unwrapped.span,
            parameterSpan: aggregation.parameter.map { $0.unwrapped.span } ?? span
        )
        var inner = use.inside(function: aggregation.op.rawValue)
        inner.grouping = grouping
        var inputs = [(aggregation.expr, inner)]
        if let parameter = aggregation.parameter {
            inputs.append((parameter, use.inside(function: aggregation.op.rawValue)))
        }
        // As in Prometheus the parameter has no say in whether the whole is evaluated once.
        push(Pending(operation: .aggregate(plan), type: .vector, span: span, decisive: 0..<1), inputs)
    }

    // MARK: - Functions

    private mutating func visit(
        _ name: String,
        _ arguments: [Expr],
        _ span: SourceSpan,
        _ use: SelectorUse
    ) throws(PromQLError) {
        guard let kind = FunctionKind.named(name) else {
            throw .unsupported("function \(name)() is not supported")
        }
        let arguments = FunctionArguments(name, arguments)
        let inner = use.inside(function: name)
        var pending = Pending(operation: .time, type: .vector, span: span)
        pending.mayBeInvariant = !FunctionKind.dependsOnStep(name)
        switch kind {
        case .window(let function): try visit(function, arguments, span, inner)
        case .element(let function):
            pending.operation = .call(.element(function))
            push(pending, arguments.exprs.map { ($0, inner) })
        case .date(let function):
            pending.operation = .call(.date(function))
            push(pending, arguments.exprs.map { ($0, inner) })
        case .histogram(let function):
            pending.operation = .call(.histogram(function))
            push(pending, arguments.exprs.map { ($0, inner) })
        case .info:
            let base = try arguments.expr(0)
            let plan = try InfoPlan(arguments, shape: selectors.infoShape(for: base), limits)
            var pending = reading(.info(plan), plan.shape, .vector, span)
            pending.decisive = 0..<1
            push(pending, [(base, inner)])
        case .other:
            if name == "timestamp", case .selector(let selector)? = arguments.exprs.first?.node {
                var plan = try selectors.plan(selector, inner)
                plan.shape = plan.shape.forTimestamps
                pending.operation = .sampleTimes(plan)
                return emit(pending)
            }
            let plan = try FunctionPlan(name, arguments.exprs, limits)
            (pending.operation, pending.type) = (plan.operation, plan.type)
            push(pending, plan.inputs.map { ($0, inner) })
        }
    }

    /// A function over a range, which may be that of a subquery.
    private mutating func visit(
        _ function: RangeFunction,
        _ arguments: FunctionArguments,
        _ span: SourceSpan,
        _ use: SelectorUse
    ) throws(PromQLError) {
        let all = try arguments.all(function.argumentCount...function.argumentCount)
        let range = all[function.rangeIndex]
        var inputs: [(Expr, SelectorUse)] = []
        for (index, argument) in all.enumerated() where index != function.rangeIndex {
            inputs.append((argument, use))
        }
        let source: WindowPlan.Source
        switch range.node {
        case .matrix(let base, let duration):
            source = .selector(try selectors.plan(matrix: base, duration, use))
        case .subquery(let subquery):
            let plan = try selectors.plan(subquery)
            source = .subquery(plan)
            inputs.insert((subquery.base, use.under(plan)), at: 0)
        default: throw arguments.mismatch
        }
        let plan = WindowPlan(
            function: function,
            source: source,
            rangeSpan: range.span,
            firstSpan: all[0].span
        )
        var pending = reading(.window(plan), plan.shape, .vector, span)
        if FunctionKind.dependsOnStep(function.rawValue) { pending.mayBeInvariant = false }
        pending.decisive = plan.parameterStart..<inputs.count
        push(pending, inputs)
    }
}
