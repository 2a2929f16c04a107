import Model
import PromQL

/// A question about series and their labels as a client asks it, its parameters read and checked.
struct LabelQuestion: Sendable {
    /// What is asked for.
    enum Subject: Hashable, Sendable {
        /// The label sets.
        case series
        /// The label names.
        case names
        /// The values of one label.
        case values(of: String)
    }

    /// What an answer says that a limit cut.
    static let truncationWarning = "results truncated due to limit"

    /// What is asked for.
    var subject: Subject
    /// The selectors; a series counts that satisfies any of them, all if there is none.
    var selectors: [String]
    /// Only series with samples in this range count.
    var range: TimeRange
    /// The most answers; nil for all.
    var limit: Int?

    /// The question about `subject` with these parameters.
    init(_ subject: Subject, _ parameters: Parameters) throws(APIError) {
        self.subject = subject
        selectors = parameters.all("match[]")
        if subject == .series, selectors.isEmpty { throw .badData("no match[] parameter provided") }
        let start = try parameters.time("start", or: .min)
        let end = try parameters.time("end", or: .max)
        limit = try parameters.limit()
        range = TimeRange(start, end)
    }

    /// The matchers of the selectors.
    func selections(_ limits: Limits) throws(APIError) -> [[Matcher]] {
        var selections: [[Matcher]] = []
        for text in selectors { selections.append(try LabelQuestion.selection(text, limits)) }
        return selections
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

extension LabelQuestion: SmallQuestion {
    /// What was asked, for telemetry.
    var kind: QueryOrigin.Kind { subject == .series ? .series : .labels }

    /// The selectors, for telemetry.
    var text: String { selectors.joined(separator: " ") }

    /// What tells it from other questions, its times and its limit aside.
    var key: String {
        let name =
            switch subject {
            case .series: "series"
            case .names: "names"
            case .values(let name): "values of \(name)"
            }
        // Whatever is in them: with their lengths no two lists of texts have the same key.
        return ([name] + selectors).map { "\($0.utf8.count) \($0)" }.joined()
    }

    /// The minutes that it asks about.
    var extent: Int64 {
        let (millis, overflow) = range.end.millis.subtractingReportingOverflow(range.start.millis)
        return overflow ? SmallQuestionSize.unboundedExtent : max(0, millis) / 60_000 + 1
    }

    static func readsOnlyStored(_ selections: [[Matcher]], of source: any SeriesSource) -> Bool {
        selections.allSatisfy { !source.dependsOnHints($0) }
    }

    func answer(
        _ selections: [[Matcher]],
        _ context: APIContext,
        _ backend: APIBackend,
        _ budget: QueryBudget,
        waited: Duration
    ) throws(APIError) -> (answer: Answer, took: Duration) {
        let began = ContinuousClock.now
        let request = LabelRequest(selections: selections, range: range, limit: limit)
        let source = backend.source
        let answer: Answer
        do throws(SourceError) {
            switch subject {
            case .series:
                let found = try source.series(request, budget: budget)
                answer = try LabelQuestion.answer(found, budget, size: { $0.packed.count + 64 }) {
                    $0.labels($1)
                }
            case .names:
                let found = try source.labelNames(request, budget: budget)
                answer = try LabelQuestion.answer(found, budget, size: { $0.utf8.count + 48 }) {
                    $0.string($1)
                }
            case .values(let name):
                let found = try source.labelValues(name, request, budget: budget)
                answer = try LabelQuestion.answer(found, budget, size: { $0.utf8.count + 48 }) {
                    $0.string($1)
                }
            }
        } catch {
            throw APIError(error)
        }
        return (answer, began.duration(to: .now))
    }

    private static func answer<Item>(
        _ found: LabelAnswer<Item>,
        _ budget: QueryBudget,
        size: (Item) -> Int,
        write: @escaping @Sendable (inout JSONWriter, Item) -> Void
    ) throws(SourceError) -> Answer {
        let warnings = found.warnings + (found.isTruncated ? [truncationWarning] : [])
        let memory = try HeldMemory.charge(found.items.reduce(0) { $0 + size($1) }, to: budget)
        return .json(ListPieces(found.items, warnings: warnings, memory, write: write))
    }
}
