/// A point in time in the proleptic Gregorian calendar, UTC.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
package struct CivilTime: Sendable {
    /// The year; may be far outside of four digits.
    package var year: Int64
    /// 1...12.
    package var month: Int64
    /// 1...31.
    package var day: Int64
    /// 1...366.
    package var dayOfYear: Int64
    /// 0 for Sunday to 6 for Saturday.
    package var dayOfWeek: Int64
    /// 0...23.
    package var hour: Int64
    /// 0...59.
    package var minute: Int64
    /// 0...59.
    package var second: Int64

    private static let daySeconds: Int64 = 86_400
    private static let eraDays: Int64 = 146_097

    /// The date and time `unixSeconds` after 1970-01-01T00:00:00Z; defined for every Int64.
    package init(unixSeconds: Int64) {
        var (days, inDay) = unixSeconds.quotientAndRemainder(dividingBy: CivilTime.daySeconds)
        if inDay < 0 {
            inDay += CivilTime.daySeconds
            days -= 1
        }
        hour = inDay / 3600
        minute = inDay / 60 % 60
        second = inDay % 60
        dayOfWeek = ((days % 7) + 11) % 7

        // Days since 0000-03-01, so that a leap day is the last day of its year.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - (CivilTime.eraDays - 1)) / CivilTime.eraDays
        let dayOfEra = shifted - era * CivilTime.eraDays
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let marchDay = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * marchDay + 2) / 153
        day = marchDay - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        dayOfYear = 0
        let isLeap = CivilTime.isLeap(year)
        dayOfYear = month <= 2 ? marchDay - 305 : marchDay + 60 + (isLeap ? 1 : 0)
    }

    /// The number of days in the month.
    var daysInMonth: Int64 {
        switch month {
        case 2: CivilTime.isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }
}
