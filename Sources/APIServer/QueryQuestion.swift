import Model
import PromQL

/// A query of an expression as a client asks it, its parameters read and checked.
struct QueryQuestion: Sendable {
    /// At one time or at several.
    var kind: QueryOrigin.Kind
    /// The expression's text.
    var text: String
    /// The time, or the first one.
    var start: Timestamp
    /// The last time is at or before it.
    var end: Timestamp
    /// The distance of times, in milliseconds; 0 if there is only one.
    var stepMillis: Int64 = 0
    /// How far back a sample counts, in milliseconds.
    var lookbackMillis: Int64
    /// The most series of the answer; nil for all.
    var limit: Int?
    /// How long the evaluation may take, in milliseconds.
    var timeLimitMillis: Int64
    /// Whether the client wants to know what the query cost.
    var wantsStatistics: Bool
    /// Whether a remembered answer may do.
    var mayBeRemembered = false

    /// What `/api/v1/query` is asked.
    static func instant(
        _ parameters: Parameters,
        _ context: APIContext,
        _ limits: Limits
    ) throws(APIError) -> QueryQuestion {
        let limit = try parameters.limit()
        let time = try parameters.time("time", or: context.now())
        let lookback = try parameters.lookbackMillis(or: context.configuration.lookbackMillis)
        let timeLimit = try parameters.timeLimitMillis(limits)
        return QueryQuestion(
            kind: .instant,
            text: try text(parameters, limits),
            start: time,
            end: time,
            lookbackMillis: lookback,
            limit: limit,
            timeLimitMillis: timeLimit,
            wantsStatistics: !parameters["stats"].isEmpty
        )
    }

    /// What `/api/v1/query_range` is asked.
    static func range(
        _ parameters: Parameters,
        _ context: APIContext,
        _ limits: Limits
    ) throws(APIError) -> QueryQuestion {
        let start = try parameters.time("start")
        let end = try parameters.time("end")
        guard start <= end else { throw .invalid("end", "end timestamp must not be before start time") }
        let step = try stepMillis(parameters, limits, from: start, to: end)
        let limit = try parameters.limit()
        let lookback = try parameters.lookbackMillis(or: context.configuration.lookbackMillis)
        let timeLimit = try parameters.timeLimitMillis(limits)
        return QueryQuestion(
            kind: .range,
            text: try text(parameters, limits),
            start: start,
            end: end,
            stepMillis: step,
            lookbackMillis: lookback,
            limit: limit,
            timeLimitMillis: timeLimit,
            wantsStatistics: !parameters["stats"].isEmpty,
            mayBeRemembered: parameters["nocache"] != "1"
        )
    }

    /// The text of the expression, which is not parsed yet.
    static func text(_ parameters: Parameters, _ limits: Limits) throws(APIError) -> String {
        let text = parameters["query"]
        guard text.utf8.count <= limits.queryTextBytes else {
            throw .invalid(
                "query",
                "\(text.utf8.count) bytes are more than the limit query_text_bytes (\(limits.queryTextBytes))"
            )
        }
        return text
    }

    // MARK: - Private

    fileprivate func evaluate(
        _ expr: Expr,
        _ context: APIContext,
        _ backend: APIBackend,
        _ budget: QueryBudget
    ) throws(PromQLError) -> QueryAnswer {
        let engine = backend.engine()
        guard kind == .range else {
            return try engine.instant(
                expr,
                text: text,
                at: start,
                lookbackMillis: lookbackMillis,
                source: backend.source,
                budget: budget
            )
        }
        if mayBeRemembered {
            let question = RangeCache.Question(
                expr,
                text: text,
                from: start,
                through: end,
                stepMillis: stepMillis,
                lookbackMillis: lookbackMillis
            )
            return try context.rangeCache.range(question, engine, source: backend.source, budget: budget)
        }
        return try engine.range(
            expr,
            text: text,
            start: start,
            end: end,
            stepMillis: stepMillis,
            lookbackMillis: lookbackMillis,
            source: backend.source,
            budget: budget
        )
    }

    private static func stepMillis(
        _ parameters: Parameters,
        _ limits: Limits,
        from start: Timestamp,
        to end: Timestamp
    ) throws(APIError) -> Int64 {
        let seconds = try parameters.durationSeconds("step")
        let notPositive =
            "zero or negative query resolution step widths are not accepted. Try a positive integer"
        guard seconds > 0 else { throw .invalid("step", notPositive) }
        let spanMillis = Double(end.millis) - Double(start.millis)
        guard spanMillis / (seconds * 1000) <= Double(limits.pointsPerSeries) else {
            throw .badData(
                "exceeded maximum resolution of \(Engine.grouped(limits.pointsPerSeries)) "
                    + "points per timeseries. "
                    + "Try decreasing the query resolution (?step=XX); the limit is points_per_series"
            )
        }
        let millis = Int64(seconds * 1000)
        guard millis > 0 else { throw .invalid("step", notPositive) }
        return millis
    }
}

extension QueryAnswer {
    /// Keeps the first `limit` series, and says so if there were more.
    fileprivate mutating func truncate(to limit: Int) {
        switch value {
        case .vector(let samples) where samples.count > limit:
            value = .vector(Array(samples.prefix(limit)))
        case .matrix(let series) where series.count > limit:
            value = .matrix(Array(series.prefix(limit)))
        default: return
        }
        warnings.append(LabelQuestion.truncationWarning)
    }
}

extension QueryQuestion: SmallQuestion {
    var key: String { text }

    /// The number of times.
    var extent: Int64 { stepMillis > 0 ? (end.millis - start.millis) / stepMillis + 1 : 1 }

    static func readsOnlyStored(_ expr: Expr, of source: any SeriesSource) -> Bool {
        expr.readsOnlyStored(of: source)
    }

    func answer(
        _ expr: Expr,
        _ context: APIContext,
        _ backend: APIBackend,
        _ budget: QueryBudget,
        waited: Duration
    ) throws(APIError) -> (answer: Answer, took: Duration) {
        let began = ContinuousClock.now
        var answer: QueryAnswer
        do throws(PromQLError) {
            answer = try evaluate(expr, context, backend, budget)
        } catch {
            throw APIError(error, timeLimitMillis: timeLimitMillis)
        }
        let took = began.duration(to: .now)
        context.telemetry.noteQuery(took: took)
        if let limit { answer.truncate(to: limit) }
        var statistics: QueryStatistics?
        if wantsStatistics {
            statistics = QueryStatistics(
                budget,
                evaluationSeconds: took.seconds,
                queueSeconds: waited.seconds
            )
        }
        return (QueryAnswerPieces.render(answer, statistics), took)
    }
}
