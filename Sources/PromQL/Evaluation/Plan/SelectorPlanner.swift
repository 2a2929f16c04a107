import Model

/// Computes from the query's parameters where selectors and subqueries look.
struct SelectorPlanner {
    /// The query's start.
    let start: Int64
    /// The query's end, which may lie behind its last step.
    let end: Int64
    private let lookbackMillis: Int64
    private let defaultSubqueryStepMillis: Int64
    private let durations: QueryDurations

    /// A planner for one query.
    init(_ options: PlanOptions) {
        start = options.start
        end = options.end
        lookbackMillis = options.lookbackMillis
        defaultSubqueryStepMillis = options.defaultSubqueryStepMillis
        durations = QueryDurations(
            stepMillis: options.stepMillis ?? 0,
            rangeMillis: options.end - options.start
        )
    }

    /// A range selector: `range` behind `base`, which must be a selector.
    func plan(matrix base: Expr, _ range: DurationExpr, _ use: SelectorUse) throws(PromQLError)
        -> SelectorPlan
    {
        guard case .selector(let selector) = base.unwrapped.node else {
            throw .badData("ranges only allowed for vector selectors")
        }
        try check(selector.rangeExtension, under: use.function)
        let rangeMillis = try durations.millis(range, allowsNegative: false)
        var shape = try shape(selector.modifiers, rangeMillis)
        shape.margin = margin(selector.rangeExtension)
        return SelectorPlan(
            matchers: selector.matchers,
            shape: shape,
            rangeExtension: selector.rangeExtension,
            hints: use.hints(rangeMillis: rangeMillis)
        )
    }

    /// An instant selector; its range is the lookback.
    ///
    /// `anchored` makes no difference here, since the newest sample counts anyway.
    func plan(_ selector: Selector, _ use: SelectorUse) throws(PromQLError) -> SelectorPlan {
        var shape = try shape(selector.modifiers, lookbackMillis)
        if selector.rangeExtension == .smoothed { shape.margin.afterMillis = lookbackMillis }
        return SelectorPlan(
            matchers: selector.matchers,
            shape: shape,
            rangeExtension: selector.rangeExtension,
            hints: use.hints(rangeMillis: 0)
        )
    }

    /// A subquery.
    func plan(_ subquery: Subquery) throws(PromQLError) -> SubqueryPlan {
        let range = try durations.millis(subquery.range, allowsNegative: false)
        var step = defaultSubqueryStepMillis
        if let duration = subquery.step { step = try durations.millis(duration, allowsNegative: false) }
        return SubqueryPlan(shape: try shape(subquery.modifiers, range), stepMillis: step)
    }

    /// Where the info series for `base` are looked up: at the time that the samples of its first selector
    /// come from.
    func infoShape(for base: Expr) throws(PromQLError) -> WindowShape {
        var shape = WindowShape(rangeMillis: lookbackMillis, offsetMillis: 0, fixedMillis: nil)
        for modifiers in base.modifiersToFirstSelector {
            let inner = try self.shape(modifiers, lookbackMillis)
            guard inner.fixedMillis == nil else {
                // A fixed time makes what stands around it meaningless.
                shape = inner
                continue
            }
            let (offset, overflow) = shape.offsetMillis.addingReportingOverflow(inner.offsetMillis)
            guard !overflow else { throw .badData("the query's times are out of range") }
            shape.offsetMillis = offset
        }
        return shape
    }

    /// `start()` and its kin in seconds.
    func seconds(of time: QueryTime) -> Double {
        switch time {
        case .start: Double(start) / 1000
        case .end: Double(end) / 1000
        case .range: Double(durations.rangeMillis) / 1000
        case .step: Double(durations.stepMillis) / 1000
        }
    }

    // MARK: - Parts

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

    private func margin(_ rangeExtension: RangeExtension) -> WindowMargin {
        switch rangeExtension {
        case .none: WindowMargin()
        case .anchored: WindowMargin(beforeMillis: lookbackMillis)
        case .smoothed: WindowMargin(beforeMillis: lookbackMillis, afterMillis: lookbackMillis)
        }
    }

    private func check(_ rangeExtension: RangeExtension, under function: String) throws(PromQLError) {
        guard rangeExtension != .none, let called = RangeFunction(rawValue: function),
            !called.takes(rangeExtension)
        else { return }
        let allowed = RangeFunction.allCases.filter { $0.takes(rangeExtension) }.map(\.rawValue).sorted()
        throw .execution(
            "\(rangeExtension.rawValue) modifier can only be used with: \(allowed.joined(separator: ", ")) "
                + "- not with \(function)"
        )
    }
}

/// What is done with the samples of a selector.
struct SelectorUse {
    /// The function or aggregation right above; empty if none.
    var function = ""
    /// The groups of the aggregation right above.
    var grouping: SeriesGrouping?
    /// The step at which it is evaluated; 0 for an instant query.
    var stepMillis: Int64

    /// The use as an argument of `function`.
    func inside(function: String) -> SelectorUse {
        SelectorUse(function: function, grouping: nil, stepMillis: stepMillis)
    }

    /// The use inside of a subquery.
    func under(_ subquery: SubqueryPlan) -> SelectorUse {
        SelectorUse(function: function, grouping: nil, stepMillis: subquery.stepMillis)
    }

    /// What a source is told.
    func hints(rangeMillis: Int64) -> SelectHints {
        var hints = SelectHints()
        hints.function = function
        hints.rangeMillis = rangeMillis
        hints.stepMillis = stepMillis
        hints.grouping = grouping?.labels
        hints.isGroupedBy = grouping.map { !$0.isWithout } ?? false
        return hints
    }
}

extension Expr {
    /// The expression without parentheses around it.
    var unwrapped: Expr {
        var expr = self
        while case .parenthesized(let inner) = expr.node { expr = inner }
        return expr
    }

    /// The time modifiers of the first selector in the expression and of the subqueries around it, from the
    /// outside; of an aggregation the parameter comes last.
    fileprivate var modifiersToFirstSelector: [TimeModifiers] {
        var open: [(expr: Expr, modifiers: [TimeModifiers])] = [(self, [])]
        while let (expr, modifiers) = open.popLast() {
            switch expr.node {
            case .selector(let selector): return modifiers + [selector.modifiers]
            case .subquery(let subquery): open.append((subquery.base, modifiers + [subquery.modifiers]))
            case .aggregate(let aggregation):
                if let parameter = aggregation.parameter { open.append((parameter, modifiers)) }
                open.append((aggregation.expr, modifiers))
            default: for part in expr.parts.reversed() { open.append((part, modifiers)) }
            }
        }
        return []
    }
}
