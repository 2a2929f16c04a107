import Model
import PromQL

/// The routes about series and their labels.
enum LabelRoutes {
    /// What an answer says that a limit cut.
    static let truncationWarning = "results truncated due to limit"

    /// The label sets that match.
    @Sendable static func series(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        guard !parameters.all("match[]").isEmpty else { throw .badData("no match[] parameter provided") }
        return try await answer(exchange, .series, parameters) {
            request,
            budget throws(SourceError) in
            try backend.source.series(request, budget: budget)
        } size: { labels in
            labels.packed.count + 64
        } write: { json, labels in
            json.labels(labels)
        }
    }

    /// The label names.
    @Sendable static func names(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        return try await answer(exchange, .labels, parameters) {
            request,
            budget throws(SourceError) in
            try backend.source.labelNames(request, budget: budget)
        } size: { name in
            name.utf8.count + 48
        } write: { json, name in
            json.string(name)
        }
    }

    /// The values of one label.
    @Sendable static func values(_ exchange: Exchange, _ backend: APIBackend) async throws(APIError) -> Answer
    {
        let parameters = try await exchange.parameters()
        let escaped: String
        do {
            escaped = try Parameters.decode(exchange.pathVariable.utf8, isPath: true)
        } catch {
            throw .badData("invalid label name: \(LabelText.quoted(String(exchange.pathVariable)))")
        }
        let name = EscapedName.decode(escaped)
        return try await answer(exchange, .labels, parameters) {
            request,
            budget throws(SourceError) in
            try backend.source.labelValues(name, request, budget: budget)
        } size: { value in
            value.utf8.count + 48
        } write: { json, value in
            json.string(value)
        }
    }

    private static func answer<Item: Sendable>(
        _ exchange: Exchange,
        _ kind: QueryOrigin.Kind,
        _ parameters: Parameters,
        read: @escaping @Sendable (LabelRequest, QueryBudget) throws(SourceError) -> LabelAnswer<Item>,
        size: @escaping @Sendable (Item) -> Int,
        write: @escaping @Sendable (inout JSONWriter, Item) -> Void
    ) async throws(APIError) -> Answer {
        let start = try parameters.time("start", or: .min)
        let end = try parameters.time("end", or: .max)
        let limit = try parameters.limit()
        let texts = parameters.all("match[]")
        let limits = exchange.limits
        return try await exchange.context.queries.run(
            for: exchange.connection,
            exchange.origin(kind, texts.joined(separator: " "))
        ) { budget throws(APIError) in
            var selections: [[Matcher]] = []
            for text in texts { selections.append(try selection(text, limits)) }
            let request = LabelRequest(selections: selections, range: TimeRange(start, end), limit: limit)
            let answer: LabelAnswer<Item>
            do throws(SourceError) {
                answer = try read(request, budget)
            } catch {
                throw APIError(error)
            }
            let warnings = answer.warnings + (answer.isTruncated ? [truncationWarning] : [])
            let memory: HeldMemory
            do throws(SourceError) {
                memory = try HeldMemory.charge(answer.items.reduce(0) { $0 + size($1) }, to: budget)
            } catch {
                throw APIError(error)
            }
            return .json(ListPieces(answer.items, warnings: warnings, memory, write: write))
        }
    }

    /// The matchers of one `match[]`.
    static func selection(_ text: String, _ limits: Limits) throws(APIError) -> [Matcher] {
        guard text.utf8.count <= limits.queryTextBytes else {
            throw .invalid(
                "match[]",
                "\(text.utf8.count) bytes are more than the limit query_text_bytes (\(limits.queryTextBytes))"
            )
        }
        do throws(ParseError) {
            return try Parser.parseSelector(text, limits: limits)
        } catch {
            throw .invalid("match[]", error.description)
        }
    }
}
