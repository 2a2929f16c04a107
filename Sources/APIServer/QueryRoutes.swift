import Model
import PromQL

/// The routes that evaluate or treat expressions.
enum QueryRoutes {
    /// The value of an expression at one time.
    @Sendable static func instant(
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let parameters = try await exchange.parameters()
        return try await answer(
            exchange,
            backend,
            try QueryQuestion.instant(parameters, exchange.context, exchange.limits)
        )
    }

    /// The values of an expression at all steps between two times.
    @Sendable static func range(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await answer(
            exchange,
            backend,
            try QueryQuestion.range(parameters, exchange.context, exchange.limits)
        )
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
        let text = try QueryQuestion.text(parameters, limits)
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
        let text = try QueryQuestion.text(try await exchange.parameters(), limits)
        return try await exchange.context.queries.run(for: exchange.connection) { _ throws(APIError) in
            let pretty = try parse(text, limits).prettyPrinted()
            return .json(Envelope.success { $0.string(pretty) })
        }
    }

    /// The tree that an expression is.
    @Sendable static func parse(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let limits = exchange.limits
        let text = try QueryQuestion.text(try await exchange.parameters(), limits)
        return try await exchange.context.queries.run(for: exchange.connection) { _ throws(APIError) in
            let expr = try parse(text, limits)
            return .json(Envelope.success { ParsedQueryJSON.write(expr, to: &$0) })
        }
    }

    // MARK: - Evaluation

    private static func answer(
        _ exchange: Exchange,
        _ backend: APIBackend,
        _ question: QueryQuestion
    ) async throws(APIError) -> Answer {
        let context = exchange.context
        let limits = exchange.limits
        let asked = ContinuousClock.now
        return try await context.queries.run(
            for: exchange.connection,
            exchange.origin(question.kind, question.text),
            timeLimitMillis: question.timeLimitMillis
        ) { budget throws(APIError) in
            let waited = asked.duration(to: .now)
            let expr = try parse(question.text, limits)
            let (answer, took) = try question.answer(expr, context, backend, budget, waited: waited)
            context.smallQueries.note(question, expr, answer, took: took, reading: backend.source)
            return answer
        }
    }

    private static func parse(_ text: String, _ limits: Limits) throws(APIError) -> Expr {
        do {
            return try Parser.parse(text, limits: limits)
        } catch {
            throw .invalid("query", "\(error)")
        }
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
