import Model
import Testing

@testable import Storage

@Suite("Change history")
struct ChangeHistoryTests {
    private let minute: Int64 = 60_000

    private func time(_ minutes: Int64) -> Timestamp { Timestamp(millis: minutes * minute) }

    @Test("without a change all of time is as it was")
    func nothing() {
        let history = ChangeHistory()
        #expect(history.unchangedThrough(since: history.mark) == .max)
    }

    @Test("a change counts from the start of its minute on, for marks before it")
    func oneChange() {
        var history = ChangeHistory()
        let before = history.mark
        history.note(since: Timestamp(millis: 10 * minute + 1234))
        #expect(history.unchangedThrough(since: before) == Timestamp(millis: 10 * minute - 1))
        #expect(history.unchangedThrough(since: history.mark) == .max)
    }

    @Test("an old change does not hide behind newer ones, nor a late one")
    func order() {
        var history = ChangeHistory()
        let first = history.mark
        history.note(since: time(10))
        let second = history.mark
        history.note(since: time(20))
        let third = history.mark
        history.note(since: time(5))
        let fourth = history.mark
        history.note(since: time(30))
        #expect(history.unchangedThrough(since: first) == time(5).advanced(byMillis: -1))
        #expect(history.unchangedThrough(since: second) == time(5).advanced(byMillis: -1))
        #expect(history.unchangedThrough(since: third) == time(5).advanced(byMillis: -1))
        #expect(history.unchangedThrough(since: fourth) == time(30).advanced(byMillis: -1))
    }

    @Test("of very many changes the oldest are taken for one, on the safe side")
    func many() {
        var history = ChangeHistory()
        var marks: [UInt64] = []
        for minutes in 0..<5000 {
            marks.append(history.mark)
            history.note(since: time(Int64(minutes)))
        }
        for (minutes, mark) in marks.enumerated() {
            #expect(history.unchangedThrough(since: mark) < time(Int64(minutes)))
        }
        #expect(history.unchangedThrough(since: marks[4999]) == time(4999).advanced(byMillis: -1))
    }

    @Test("times before the epoch and the end of time")
    func edges() {
        var history = ChangeHistory()
        let mark = history.mark
        history.note(since: Timestamp(millis: -1))
        #expect(history.unchangedThrough(since: mark) == Timestamp(millis: -minute - 1))
        history.note(since: .min)
        #expect(history.unchangedThrough(since: mark) == .min)
    }
}
