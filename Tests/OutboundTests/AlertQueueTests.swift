import Model
import Rules
import Testing

@testable import Outbound

@Suite struct AlertQueueTests {
    private func names(_ alerts: [AlertNotification]) -> [String] {
        alerts.map { $0.labels["alertname"] ?? "" }
    }

    @Test("Alerts go in the order they came, in batches")
    func order() {
        var queue = AlertQueue(capacity: 10)
        #expect(queue.append([AlertNotification("a"), AlertNotification("b"), AlertNotification("c")]) == 0)
        #expect(names(queue.take(2)) == ["a", "b"])
        #expect(queue.append([AlertNotification("d")]) == 0)
        #expect(queue.count == 2)
        #expect(names(queue.take(9)) == ["c", "d"])
        #expect(queue.take(9).isEmpty)
    }

    @Test("An alert that waits is replaced by news of it, at its place; a new episode waits beside it")
    func news() {
        var queue = AlertQueue(capacity: 10)
        _ = queue.append([AlertNotification("a"), AlertNotification("b")])
        _ = queue.append([AlertNotification("a", until: 1300, isResolved: true)])
        _ = queue.append([AlertNotification("a", from: 1310, until: 1500)])
        let taken = queue.take(9)
        #expect(names(taken) == ["a", "b", "a"])
        #expect(taken.map(\.isResolved) == [true, false, false])
    }

    @Test("What is put back comes first again, unless there is news of it")
    func putBack() {
        var queue = AlertQueue(capacity: 10)
        _ = queue.append([AlertNotification("a"), AlertNotification("b"), AlertNotification("c")])
        let batch = queue.take(2)
        _ = queue.append([AlertNotification("b", until: 9000), AlertNotification("d")])
        #expect(queue.putBack(batch) == 0)
        let taken = queue.take(9)
        #expect(names(taken) == ["a", "c", "b", "d"])
        #expect(taken[2].endsAt == Timestamp(millis: 9_000_000))
    }

    @Test("The oldest go when there are too many, and are counted")
    func overflow() {
        var queue = AlertQueue(capacity: 3)
        #expect(queue.append((0..<5).map { AlertNotification("n\($0)") }) == 2)
        let batch = queue.take(2)
        #expect(names(batch) == ["n2", "n3"])
        #expect(queue.append([AlertNotification("n5")]) == 0)
        #expect(queue.putBack(batch) == 1)
        #expect(names(queue.take(9)) == ["n3", "n4", "n5"])
    }

    @Test("Firing alerts are moot at their end, resolved ones a quarter of an hour later")
    func moot() {
        var queue = AlertQueue(capacity: 10)
        _ = queue.append([
            AlertNotification("a", until: 1240), AlertNotification("b", until: 1241),
            AlertNotification("c", until: 341, isResolved: true),
            AlertNotification("d", until: 340, isResolved: true),
        ])
        #expect(queue.dropMoot(at: Timestamp(millis: 1_240_000)) == 2)
        #expect(names(queue.take(9)) == ["b", "c"])
        #expect(queue.dropMoot(at: .max) == 0)
    }

    @Test("A queue that is used for long stays right")
    func long() {
        var queue = AlertQueue(capacity: 10_000)
        var (next, expected) = (0, 0)
        for round in 0..<2000 {
            let count = round % 7
            _ = queue.append((next..<next + count).map { AlertNotification("n\($0)") })
            next += count
            let batch = queue.take(round % 5 + 1)
            if round % 11 == 0 {
                #expect(queue.putBack(batch) == 0)
            } else {
                for alert in batch {
                    #expect(alert.labels["alertname"] == "n\(expected)")
                    expected += 1
                }
            }
        }
        #expect(queue.count == next - expected)
    }
}
