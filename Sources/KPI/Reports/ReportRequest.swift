import Model

/// A question about KPIs, metrics or funnels over a range of time.
package struct ReportRequest: Sendable {
    /// The names asked for; empty: all.
    package var names: [String] = []
    /// The first instant wanted, in milliseconds; nil: where the data begin.
    package var start: Int64?
    /// Where the range ends, in milliseconds; nil: now.
    package var end: Int64?
    /// The first instant as text, for those who know the calendar only later; a date begins in its zone.
    package var startText: String?
    /// Where the range ends as text.
    package var endText: String?
    /// The period of the buckets; nil: the default one.
    package var period: String?
    /// The time zone in place of the calendar's.
    package var timezone: String?
    /// The window that each value covers in place of its bucket.
    package var window: String?
    /// The label to break down by.
    package var label: String?
    /// The version of the definitions.
    package var version: Int?
    /// The most buckets of an answer.
    package var bucketLimit = Limits.default.pointsPerSeries

    /// A question about everything.
    package init() {}
}

/// The buckets of an answer.
package struct ReportFrames: Sendable {
    /// The calendar they go by.
    package var calendar: Calendar
    /// The period.
    package var period: Period
    /// The buckets, one after the other; never empty.
    package var buckets: [Bucket]
    /// What each value is about.
    package var frames: [Frame]
    /// What the aggregate is about.
    package var aggregate: Frame
    /// What the reader should know.
    package var warnings: [String]
}

extension ReportRequest {
    /// The buckets of the answer.
    ///
    /// - Parameters:
    ///   - calendars: Those of what is asked for, in order.
    ///   - defaults: The default periods of what is asked for; nil where there are none.
    ///   - oldest: Where the data begin.
    ///   - now: The time.
    ///   - zones: The time zones that there are.
    /// - Returns: The fewest buckets that cover the range.
    /// - Throws: What is wrong with the request.
    func frames(
        calendars: [Calendar],
        defaults: [Period]?,
        oldest: Int64?,
        now: Int64,
        zones: TimeZones
    ) throws(ReportError) -> ReportFrames {
        var warnings: [String] = []
        let period: Period
        var calendar = calendars.first ?? Calendar()
        if let name = self.period {
            guard let owner = (calendars + [Calendar()]).first(where: { $0.period(named: name) != nil }),
                let found = owner.period(named: name)
            else { throw .unknown(.period, name, among: calendars.flatMap { $0.periods.map(\.name) }) }
            period = found
            calendar = owner
        } else if let defaults, let first = defaults.first, defaults.allSatisfy({ $0 == first }),
            calendar.periods.contains(first)
        {
            period = first
        } else {
            period = .day
            if let defaults, Set(defaults).count > 1 {
                warnings.append("the KPIs have different default periods; the answer is by day")
            }
        }
        if let name = timezone {
            guard let zone = zones.zone(named: name) else {
                throw .unknown(.timezone, name, among: zones.names)
            }
            calendar = calendar.moved(to: zone)
        } else if calendars.contains(where: { $0.zone.name != calendar.zone.name }) {
            warnings.append(
                "the KPIs have calendars of different time zones; the answer is in \(calendar.zone.name)"
            )
        }
        let end = try instant(endText, calendar) ?? self.end ?? now
        let start = try instant(startText, calendar) ?? self.start ?? min(oldest ?? end, end)
        guard start <= end else {
            throw .bad(
                "start_timestamp \(ReportRequest.seconds(start)) is after end_timestamp \(ReportRequest.seconds(end))"
            )
        }
        guard let buckets = calendar.cover(period, from: start, to: end, limit: bucketLimit) else {
            throw .bad(
                "the range has more than \(bucketLimit) buckets of the period \(period.name); "
                    + "ask for a coarser period" + coarser(than: period)
            )
        }
        return ReportFrames(
            calendar: calendar,
            period: period,
            buckets: buckets,
            frames: try frames(buckets, period, calendar),
            aggregate: Frame(
                .buckets(period, first: buckets[0], last: buckets[buckets.count - 1]),
                in: calendar
            ),
            warnings: warnings
        )
    }

    private func frames(_ buckets: [Bucket], _ period: Period, _ calendar: Calendar) throws(ReportError)
        -> [Frame]
    {
        guard let text = window else { return buckets.map { Frame(period, $0, in: calendar) } }
        guard let window = Window(text) else {
            throw .bad(
                "window \(LabelText.quoted(text)) is neither elapsed time such as 7d nor local dates such as 7 days"
            )
        }
        return buckets.map { Frame(.windowOfBucket(window, period, $0), in: calendar) }
    }

    private func instant(_ text: String?, _ calendar: Calendar) throws(ReportError) -> Int64? {
        guard let text else { return nil }
        guard let millis = InstantText.millis(text, in: calendar.zone) else {
            throw .bad("\(LabelText.quoted(text)) is no time such as 2026-03-02 or 2026-03-02T10:00:00Z")
        }
        return millis
    }

    private func coarser(than period: Period) -> String {
        let order: [Period] = [.hour, .day, .week, .month, .quarter, .year]
        guard let index = order.firstIndex(of: period), index + 1 < order.count else { return "" }
        return ", such as \(order[index + 1].name)"
    }

    private static func seconds(_ millis: Int64) -> String { ValueText.format(Double(millis) / 1000) }
}
