import Model
import PromQL
import Synchronization

/// The expressions that were answered lately and cost little, by their text.
///
/// What was cheap a moment ago is cheap now, for another time too: a query of such an expression is answered
/// on the thread of its connection, within bounds, in case it is not.
final class SmallQueries: Sendable {
    /// How long the evaluation of a small query takes at most.
    private static let longest = Duration.microseconds(500)
    /// How much larger than the one before a query may be, in steps.
    private static let growth: Int64 = 2
    /// The most bytes of the answer to a small query.
    static let answerByteCount = 256 << 10
    /// The most bytes of such an answer if it is to be compressed, which takes longer than all the rest.
    private static let compressedByteCount = 32 << 10
    /// How many expressions are known at most, and the longest text of one.
    private static let countLimit = 1024
    private static let textByteCount = 2048
    /// How often in a row a query has to be small again that was tried in vain, at most.
    private static let longestPenalty = 64

    private struct Key: Hashable {
        var text: ByteText
        var kind: QueryOrigin.Kind
    }

    private struct Entry {
        var expr: Expr
        var stepCount: Int64
        /// The bytes of the last answer.
        var byteCount: Int
        /// How often in a row it has to be small before it is tried again.
        var wait = 0
        var penalty = 0
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// The expression of `question` if that is likely to be small, and so is its answer if it is to be
    /// compressed.
    func expression(of question: QueryQuestion, isCompressed: Bool = false) -> Expr? {
        let key = Key(text: ByteText(question.text), kind: question.kind)
        return entries.withLock { entries in
            guard let entry = entries[key], entry.wait == 0,
                question.stepCount <= entry.stepCount * SmallQueries.growth,
                !isCompressed || entry.byteCount <= SmallQueries.compressedByteCount
            else { return nil }
            return entry.expr
        }
    }

    /// Notes what the evaluation of `expr` took, to which `question` was parsed, and its answer.
    func note(
        _ question: QueryQuestion,
        _ expr: Expr,
        _ answer: Answer,
        took: Duration,
        reading source: any SeriesSource
    ) {
        guard question.text.utf8.count <= SmallQueries.textByteCount else { return }
        let key = Key(text: ByteText(question.text), kind: question.kind)
        guard took <= SmallQueries.longest, case .bytes(let bytes) = answer.body,
            bytes.count <= SmallQueries.answerByteCount, expr.readsOnlyStored(of: source)
        else {
            entries.withLock { $0[key] = nil }
            return
        }
        entries.withLock { entries in
            guard var entry = entries[key] else {
                // Rather all at once than to keep a list of their last uses: they are back soon.
                if entries.count >= SmallQueries.countLimit { entries.removeAll(keepingCapacity: true) }
                entries[key] = Entry(expr: expr, stepCount: question.stepCount, byteCount: bytes.count)
                return
            }
            entry.wait = max(0, entry.wait - 1)
            (entry.stepCount, entry.byteCount) = (question.stepCount, bytes.count)
            entries[key] = entry
        }
    }

    /// Notes how long the evaluation took of a question that was taken for small and answered.
    func noteAnswered(_ question: QueryQuestion, took: Duration) {
        guard took > SmallQueries.longest * 2 else { return }
        let key = Key(text: ByteText(question.text), kind: question.kind)
        entries.withLock { $0[key] = nil }
    }

    /// Notes that `question` was not small after all.
    func noteMistake(_ question: QueryQuestion) {
        let key = Key(text: ByteText(question.text), kind: question.kind)
        entries.withLock { entries in
            guard var entry = entries[key] else { return }
            entry.penalty = min(SmallQueries.longestPenalty, entry.penalty * 2 + 1)
            entry.wait = entry.penalty
            entries[key] = entry
        }
    }
}
