import Model
import PromQL

/// The routes that evaluate or treat expressions.
enum QueryRoutes {
    /// Up to how many bytes an answer is made whole, with its length in the head; a longer one goes in
    /// pieces.
    private static let wholeAnswerBytes = 4 << 20

    /// The value of an expression at one time.
    @Sendable static func instant(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let limit = try parameters.limit()
        let time = try parameters.time("time", or: exchange.context.now())
        let lookback = try parameters.lookbackMillis(or: exchange.context.configuration.lookbackMillis)
        return try await answer(exchange, .instant, parameters, limit) {
            expr,
            text,
            budget throws(PromQLError) in
            try backend.engine().instant(
                expr,
                text: text,
                at: time,
                lookbackMillis: lookback,
                source: backend.source,
                budget: budget
            )
        }
    }

    /// The values of an expression at all steps between two times.
    @Sendable static func range(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let start = try parameters.time("start")
        let end = try parameters.time("end")
        guard start <= end else { throw .invalid("end", "end timestamp must not be before start time") }
        let stepMillis = try stepMillis(parameters, exchange.limits, from: start, to: end)
        let limit = try parameters.limit()
        let lookback = try parameters.lookbackMillis(or: exchange.context.configuration.lookbackMillis)
        let cache = parameters["nocache"] == "1" ? nil : exchange.context.rangeCache
        return try await answer(exchange, .range, parameters, limit) {
            expr,
            text,
            budget throws(PromQLError) in
            if let cache {
                let question = RangeCache.Question(
                    expr,
                    text: text,
                    from: start,
                    through: end,
                    stepMillis: stepMillis,
                    lookbackMillis: lookback
                )
                return try cache.range(question, backend.engine(), source: backend.source, budget: budget)
            }
            return try backend.engine().range(
                expr,
                text: text,
                start: start,
                end: end,
                stepMillis: stepMillis,
                lookbackMillis: lookback,
                source: backend.source,
                budget: budget
            )
        }
    }

    /// Exemplars are not stored, so there are none; the request is checked all the same.
    @Sendable static func exemplars(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        let start = try parameters.time("start", or: .min)
        let end = try parameters.time("end", or: .max)
        guard start <= end else {
            throw .badData("end timestamp must not be before start timestamp")
        }
        let limits = exchange.limits
        let text = try queryText(parameters, limits)
        return try await exchange.context.queries.run(for: exchange.connection) { _ throws(APIError) in
            do {
                _ = try Parser.parse(text, limits: limits)
            } catch {
                throw .badData("\(error)")
            }
            return .json(Envelope.success { $0.strings([]) })
        }
    }

    /// An expression in canonical form.
    @Sendable static func format(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let limits = exchange.limits
        let text = try queryText(try await exchange.parameters(), limits)
        return try await exchange.context.queries.run(for: exchange.connection) { _ throws(APIError) in
            let pretty = try parse(text, limits).prettyPrinted()
            return .json(Envelope.success { $0.string(pretty) })
        }
    }

    /// The tree that an expression is.
    @Sendable static func parse(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let limits = exchange.limits
        let text = try queryText(try await exchange.parameters(), limits)
        return try await exchange.context.queries.run(for: exchange.connection) { _ throws(APIError) in
            let expr = try parse(text, limits)
            return .json(Envelope.success { ParsedQueryJSON.write(expr, to: &$0) })
        }
    }

    // MARK: - Evaluation

    private typealias Evaluation = @Sendable (Expr, String, QueryBudget) throws(PromQLError) -> QueryAnswer

    private static func answer(
        _ exchange: Exchange,
        _ kind: QueryOrigin.Kind,
        _ parameters: Parameters,
        _ limit: Int?,
        _ evaluate: @escaping Evaluation
    ) async throws(APIError) -> Answer {
        let timeLimitMillis = try parameters.timeLimitMillis(exchange.limits)
        let text = try queryText(parameters, exchange.limits)
        let wantsStatistics = !parameters["stats"].isEmpty
        let context = exchange.context
        let limits = exchange.limits
        let asked = ContinuousClock.now
        return try await context.queries.run(
            for: exchange.connection,
            exchange.origin(kind, text),
            timeLimitMillis: timeLimitMillis
        ) { budget throws(APIError) in
            let began = ContinuousClock.now
            let expr = try parse(text, limits)
            var answer: QueryAnswer
            do throws(PromQLError) {
                answer = try evaluate(expr, text, budget)
            } catch {
                throw APIError(error, timeLimitMillis: timeLimitMillis)
            }
            let took = began.duration(to: .now)
            context.telemetry.noteQuery(took: took)
            if let limit { answer.truncate(to: limit) }
            let statistics = QueryStatistics(
                budget,
                evaluationSeconds: took.seconds,
                queueSeconds: asked.duration(to: began).seconds
            )
            return render(answer, wantsStatistics ? statistics : nil)
        }
    }

    /// Writes as much of the answer as is made whole; the rest follows while it is sent.
    private static func render(_ answer: QueryAnswer, _ statistics: QueryStatistics?) -> Answer {
        var pieces = QueryAnswerPieces(answer, statistics: statistics)
        var begun: [UInt8] = []
        while begun.count < wholeAnswerBytes {
            guard let piece = pieces.next() else { return .json(begun) }
            begun += piece
        }
        return Answer(
            contentType: "application/json",
            body: .pieces(BegunPieces(begun: begun, rest: pieces))
        )
    }

    private static func parse(_ text: String, _ limits: Limits) throws(APIError) -> Expr {
        do {
            return try Parser.parse(text, limits: limits)
        } catch {
            throw .invalid("query", "\(error)")
        }
    }

    private static func queryText(
        _ parameters: Parameters,
        _ limits: Limits
    ) throws(APIError) -> String {
        let text = parameters["query"]
        guard text.utf8.count <= limits.queryTextBytes else {
            throw .invalid(
                "query",
                "\(text.utf8.count) bytes are more than the limit query_text_bytes (\(limits.queryTextBytes))"
            )
        }
        return text
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

/// The pieces of an answer whose first part is written already.
private struct BegunPieces: AnswerPieces {
    var begun: [UInt8]
    var rest: QueryAnswerPieces

    mutating func next() -> [UInt8]? {
        guard begun.isEmpty else {
            defer { begun = [] }
            return begun
        }
        return rest.next()
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
        warnings.append(LabelRoutes.truncationWarning)
    }
}

extension APIError {
    /// What an evaluation's error means to a client.
    init(_ error: PromQLError, timeLimitMillis: Int64) {
        switch error {
        case .badData: self = .invalid("query", error.description)
        case .execution, .unsupported: self.init(.execution, error.description)
        case .source(.cancelled): self.init(.canceled, error.description)
        case .source(.timedOut):
            self.init(
                .timeout,
                "\(error.description) (limit query_timeout: \(DurationText.format(millis: timeLimitMillis)))"
            )
        case .source(.tooMuchMemory(let name, _)):
            self.init(tooMuchMemory: error.description, limitName: name)
        case .source(.tooManySamples), .source(.tooManySeries): self.init(.execution, error.description)
        case .source(.badMatcher): self.init(.badData, error.description)
        case .source(.unavailable): self.init(.internal, error.description)
        }
    }
}
