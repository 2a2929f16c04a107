import Model
import Rules

/// The alerts of one name, as far as a receiver is concerned.
///
/// A value that is told of news and of the time; it says when a message is due and what is in it.
struct ReceiverGroup: Sendable {
    /// An alert and what the receiver knows of it.
    struct Entry: Sendable {
        var alert: AlertNotification
        /// Whether a message has told that it fires.
        var isToldFiring = false
    }

    /// The alerts' name.
    let name: String
    private let times: ReceiverSettings.Times
    private let tellsResolved: Bool
    /// The alerts that fire, and those of whose end nobody was told.
    private(set) var entries: [Labels: Entry] = [:]
    /// When the first alert came.
    let begin: Timestamp
    /// When the last message was sent.
    private(set) var lastSent: Timestamp?
    private var failureCount = 0
    private var retryAt: Timestamp?

    /// A group without alerts.
    init(name: String, _ settings: ReceiverSettings, at now: Timestamp) {
        self.name = name
        times = settings.times
        tellsResolved = settings.tellsResolved
        begin = now
    }

    /// What an earlier run of the daemon knew, as of `now`; nil if that is nothing any more.
    init?(_ record: ReceiverRecord, _ settings: ReceiverSettings, at now: Timestamp) {
        name = record.name
        times = settings.times
        tellsResolved = settings.tellsResolved
        begin = min(now, Timestamp(millis: record.begin))
        lastSent = record.lastSent.map { min(now, Timestamp(millis: $0)) }
        for (alert, isToldFiring) in record.alerts(at: now) {
            entries[alert.labels] = Entry(alert: alert, isToldFiring: isToldFiring)
        }
        if entries.isEmpty { return nil }
    }

    /// Whether there is nothing more to be told.
    var isEmpty: Bool { entries.isEmpty }

    /// Takes news of an alert.
    mutating func take(_ alert: AlertNotification) {
        let known = entries[alert.labels]
        if alert.isResolved, known == nil { return }
        // A message that is late must not undo the end of an alert.
        if let known, known.alert.startsAt > alert.startsAt { return }
        entries[alert.labels] = Entry(alert: alert, isToldFiring: known?.isToldFiring ?? false)
    }

    /// When `message` will have something to say; nil if only news can change that.
    func due(at now: Timestamp) -> Timestamp? {
        var due: Timestamp?
        if hasChanged(at: now) {
            due =
                lastSent.map { $0.advanced(byMillis: times.intervalMillis) }
                ?? begin.advanced(byMillis: times.waitMillis)
        } else if let lastSent, entries.values.contains(where: { !isOver($0, at: now) }) {
            // An alert that is not heard of any more is over at its end.
            let nextEnd = entries.values.map(\.alert.endsAt).filter { $0 > now }.min() ?? .max
            due = min(lastSent.advanced(byMillis: times.repeatMillis), nextEnd)
        }
        guard let due, let retryAt else { return due }
        return max(due, retryAt)
    }

    /// Forgets alerts that are over and of whose end nobody is to be told.
    mutating func prune(at now: Timestamp) {
        for (labels, entry) in entries
        where isOver(entry, at: now) && !(entry.isToldFiring && tellsResolved) { entries[labels] = nil }
    }

    /// What is to be told at `now`: the alerts that fire, and those that are over.
    func message(at now: Timestamp) -> [ReceiverAlert] {
        entries.values.map { ReceiverAlert($0.alert, isFiring: !isOver($0, at: now)) }
            .sorted { $0.alert.labels < $1.alert.labels }
    }

    /// Notes that a message with these alerts arrived, or will never arrive.
    mutating func confirm(_ message: [ReceiverAlert], at now: Timestamp) {
        for told in message {
            guard let entry = entries[told.alert.labels] else { continue }
            if told.isFiring {
                entries[told.alert.labels]?.isToldFiring = true
            } else if isOver(entry, at: now) {
                entries[told.alert.labels] = nil
            }
        }
        lastSent = now
        failureCount = 0
        retryAt = nil
    }

    /// Notes that a message could not be sent, and is to be tried again.
    mutating func fail(at now: Timestamp, _ backoff: Backoff) {
        failureCount += 1
        retryAt = now.advanced(byMillis: backoff.millis(afterFailures: failureCount))
    }

    private func isOver(_ entry: Entry, at now: Timestamp) -> Bool {
        entry.alert.isResolved || entry.alert.endsAt <= now
    }

    /// Whether there is something that the receiver does not know yet.
    func hasChanged(at now: Timestamp) -> Bool {
        entries.values.contains { entry in
            isOver(entry, at: now) ? entry.isToldFiring && tellsResolved : !entry.isToldFiring
        }
    }
}

/// An alert in a message.
struct ReceiverAlert: Hashable, Sendable {
    /// The alert.
    var alert: AlertNotification
    /// Whether it fires; otherwise it is over.
    var isFiring: Bool

    init(_ alert: AlertNotification, isFiring: Bool) {
        self.alert = alert
        self.isFiring = isFiring
    }
}
