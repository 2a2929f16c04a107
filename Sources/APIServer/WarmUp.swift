import Model
import PromQL

/// Asks once what clients will ask, before the daemon says that it is ready.
///
/// What a process does for the first time takes many times as long: types are looked up by name, code is read
/// in, files are opened. So a few questions about one series are answered for nobody, and the first client
/// after a restart waits for its own data only.
struct WarmUp {
    /// How long all of it may take, in milliseconds.
    private static let timeLimitMillis: Int64 = 500
    /// How far back ranges reach, in milliseconds.
    private static let rangeMillis: Int64 = 3_600_000
    /// The distance of steps, in milliseconds.
    private static let stepMillis: Int64 = 60_000

    private let context: APIContext
    private let backend: APIBackend
    private let budget: QueryBudget

    /// Asks all questions, as a query like others; one that fails is left out, because nobody waits for it.
    static func run(_ context: APIContext, _ backend: APIBackend) async {
        let work: @Sendable (QueryBudget) throws(APIError) -> Answer = { budget in
            WarmUp(context: context, backend: backend, budget: budget).answer()
        }
        // Without an idle thread in time, or on the way to a stop, nothing is warm, and nothing is wrong.
        _ = try? await context.queries.run(for: nil, nil, timeLimitMillis: timeLimitMillis, work)
    }

    /// The answer to the last question, which no client sees.
    ///
    /// What fails is left out here; who asks the same is told.
    private func answer() -> Answer {
        guard let (selector, time) = series() else { return .text("") }
        let rate = "rate(\(selector)[5m])"
        let expressions = [
            selector, "topk(1, sum by (job) (\(rate)))",
            "\(rate) > bool 0 or -avg_over_time(\(selector)[5m])",
            "histogram_quantile(0.9, sum by (le) (\(rate)))", "sum(\(selector)) / max(\(selector))",
        ]
        for text in expressions {
            // Whatever a label is, it is quoted.
            guard let expr = try? Parser.parse(text, limits: context.limits.current) else { continue }
            answerInstant(expr, text, time)
            answerRange(expr, text, time)
        }
        return answerLabels(selector)
    }

    /// A selector of one series, and the time of about its last sample; nil if there is no series.
    private func series() -> (selector: String, time: Timestamp)? {
        let request = LabelRequest(limit: 1)
        // What cannot be read is told to who asks for it.
        guard let labels = try? backend.source.series(request, budget: budget).items.first else { return nil }
        let matchers = labels.map { Matcher($0.name, .equal, $0.value) }
        // What is computed can take long.
        guard !backend.source.dependsOnHints(matchers) else { return nil }
        let texts = labels.map { "\(LabelText.quoted($0.name))=\(LabelText.quoted($0.value))" }
        let select = SelectRequest(matchers: matchers, range: .all)
        let set = try? backend.source.select(select, budget: budget)
        guard let set, set.count > 0 else { return nil }
        let bounds = try? set.bounds(of: 0)
        return ("{\(texts.joined(separator: ","))}", min(context.now(), bounds?.end ?? .max))
    }

    /// Answers an expression at one time; as `answer` says, what fails is left out.
    private func answerInstant(_ expr: Expr, _ text: String, _ time: Timestamp) {
        let answer = try? backend.engine().instant(
            expr,
            text: text,
            at: time,
            lookbackMillis: context.configuration.lookbackMillis,
            source: backend.source,
            budget: budget
        )
        if let answer { _ = QueryAnswerPieces.render(answer, nil) }
    }

    /// Answers an expression at several times, in the same way.
    private func answerRange(_ expr: Expr, _ text: String, _ time: Timestamp) {
        let answer = try? backend.engine().range(
            expr,
            text: text,
            start: time.advanced(byMillis: -WarmUp.rangeMillis),
            end: time,
            stepMillis: WarmUp.stepMillis,
            lookbackMillis: context.configuration.lookbackMillis,
            source: backend.source,
            budget: budget
        )
        if let answer { _ = QueryAnswerPieces.render(answer, nil) }
    }

    /// Answers questions about labels, in the same way.
    private func answerLabels(_ selector: String) -> Answer {
        let matchers = try? Parser.parseSelector(selector, limits: context.limits.current)
        let request = LabelRequest(selections: matchers.map { [$0] } ?? [], limit: 1)
        _ = try? backend.source.labelNames(request, budget: budget)
        _ = try? backend.source.labelValues(Labels.metricName, request, budget: budget)
        let series = try? backend.source.series(request, budget: budget)
        return .json(Envelope.success { json in for labels in series?.items ?? [] { json.labels(labels) } })
    }
}
