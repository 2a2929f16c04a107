import Model

/// When a group is evaluated: at slots, which lie one interval apart and are shifted by the group's offset.
///
/// The offset spreads groups over the interval and is always the same for a group, so that its samples lie at
/// the same times whenever the daemon was started.
struct GroupSchedule: Hashable, Sendable {
    /// The time between two slots in milliseconds, at least 1.
    let intervalMillis: Int64
    /// How far slots lie behind the multiples of the interval, in 0..<intervalMillis.
    let offsetMillis: Int64

    /// The schedule of the group `name` of the file at the path `file`.
    init(file: String, name: String, intervalMillis: Int64) {
        self.intervalMillis = max(1, intervalMillis)
        let hash = GroupSchedule.hash(file: file, name: name)
        offsetMillis = Int64(truncatingIfNeeded: hash % UInt64(self.intervalMillis))
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

    /// FNV-1a over file, a byte that is in no UTF-8 text, and name.
    private static func hash(file: String, name: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        for byte in file.utf8 { add(byte) }
        add(0xff)
        for byte in name.utf8 { add(byte) }
        return hash
    }
}
