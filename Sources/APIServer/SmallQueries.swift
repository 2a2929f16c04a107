import Model
import Synchronization

/// A question that may cost little, whatever time it is about.
protocol SmallQuestion<Parsed>: Sendable {
    /// What its text is parsed to.
    associatedtype Parsed: Sendable

    /// What is asked, for telemetry.
    var kind: QueryOrigin.Kind { get }
    /// What is asked, for telemetry.
    var text: String { get }
    /// What tells it from other questions of its kind, its times aside.
    var key: String { get }
    /// How much it asks for beside others of the same text, in a unit of its own, at least 1.
    var extent: Int64 { get }

    /// Whether all that it reads is stored, and nothing computed.
    static func readsOnlyStored(_ parsed: Parsed, of source: any SeriesSource) -> Bool

    /// Finds the answer, and writes it as far as it is made whole.
    ///
    /// - Parameters:
    ///   - parsed: What the text is parsed to.
    ///   - context: What requests share.
    ///   - backend: What is asked.
    ///   - budget: What that may use up.
    ///   - waited: How long the question has waited until now.
    /// - Returns: The answer, and how long it took to find it.
    /// - Throws: What the client is told instead.
    func answer(
        _ parsed: Parsed,
        _ context: APIContext,
        _ backend: APIBackend,
        _ budget: QueryBudget,
        waited: Duration
    ) throws(APIError) -> (answer: Answer, took: Duration)
}

/// How large small questions are.
enum SmallQuestionSize {
    /// How long the answer of a small question takes at most.
    static let longest = Duration.microseconds(500)
    /// How many times as much as the one before a question may ask for.
    static let growth: Int64 = 2
    /// The extent of questions without bounds.
    static let unboundedExtent = Int64.max / growth
    /// The most bytes of the answer to a small question.
    static let answerByteCount = 256 << 10
    /// The most bytes of such an answer if it is to be compressed, which takes longer than all the rest.
    static let compressedByteCount = 32 << 10
    /// How many questions are known at most, and the longest text of one.
    static let countLimit = 1024
    static let textByteCount = 2048
    /// How often in a row a question has to be small again that was tried in vain, at most.
    static let longestPenalty = 64
}

/// The questions that were answered lately and cost little, by their text.
///
/// What was cheap a moment ago is cheap now, for another time too: such a question is answered on the thread
/// of its connection, within bounds, in case it is not.
final class SmallQueries<Question: SmallQuestion>: Sendable {
    private struct Key: Hashable {
        var text: ByteText
        var kind: QueryOrigin.Kind

        init(_ question: Question) {
            text = ByteText(question.key)
            kind = question.kind
        }
    }

    private struct Entry {
        var parsed: Question.Parsed
        var extent: Int64
        /// The bytes of the last answer.
        var byteCount: Int
        /// How often in a row it has to be small before it is tried again.
        var wait = 0
        var penalty = 0
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// What `question` is parsed to if it is likely to be small, and so is its answer if that is to be
    /// compressed.
    func parsed(_ question: Question, isCompressed: Bool = false) -> Question.Parsed? {
        let key = Key(question)
        return entries.withLock { entries in
            guard let entry = entries[key], entry.wait == 0,
                question.extent <= entry.extent * SmallQuestionSize.growth,
                !isCompressed || entry.byteCount <= SmallQuestionSize.compressedByteCount
            else { return nil }
            return entry.parsed
        }
    }

    /// Notes how long the answer took of `question`, which was parsed to `parsed`.
    func note(
        _ question: Question,
        _ parsed: Question.Parsed,
        _ answer: Answer,
        took: Duration,
        reading source: any SeriesSource
    ) {
        guard question.key.utf8.count <= SmallQuestionSize.textByteCount else { return }
        let key = Key(question)
        guard took <= SmallQuestionSize.longest, case .bytes(let bytes) = answer.body,
            bytes.count <= SmallQuestionSize.answerByteCount, Question.readsOnlyStored(parsed, of: source)
        else {
            entries.withLock { $0[key] = nil }
            return
        }
        entries.withLock { entries in
            guard var entry = entries[key] else {
                // Rather all at once than to keep a list of their last uses: they are back soon.
                if entries.count >= SmallQuestionSize.countLimit { entries.removeAll(keepingCapacity: true) }
                entries[key] = Entry(parsed: parsed, extent: question.extent, byteCount: bytes.count)
                return
            }
            entry.wait = max(0, entry.wait - 1)
            (entry.extent, entry.byteCount) = (question.extent, bytes.count)
            entries[key] = entry
        }
    }

    /// Notes how long the answer took of a question that was taken for small and answered.
    func noteAnswered(_ question: Question, took: Duration) {
        guard took > SmallQuestionSize.longest * 2 else { return }
        let key = Key(question)
        entries.withLock { $0[key] = nil }
    }

    /// Notes that `question` was not small after all.
    func noteMistake(_ question: Question) {
        let key = Key(question)
        entries.withLock { entries in
            guard var entry = entries[key] else { return }
            entry.penalty = min(SmallQuestionSize.longestPenalty, entry.penalty * 2 + 1)
            entry.wait = entry.penalty
            entries[key] = entry
        }
    }
}
