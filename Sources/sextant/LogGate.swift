import Synchronization

/// Keeps the log from being flooded: a complaint that comes again and again is written ten times a minute,
/// and no more than a hundred lines are written in a second.
///
/// What is held back is counted and told of with the next line that is written.
final class LogGate: Sendable {
    /// How often the same complaint is written in a minute.
    static let linesPerMinute = 10
    /// How many lines are written in a second in all.
    static let linesPerSecond = 100
    /// The most different complaints that are told apart in a minute.
    private static let keyLimit = 1000

    /// What becomes of a line.
    struct Verdict: Hashable {
        /// Whether it is written.
        var isWritten: Bool
        /// How many lines were held back since the last one like it; told of if this one is written.
        var suppressedCount: Int
    }

    private struct Count {
        var minute: Int64
        var seen = 0
        var suppressed = 0
    }

    private struct State {
        var counts: [String: Count] = [:]
        var minute = Int64.min
        var second = Int64.min
        var writtenInSecond = 0
        /// Held back because of all lines together.
        var suppressedInAll = 0
        var total = 0
    }

    private let state = Mutex(State())

    /// How many lines were held back since the start.
    var suppressedCount: Int { state.withLock { $0.total } }

    /// Says whether a line with this message, made at `millis`, is written.
    func pass(_ message: String, atMillis millis: Int64) -> Verdict {
        // A complaint stays the same whatever numbers are in it.
        let key = String(decoding: message.utf8.filter { !(0x30...0x39).contains($0) }, as: UTF8.self)
        return state.withLock { state in
            let (minute, second) = (millis / 60_000, millis / 1000)
            if state.second != second {
                state.second = second
                state.writtenInSecond = 0
            }
            if state.minute != minute {
                state.minute = minute
                // Those with something to tell stay until they have told it, or for another minute.
                state.counts = state.counts.filter {
                    $0.value.suppressed > 0 && $0.value.minute == minute - 1
                }
            }
            var count = state.counts[key] ?? Count(minute: minute)
            if count.minute != minute {
                count.minute = minute
                count.seen = 0
            }
            count.seen += 1
            defer {
                if state.counts.count < LogGate.keyLimit || state.counts[key] != nil {
                    state.counts[key] = count
                }
            }
            guard count.seen <= LogGate.linesPerMinute else {
                count.suppressed += 1
                state.total += 1
                return Verdict(isWritten: false, suppressedCount: 0)
            }
            guard state.writtenInSecond < LogGate.linesPerSecond else {
                state.suppressedInAll += 1
                state.total += 1
                return Verdict(isWritten: false, suppressedCount: 0)
            }
            state.writtenInSecond += 1
            let suppressed = count.suppressed + state.suppressedInAll
            count.suppressed = 0
            state.suppressedInAll = 0
            return Verdict(isWritten: true, suppressedCount: suppressed)
        }
    }
}
