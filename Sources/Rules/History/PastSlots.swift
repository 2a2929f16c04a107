import Model

/// Consecutive slots of a group.
struct PastSlots: Hashable, Sendable {
    var first: Timestamp
    var count: Int
    var intervalMillis: Int64

    /// The slots of `schedule` from `start` to `end`; nil if there are none.
    init?(_ schedule: GroupSchedule, from start: Timestamp, through end: Timestamp) {
        let atOrBefore = schedule.slot(atOrBefore: start)
        let first = atOrBefore == start ? start : atOrBefore.advanced(byMillis: schedule.intervalMillis)
        let (span, overflow) = end.millis.subtractingReportingOverflow(first.millis)
        guard !overflow, span >= 0 else { return nil }
        self.init(first: first, count: Int(span / schedule.intervalMillis) + 1, schedule.intervalMillis)
    }

    private init(first: Timestamp, count: Int, _ intervalMillis: Int64) {
        self.first = first
        self.count = count
        self.intervalMillis = intervalMillis
    }

    /// The slot at `index`, counted from 0.
    func slot(_ index: Int) -> Timestamp { first.advanced(byMillis: Int64(index) * intervalMillis) }

    /// The last slot.
    var last: Timestamp { slot(count - 1) }

    /// The part from `index` on with at most `count` slots; nil behind the end.
    func part(from index: Int, count: Int) -> PastSlots? {
        guard index < self.count else { return nil }
        return PastSlots(first: slot(index), count: min(count, self.count - index), intervalMillis)
    }

    /// The index of the slot that is `millis`, if one is.
    func index(ofMillis millis: Int64) -> Int? {
        let (distance, overflow) = millis.subtractingReportingOverflow(first.millis)
        guard !overflow, distance >= 0, distance % intervalMillis == 0,
            distance / intervalMillis < Int64(count)
        else {
            return nil
        }
        return Int(distance / intervalMillis)
    }
}
