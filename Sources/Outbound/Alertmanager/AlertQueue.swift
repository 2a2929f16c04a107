import Model
import Rules

/// Alerts that wait to be sent, the oldest first, of each only what is known last.
///
/// An alert is told of again and again as long as it fires. During an outage the queue would fill with
/// repetitions; so one that waits is replaced by what comes later, at its place in the queue.
struct AlertQueue: Sendable {
    /// How long a resolved alert is still of interest, in milliseconds; as long as rules repeat it.
    private static let resolvedMillis: Int64 = 15 * 60_000

    /// What tells one episode of an alert from another.
    private struct Key: Hashable {
        var labels: Labels
        var startsAt: Timestamp

        init(_ alert: AlertNotification) {
            labels = alert.labels
            startsAt = alert.startsAt
        }
    }

    /// The most alerts that can wait.
    let capacity: Int
    private var waiting: [Key: AlertNotification] = [:]
    /// Keys in order from `head` on; those before it are gone.
    private var order: [Key] = []
    private var head = 0

    /// An empty queue.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// How many alerts wait.
    var count: Int { waiting.count }

    /// Adds alerts and returns how many of the oldest had to go for them.
    mutating func append(_ alerts: [AlertNotification]) -> Int {
        for alert in alerts {
            let key = Key(alert)
            if waiting.updateValue(alert, forKey: key) == nil { order.append(key) }
        }
        return dropOldest()
    }

    /// Takes the oldest alerts, at most so many.
    mutating func take(_ limit: Int) -> [AlertNotification] {
        var taken: [AlertNotification] = []
        while taken.count < limit, head < order.count {
            if let alert = waiting.removeValue(forKey: order[head]) { taken.append(alert) }
            head += 1
        }
        if head > 1024, head * 2 > order.count {
            order.removeFirst(head)
            head = 0
        }
        return taken
    }

    /// Puts alerts back that could not be sent, but for those of which there is news, and returns how many
    /// of the oldest had to go.
    mutating func putBack(_ alerts: [AlertNotification]) -> Int {
        let old = alerts.filter { waiting[Key($0)] == nil }
        for alert in old { waiting[Key(alert)] = alert }
        order.replaceSubrange(..<head, with: old.map(Key.init))
        head = 0
        return dropOldest()
    }

    /// Drops alerts that say nothing any more at `now`, and returns how many those were: firing ones whose
    /// end has come without a repetition, and resolved ones that ended long ago.
    mutating func dropMoot(at now: Timestamp) -> Int {
        let moot = order[head...].filter { key in
            guard let alert = waiting[key] else { return false }
            let until =
                alert.isResolved ? alert.endsAt.advanced(byMillis: AlertQueue.resolvedMillis) : alert.endsAt
            return until <= now
        }
        guard !moot.isEmpty else { return 0 }
        for key in moot { waiting[key] = nil }
        order = order[head...].filter { waiting[$0] != nil }
        head = 0
        return moot.count
    }

    private mutating func dropOldest() -> Int {
        let excess = waiting.count - capacity
        return excess > 0 ? take(excess).count : 0
    }
}
