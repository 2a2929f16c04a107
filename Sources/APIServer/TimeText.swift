import Model

/// Points in time as the HTTP API reads and writes them: RFC 3339, or seconds since the epoch.
package enum TimeText {
    /// The farthest times that are taken from outside, about 146 million years either way.
    ///
    /// Half of what a timestamp can hold, so that moving one by a step or a range stays exact.
    static let range = -(Int64.max / 2)...(Int64.max / 2)

    /// The time that `text` stands for: seconds since the epoch with a fraction, or RFC 3339; nil if it is
    /// neither.
    ///
    /// Seconds are rounded to milliseconds; times beyond `range` count as its ends.
    package static func parse(_ text: String) -> Timestamp? {
        if let seconds = ValueText.parse(text) {
            guard !seconds.isNaN, !seconds.isInfinite else { return nil }
            return clamped(millis: (seconds * 1000).rounded())
        }
        switch text {
        // How Go's client libraries spell the least and the greatest time.
        case "-292273086-05-16T16:47:06Z": return Timestamp(millis: range.lowerBound)
        case "292277025-08-18T07:12:54.999999999Z": return Timestamp(millis: range.upperBound)
        default: return parseRFC3339(text)
        }
    }

    /// `time` in RFC 3339 with UTC, such as `2026-11-21T08:35:52.891Z`; without trailing zeros of the
    /// fraction.
    package static func format(_ time: Timestamp) -> String {
        let dayMillis: Int64 = 86_400_000
        let midnight = time.floored(toMillis: dayMillis)
        let (year, month, day) = civil(fromDay: midnight.millis / dayMillis)
        let millis = time.millis - midnight.millis
        let (seconds, fraction) = millis.quotientAndRemainder(dividingBy: 1000)
        var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))T"
        text += "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        if fraction > 0 {
            var digits = padded(fraction, 3)
            while digits.hasSuffix("0") { digits.removeLast() }
            text += "." + digits
        }
        return text + "Z"
    }

    private static func clamped(millis: Double) -> Timestamp {
        if millis >= Double(range.upperBound) { return Timestamp(millis: range.upperBound) }
        if millis <= Double(range.lowerBound) { return Timestamp(millis: range.lowerBound) }
        return Timestamp(millis: Int64(millis))
    }

    // MARK: - RFC 3339

    private static func parseRFC3339(_ text: String) -> Timestamp? {
        var cursor = Cursor(rest: Array(text.utf8)[...])
        guard let year = cursor.number(4), cursor.take("-"), let month = cursor.number(2), cursor.take("-"),
            let day = cursor.number(2), cursor.take("T") || cursor.take("t"), let hour = cursor.number(2),
            cursor.take(":"), let minute = cursor.number(2), cursor.take(":"), let second = cursor.number(2),
            (1...12).contains(month), day >= 1, day <= daysInMonth(year, month), hour < 24, minute < 60,
            second < 60
        else { return nil }
        var nanos: Int64 = 0
        if cursor.take(".") {
            guard let fraction = cursor.fraction() else { return nil }
            nanos = fraction
        }
        guard let offsetSeconds = cursor.zone(), cursor.rest.isEmpty else { return nil }
        let days = dayNumber(year, month, day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offsetSeconds
        return Timestamp(millis: seconds * 1000 + nanos / 1_000_000)
    }

    /// Reads the fixed-width parts of a date, one after the other.
    private struct Cursor {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        mutating func number(_ width: Int) -> Int64? {
            let digits = rest.prefix(width)
            guard digits.count == width, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            rest.removeFirst(width)
            return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }

        /// The digits behind the point, as nanoseconds; those beyond the ninth are dropped.
        mutating func fraction() -> Int64? {
            let digits = rest.prefix { $0 >= 0x30 && $0 <= 0x39 }
            guard !digits.isEmpty else { return nil }
            rest.removeFirst(digits.count)
            let nine = Array(digits.prefix(9)) + Array(repeating: 0x30, count: max(0, 9 - digits.count))
            return nine.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }

        mutating func zone() -> Int64? {
            if take("Z") || take("z") { return 0 }
            let sign: Int64
            if take("+") { sign = 1 } else if take("-") { sign = -1 } else { return nil }
            guard let hours = number(2), take(":"), let minutes = number(2), hours < 24, minutes < 60 else {
                return nil
            }
            return sign * (hours * 3600 + minutes * 60)
        }
    }

    // MARK: - The civil calendar
    // Source: the proleptic Gregorian calendar counted in eras of 400 years from 1 March 0000, as in Howard
    // Hinnant's "chrono-compatible low-level date algorithms".

    private static func dayNumber(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(fromDay number: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func daysInMonth(_ year: Int64, _ month: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number.magnitude)
        let zeros = String(repeating: "0", count: max(0, width - digits.count))
        return (number < 0 ? "-" : "") + zeros + digits
    }
}
