import Model

/// A way to cut time into buckets.
package enum Period: Hashable, Sendable {
    case hour, day, week, month, quarter, year
    /// Three civil months counted from the beginning of the fiscal year.
    case fiscalQuarter
    /// A year that begins on the calendar's date.
    case fiscalYear
    /// One of the calendar's own periods, such as `sprint`.
    case named(String)

    /// The periods that every calendar has, in order of length.
    static let common: [Period] = [.hour, .day, .week, .month, .quarter, .year]

    /// The name by which it is asked for.
    package var name: String {
        switch self {
        case .hour: "hour"
        case .day: "day"
        case .week: "week"
        case .month: "month"
        case .quarter: "quarter"
        case .year: "year"
        case .fiscalQuarter: "fiscal_quarter"
        case .fiscalYear: "fiscal_year"
        case .named(let name): name
        }
    }
}

/// One span of time of a period, half-open; times are milliseconds since the epoch.
package struct Bucket: Hashable, Sendable {
    /// The first instant.
    package var start: Int64
    /// The first instant behind it.
    package var end: Int64

    /// The span from `start` to before `end`.
    package init(start: Int64, end: Int64) {
        self.start = start
        self.end = end
    }

    /// Whether `millis` lies in it.
    package func contains(_ millis: Int64) -> Bool { start <= millis && millis < end }
}

/// A span that moves with time.
package enum Window: Hashable, Sendable {
    /// Elapsed time in milliseconds, as in `7d` or `604800s`.
    case elapsed(Int64)
    /// A number of local dates, as in `7 days`.
    case days(Int)

    /// The most local dates that a window may have.
    static let mostDays = 36_600
    /// The most elapsed time that a window may have, in milliseconds.
    static let mostMillis = Int64(mostDays) * 86_400_000

    /// The window that `text` stands for, or nil.
    package init?(_ text: String) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        if words.count == 2, words[1] == "days" || words[1] == "day" {
            guard words[0].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let count = Int(words[0]),
                (1...Window.mostDays).contains(count)
            else { return nil }
            self = .days(count)
        } else {
            guard let millis = DurationText.parse(text), millis > 0, millis <= Window.mostMillis else {
                return nil
            }
            self = .elapsed(millis)
        }
    }
}
