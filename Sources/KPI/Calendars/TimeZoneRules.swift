/// The offsets of a time zone from UTC over all time; all times here are in seconds since the epoch.
package struct TimeZoneRules: Hashable, Sendable {
    /// The IANA name.
    package let name: String
    /// The instants at which the offset changes, rising strictly.
    let changes: [Int64]
    /// The offset before the first change, then the one after each; in seconds, east is positive.
    let offsets: [Int64]

    /// The zone without offset.
    package static let utc = TimeZoneRules(name: "UTC", changes: [], offsets: [0])

    /// A zone of these offsets, one more than there are changes; a change to the same offset is left out.
    init(name: String, changes: [Int64], offsets: [Int64]) {
        precondition(
            offsets.count == changes.count + 1,
            "BUG: offsets and changes do not belong together"
        )
        var kept: [Int64] = []
        var keptOffsets = [offsets[0]]
        for (index, change) in changes.enumerated() where offsets[index + 1] != keptOffsets[kept.count] {
            kept.append(change)
            keptOffsets.append(offsets[index + 1])
        }
        self.name = name
        self.changes = kept
        self.offsets = keptOffsets
    }

    /// A span of time with one offset; `start` and `end` are nil at the ends of all time.
    struct Segment: Hashable {
        var start: Int64?
        var end: Int64?
        var offset: Int64
    }

    /// The span that holds `instant`.
    func segment(at instant: Int64) -> Segment { segment(segmentIndex(at: instant)) }

    /// The first instant at which the zone's clock shows `date` or a later one.
    ///
    /// Without a midnight that is the first instant of the date; if the zone skips the date it is that of the
    /// next one.
    package func start(of date: CivilDate) -> Int64 {
        let midnight = Int64(date.dayNumber) * 86_400
        // No clock is further from UTC than this.
        var index = segmentIndex(at: midnight - 2 * 86_400)
        while true {
            let segment = segment(index)
            guard let end = segment.end, end + segment.offset <= midnight else {
                return max(segment.start ?? .min, midnight - segment.offset)
            }
            index += 1
        }
    }

    /// The first instant at which the zone's clock shows the full `hour` (0 to 23) of `date`; nil if it never
    /// does.
    package func start(ofHour hour: Int, of date: CivilDate) -> Int64? {
        let local = Int64(date.dayNumber) * 86_400 + Int64(hour) * 3600
        var index = segmentIndex(at: local - 2 * 86_400)
        while true {
            let segment = segment(index)
            let instant = local - segment.offset
            if let start = segment.start, instant < start { return nil }
            guard let end = segment.end, instant >= end else { return instant }
            index += 1
        }
    }

    /// The local day that holds `instant`: its date, its first instant, and the first one of the next day.
    package func day(containing instant: Int64) -> (date: CivilDate, start: Int64, end: Int64) {
        let local = instant + segment(at: instant).offset
        var date = CivilDate(dayNumber: Int(local.floored(by: 86_400)))
        var (start, end) = (start(of: date), start(of: date.adding(days: 1)))
        // A clock that was set back over midnight shows an earlier date again.
        while end <= instant {
            date = date.adding(days: 1)
            (start, end) = (end, self.start(of: date.adding(days: 1)))
        }
        return (date, start, end)
    }

    private func segment(_ index: Int) -> Segment {
        Segment(
            start: index > 0 ? changes[index - 1] : nil,
            end: index < changes.count ? changes[index] : nil,
            offset: offsets[index]
        )
    }

    /// The number of changes at or before `instant`.
    private func segmentIndex(at instant: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle] <= instant { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

extension Int64 {
    /// The quotient by a positive `divisor`, rounded towards minus infinity.
    func floored(by divisor: Int64) -> Int64 {
        let (quotient, rest) = quotientAndRemainder(dividingBy: divisor)
        return rest < 0 ? quotient - 1 : quotient
    }
}
