import Model

/// When a group is evaluated: at slots, which lie one interval apart and are shifted by the group's offset.
///
/// The offset spreads groups over the interval and is always the same for a group, so that its samples lie at
/// the same times whenever the daemon was started. It is the one that Prometheus gives to a group of that
/// name in a file of that path: who moves from there to here gets the samples at the same times.
struct GroupSchedule: Hashable, Sendable {
    /// The time between two slots in milliseconds, at least 1.
    let intervalMillis: Int64
    /// How far slots lie behind the multiples of the interval, in 0..<intervalMillis.
    let offsetMillis: Int64

    /// How long after a slot its evaluation may begin, in milliseconds.
    ///
    /// Groups whose slots are near to each other are evaluated together then, which spares wakings, changes
    /// of threads and syncs. The times of their samples are those of the slots all the same.
    var slackMillis: Int64 { min(500, intervalMillis / 30) }

    /// The schedule of the group `name` of the file at the path `file`.
    init(file: String, name: String, intervalMillis: Int64) {
        self.intervalMillis = max(1, intervalMillis)
        let (nanos, overflow) = UInt64(self.intervalMillis).multipliedReportingOverflow(by: 1_000_000)
        let offsetNanos = GroupSchedule.hash(file: file, name: name) % (overflow ? .max : nanos)
        offsetMillis = Int64(offsetNanos / 1_000_000)
    }

    /// The schedule that has `slot` among its slots.
    init(intervalMillis: Int64, slot: Timestamp) {
        self.intervalMillis = max(1, intervalMillis)
        offsetMillis = slot.millis - slot.floored(toMillis: self.intervalMillis).millis
    }

    /// The last slot that is not after `time`.
    func slot(atOrBefore time: Timestamp) -> Timestamp {
        time.advanced(byMillis: -offsetMillis).floored(toMillis: intervalMillis).advanced(
            byMillis: offsetMillis
        )
    }

    /// The first slot after `time`.
    func slot(after time: Timestamp) -> Timestamp {
        slot(atOrBefore: time).advanced(byMillis: intervalMillis)
    }

    /// The slot to evaluate once `slot` is done, and how many were missed in between.
    ///
    /// That is the next one, or the last one that has come up if evaluation took longer than the interval.
    func next(after slot: Timestamp, now: Timestamp) -> (slot: Timestamp, missedCount: Int) {
        let following = slot.advanced(byMillis: intervalMillis)
        guard now >= following.advanced(byMillis: intervalMillis) else { return (following, 0) }
        let current = self.slot(atOrBefore: now)
        let (missedMillis, overflow) = current.millis.subtractingReportingOverflow(following.millis)
        return (current, Int(overflow ? .max : missedMillis / intervalMillis))
    }

    /// `slot`, or the first slot after `now` if `slot` lies so far ahead that the clock must have been set
    /// back.
    func reachable(_ slot: Timestamp, now: Timestamp) -> Timestamp {
        let horizon = now.advanced(byMillis: intervalMillis).advanced(byMillis: intervalMillis)
        return slot > horizon ? self.slot(after: now) : slot
    }

    /// Prometheus's hash of the labels `file` and `name`: that of their names and values, each behind its
    /// length.
    private static func hash(file: String, name: String) -> UInt64 {
        var bytes: [UInt8] = []
        for text in ["file", file, "name", name] {
            let count = text.utf8.count
            if count < 255 {
                bytes.append(UInt8(count))
            } else {
                bytes.append(255)
                for shift in [0, 8, 16] { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
            }
            bytes.append(contentsOf: text.utf8)
        }
        return XXHash64.hash(bytes)
    }
}
