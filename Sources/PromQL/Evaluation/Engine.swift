import Model

/// What an engine does where a query does not say.
package struct EngineOptions: Sendable {
    /// How far back an instant selector looks for a sample, in milliseconds.
    package var lookbackMillis: Int64 = 300_000
    /// The step of subqueries without one, in milliseconds.
    package var defaultSubqueryStepMillis: Int64 = 60_000
    /// What a query may have and make.
    package var limits = Limits.default

    /// The defaults.
    package init() {}
}

/// Evaluates PromQL over a source of series.
///
/// An expression is first planned, then evaluated node by node (`Plan`, `Evaluation`); neither recurses, so
/// any thread's stack will do. A query runs on the calling thread, which may block on the source.
package struct Engine: Sendable {
    /// The options.
    package let options: EngineOptions

    /// An engine with the given options.
    package init(options: EngineOptions = EngineOptions()) {
        self.options = options
    }

    /// Evaluates `expr` at one time.
    ///
    /// - Parameters:
    ///   - expr: The expression; parsed and checked.
    ///   - text: The text it was parsed from, for the places in warnings and infos; empty: without places.
    ///   - time: The time of the evaluation, and of the samples of the answer.
    ///   - lookbackMillis: How far back instant selectors look; nil for the engine's default.
    ///   - source: The series.
    ///   - budget: What the query may use up; given back when the call returns.
    /// - Returns: A scalar, a string, a vector, or for a range selector or a subquery a matrix of samples.
    /// - Throws: `PromQLError`; no part of the answer is of use then.
    package func instant(
        _ expr: Expr,
        text: String = "",
        at time: Timestamp,
        lookbackMillis: Int64? = nil,
        source: any SeriesSource,
        budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer {
        let plan = try Planner.plan(
            expr,
            PlanOptions(
                start: time.millis,
                end: time.millis,
                stepMillis: nil,
                grid: StepGrid(instant: time.millis),
                lookbackMillis: lookback(lookbackMillis),
                defaultSubqueryStepMillis: options.defaultSubqueryStepMillis,
                limits: options.limits
            )
        )
        return try answer(plan, text, source, budget) { value in
            switch value {
            case .scalar(let column): .scalar(time, column[0])
            case .string(let text): .string(time, text)
            case .samples(let series): .matrix(Engine.sorted(series))
            case .table(let table):
                .vector(
                    (0..<table.rowCount).compactMap { row in
                        let labels = table.labels[row]
                        if table.isPresent(row, 0) {
                            return InstantSample(labels: labels, time: time, value: table.value(row, 0))
                        }
                        return table.histograms(row)[0].map {
                            let value = NativeHistogram.placeholder
                            return InstantSample(labels: labels, time: time, value: value, histogram: $0)
                        }
                    }
                )
            case .deferred: preconditionFailure("BUG: the result was not computed")
            }
        }
    }

    /// Evaluates `expr` at `start`, `start + stepMillis` and so on up to `end`; the answer is a matrix.
    ///
    /// The parameters are those of `instant`. A scalar expression yields one series without labels.
    package func range(
        _ expr: Expr,
        text: String = "",
        start: Timestamp,
        end: Timestamp,
        stepMillis: Int64,
        lookbackMillis: Int64? = nil,
        source: any SeriesSource,
        budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer {
        guard stepMillis > 0 else {
            throw .badData(
                "zero or negative query resolution step widths are not accepted. Try a positive integer"
            )
        }
        guard start <= end else { throw .badData("end timestamp must not be before start time") }
        guard let grid = StepGrid(start: start.millis, end: end.millis, stepMillis: stepMillis),
            (end.millis - start.millis) / stepMillis <= Int64(options.limits.pointsPerSeries)
        else {
            throw .badData(
                "exceeded maximum resolution of \(Engine.grouped(options.limits.pointsPerSeries)) "
                    + "points per timeseries. "
                    + "Try decreasing the query resolution (?step=XX); the limit is points_per_series"
            )
        }
        let plan = try Planner.plan(
            expr,
            PlanOptions(
                start: start.millis,
                end: end.millis,
                stepMillis: stepMillis,
                grid: grid,
                lookbackMillis: lookback(lookbackMillis),
                defaultSubqueryStepMillis: options.defaultSubqueryStepMillis,
                limits: options.limits
            )
        )
        guard plan.root.type == .scalar || plan.root.type == .vector else {
            throw .badData(
                "invalid expression type \"\(plan.root.type.documented)\" for range query, "
                    + "must be Scalar or instant Vector"
            )
        }
        return try answer(plan, text, source, budget) { value in
            switch value {
            case .scalar(let column):
                let times = (0..<grid.count).map(grid.time)
                let samples = SampleColumn(timestamps: times, values: column.expanded(grid.count))
                return .matrix([RangeSeries(labels: .empty, column: samples)])
            case .table(let table): return .matrix(Engine.sorted(Evaluation.series(of: table, on: grid)))
            case .string, .samples, .deferred: preconditionFailure("BUG: a range query of another type")
            }
        }
    }

    // MARK: - Parts

    private func answer(
        _ plan: Plan,
        _ text: String,
        _ source: any SeriesSource,
        _ budget: QueryBudget,
        _ convert: (NodeValue) -> QueryValue
    ) throws(PromQLError) -> QueryAnswer {
        let evaluation = Evaluation(plan, source: source, budget: budget)
        defer { evaluation.meter.releaseAll() }
        let value = try evaluation.run()
        // Samples as they were read become the answer; other values are there twice for a moment.
        if case .samples = value { evaluation.meter.releaseAll() }
        let memory: HeldMemory
        do { memory = try HeldMemory.charge(value.answerByteCount, to: budget) } catch {
            throw .source(error)
        }
        let result = convert(value)
        var answer = QueryAnswer(
            value: result,
            warnings: evaluation.annotations.warnings(for: text),
            infos: evaluation.annotations.infos(for: text),
            memory: memory
        )
        answer.sourceWarnings = evaluation.annotations.sourceWarnings
        return answer
    }

    private func lookback(_ wanted: Int64?) -> Int64 {
        guard let wanted, wanted > 0 else { return options.lookbackMillis }
        return wanted
    }

    private static func sorted(_ series: [RangeSeries]) -> [RangeSeries] {
        let isSorted = zip(series, series.dropFirst()).allSatisfy { !($1.labels < $0.labels) }
        return isSorted ? series : series.sorted { $0.labels < $1.labels }
    }

    /// A number with commas between thousands.
    package static func grouped(_ number: Int) -> String {
        let digits = Array(String(number))
        var out = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { out += "," }
            out.append(digit)
        }
        return out
    }
}

extension NodeValue {
    /// About how much memory the answer with this value takes, in bytes.
    fileprivate var answerByteCount: Int {
        let rowBytes = 96
        switch self {
        case .scalar(.constant), .deferred: return rowBytes
        case .scalar(.steps(let values)): return rowBytes + values.count * Limits.sampleMemoryBytes
        case .string(let text): return rowBytes + text.utf8.count
        case .table(let table):
            let labels = table.labels.reduce(0) { $0 + $1.packed.count + rowBytes }
            let samples =
                table.present.reduce(0) { $0 + $1.nonzeroBitCount }
                + table.histograms.reduce(0) { $0 + $1.heldSampleCount }
            return labels + samples * Limits.sampleMemoryBytes
        case .samples(let series):
            return series.reduce(0) {
                let samples = $1.column.count + $1.column.histograms.heldSampleCount
                return $0 + $1.labels.packed.count + rowBytes + samples * Limits.sampleMemoryBytes
            }
        }
    }
}
