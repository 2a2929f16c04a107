/// How a business cuts time: a zone, the beginning of weeks and fiscal years, and periods of its own.
package struct Calendar: Hashable, Sendable {
    /// A period of a fixed number of local days.
    package struct Cycle: Hashable, Sendable {
        /// Its name.
        package var name: String
        /// How many local dates it has.
        package var dayCount: Int
        /// A date on which one of its buckets begins.
        package var anchor: CivilDate

        /// A period called `name` of `dayCount` dates, one of which begins at `anchor`.
        package init(name: String, dayCount: Int, anchor: CivilDate) {
            self.name = name
            self.dayCount = dayCount
            self.anchor = anchor
        }
    }

    /// Its name in the definitions; empty for the default one.
    package var name: String
    /// The time zone.
    package var zone: TimeZoneRules
    /// The weekday on which weeks begin, 0 for Monday to 6 for Sunday.
    package var weekStart: Int
    /// Month and day on which fiscal years begin; nil if the calendar has none.
    package var fiscalStart: FiscalStart?
    /// Its own periods, in the order of declaration.
    package var cycles: [Cycle]

    /// The beginning of fiscal years.
    package struct FiscalStart: Hashable, Sendable {
        /// The month, 1...12.
        package var month: Int
        /// The day of the month.
        package var day: Int

        /// The date of each year on which the fiscal year begins.
        package init(month: Int, day: Int) {
            self.month = month
            self.day = day
        }
    }

    /// A calendar; without arguments UTC with weeks from Monday.
    package init(
        name: String = "",
        zone: TimeZoneRules = .utc,
        weekStart: Int = 0,
        fiscalStart: FiscalStart? = nil,
        cycles: [Cycle] = []
    ) {
        self.name = name
        self.zone = zone
        self.weekStart = weekStart
        self.fiscalStart = fiscalStart
        self.cycles = cycles
    }

    /// The periods it has.
    package var periods: [Period] {
        Period.common + (fiscalStart == nil ? [] : [.fiscalQuarter, .fiscalYear])
            + cycles.map { .named($0.name) }
    }

    /// The period called `name`, or nil.
    package func period(named name: String) -> Period? {
        periods.first { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// This calendar in another zone; weeks, anchors and fiscal year stay.
    package func moved(to zone: TimeZoneRules) -> Calendar {
        var moved = self
        moved.zone = zone
        return moved
    }

    // MARK: - Buckets

    /// The bucket of `period` that holds the instant `millis`.
    package func bucket(_ period: Period, containing millis: Int64) -> Bucket {
        let instant = Calendar.bounded(millis.floored(by: 1000))
        if period == .hour { return hour(containing: instant) }
        var first = firstDate(of: period, holding: zone.day(containing: instant).date)
        while true {
            let next = nextFirstDate(of: period, after: first)
            let end = zone.start(of: next)
            // A period of single days whose date the zone skips is empty.
            if end > instant { return Bucket(start: zone.start(of: first) * 1000, end: end * 1000) }
            first = next
        }
    }

    /// The bucket behind `bucket`.
    package func next(_ period: Period, after bucket: Bucket) -> Bucket {
        self.bucket(period, containing: bucket.end)
    }

    /// The bucket so many before `bucket`; behind it if `count` is negative.
    package func bucket(_ period: Period, before bucket: Bucket, by count: Int) -> Bucket {
        var moved = bucket
        for _ in 0..<Swift.max(0, count) { moved = self.bucket(period, containing: moved.start - 1) }
        for _ in 0..<Swift.max(0, -count) { moved = next(period, after: moved) }
        return moved
    }

    /// The fewest buckets whose first holds `start` and whose last ends at or behind `end`; nil if there are
    /// more than `limit`.
    ///
    /// If both are the same that is one bucket.
    package func cover(_ period: Period, from start: Int64, to end: Int64, limit: Int) -> [Bucket]? {
        var buckets = [bucket(period, containing: start)]
        while let last = buckets.last, last.end < end {
            guard buckets.count < limit else { return nil }
            let following = next(period, after: last)
            // The end of the times that can be told.
            guard following.end > last.end else { break }
            buckets.append(following)
        }
        return buckets
    }

    /// How many local days begin in the range.
    package func dayCount(from start: Int64, to end: Int64) -> Int {
        var day = bucket(.day, containing: start)
        if day.start < start { day = next(.day, after: day) }
        // Dates differ by as many days as begin, unless the zone skipped one of them.
        var count = 0
        while day.start < end {
            count += 1
            let following = next(.day, after: day)
            guard following.start > day.start else { break }
            day = following
        }
        return count
    }

    /// The range of `window` that ends with the bucket or instant range that ends at `end`.
    ///
    /// A window of dates ends with the whole date of the instant just before `end`.
    package func range(of window: Window, endingAt end: Int64) -> Bucket {
        switch window {
        case .elapsed(let millis): return Bucket(start: end - millis, end: end)
        case .days(let count):
            let last = bucket(.day, containing: end - 1)
            return Bucket(start: bucket(.day, before: last, by: count - 1).start, end: last.end)
        }
    }

    // MARK: - Dates

    private func hour(containing instant: Int64) -> Bucket {
        let segment = zone.segment(at: instant)
        let start = (instant + segment.offset).floored(by: 3600) * 3600 - segment.offset
        return Bucket(
            start: Swift.max(start, segment.start ?? .min) * 1000,
            end: Swift.min(start + 3600, segment.end ?? .max) * 1000
        )
    }

    /// The first date of the bucket that `date` lies in.
    private func firstDate(of period: Period, holding date: CivilDate) -> CivilDate {
        switch period {
        case .hour, .day: return date
        case .week: return date.adding(days: -CivilDate.remainder(date.weekday - weekStart, 7))
        case .month: return date.monthStart()
        case .quarter: return date.monthStart(movedBy: -((date.components.month - 1) % 3))
        case .year: return date.monthStart(movedBy: 1 - date.components.month)
        case .fiscalYear, .fiscalQuarter:
            let step = period == .fiscalYear ? 12 : 3
            // The bucket that holds the date begins at most one fiscal year before the next 1 January.
            var count = 24 / step
            var first = fiscalDate(date.components.year - 1, months: count * step)
            while first > date {
                count -= 1
                first = fiscalDate(date.components.year - 1, months: count * step)
            }
            return first
        case .named(let name):
            guard let cycle = cycle(name) else { return date }
            let behind = CivilDate.remainder(date.dayNumber - cycle.anchor.dayNumber, cycle.dayCount)
            return date.adding(days: -behind)
        }
    }

    /// The first date of the bucket behind the one that begins at `first`.
    private func nextFirstDate(of period: Period, after first: CivilDate) -> CivilDate {
        switch period {
        case .hour, .day: return first.adding(days: 1)
        case .week: return first.adding(days: 7)
        case .month: return first.monthStart(movedBy: 1)
        case .quarter: return first.monthStart(movedBy: 3)
        case .year: return first.monthStart(movedBy: 12)
        case .fiscalYear, .fiscalQuarter:
            let step = period == .fiscalYear ? 12 : 3
            var count = 0
            while fiscalDate(first.components.year - 1, months: count * step) <= first { count += 1 }
            return fiscalDate(first.components.year - 1, months: count * step)
        case .named(let name): return first.adding(days: cycle(name)?.dayCount ?? 1)
        }
    }

    /// The date so many months behind the beginning of the fiscal year that begins in `year`.
    private func fiscalDate(_ year: Int, months: Int) -> CivilDate {
        let start = fiscalStart ?? FiscalStart(month: 1, day: 1)
        return .clamped(year: year, month: start.month + months, day: start.day)
    }

    private func cycle(_ name: String) -> Cycle? {
        cycles.first { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// `instant`, seconds, within the times that dates are worked out for.
    private static func bounded(_ instant: Int64) -> Int64 {
        Swift.min(Swift.max(instant, -200_000_000_000), 200_000_000_000)
    }
}

extension Calendar {
    /// The instant `millis` as the zone's clock shows it, such as `2018-04-05T00:00:00+02:00`.
    package func text(of millis: Int64) -> String {
        let instant = millis.floored(by: 1000)
        let offset = zone.segment(at: instant).offset
        let local = instant + offset
        let date = CivilDate(dayNumber: Int(local.floored(by: 86_400)))
        let second = Int(local - local.floored(by: 86_400) * 86_400)
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let clock = [second / 3600, second / 60 % 60, second % 60].map(padded).joined(separator: ":")
        let minutes = Int(offset.magnitude / 60)
        let shown =
            offset == 0
            ? "Z" : "\(offset < 0 ? "-" : "+")\(padded(minutes / 60)):\(padded(minutes % 60))"
        return "\(date)T\(clock)\(shown)"
    }
}
