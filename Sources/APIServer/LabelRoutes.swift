import Model
import PromQL

/// The routes about series and their labels.
enum LabelRoutes {
    /// The path of the label names.
    static let namesPath = "/api/v1/labels"
    /// The path of the values of a label.
    static let valuesPath = "/api/v1/label/\(Route.variable)/values"

    /// The label sets that match.
    @Sendable static func series(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let question = try LabelQuestion(.series, try await exchange.parameters())
        return try await answer(question, exchange, backend)
    }

    /// The label names.
    @Sendable static func names(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let question = try LabelQuestion(.names, try await exchange.parameters())
        return try await answer(question, exchange, backend)
    }

    /// The values of one label.
    @Sendable static func values(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let name = try labelName(exchange.pathVariable)
        return try await answer(try LabelQuestion(.values(of: name), parameters), exchange, backend)
    }

    /// The label that the variable part of a path names.
    static func labelName(_ variable: Substring) throws(APIError) -> String {
        do {
            return EscapedName.decode(try Parameters.decode(variable.utf8, isPath: true))
        } catch {
            throw .badData("invalid label name: \(LabelText.quoted(String(variable)))")
        }
    }

    private static func answer(
        _ question: LabelQuestion,
        _ exchange: Exchange,
        _ backend: APIBackend
    ) async throws(APIError) -> Answer {
        let context = exchange.context
        let limits = exchange.limits
        let asked = ContinuousClock.now
        return try await context.queries.run(
            for: exchange.connection,
            exchange.origin(question.kind, question.text)
        ) { budget throws(APIError) in
            let waited = asked.duration(to: .now)
            let selections = try question.selections(limits)
            let (answer, took) = try question.answer(selections, context, backend, budget, waited: waited)
            context.smallLabelQuestions.note(
                question,
                selections,
                answer,
                took: took,
                reading: backend.source
            )
            return answer
        }
    }
}
