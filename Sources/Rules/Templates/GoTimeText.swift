import Model
import PromQL

/// Times and durations as Go prints them.
enum GoTimeText {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
        "November", "December",
    ]
    private static let weekdays = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]
    /// The parts of a layout, the longer of two that begin alike first.
    private static let layoutParts = [
        "January", "Jan", "Monday", "Mon", "MST", "2006", "-07:00", "-0700", "-07", "Z07:00", "Z0700", "Z07",
        "002", "01", "02", "03", "04", "05", "06", "15", "PM", "pm", "__2", "_2", "1", "2", "3", "4", "5",
    ]

    /// As `time.Time` prints itself in UTC: `2015-06-23 13:19:44.128 +0000 UTC`.
    static func text(_ time: Timestamp) -> String {
        let millis = time.millis - time.floored(toMillis: 1000).millis
        var fraction = millis == 0 ? "" : "." + padded(millis, 3)
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return format(time, layout: "2006-01-02 15:04:05") + fraction + " +0000 UTC"
    }

    /// By a layout, Go's reference time in the form wanted.
    static func format(_ time: Timestamp, layout: String) -> String {
        let seconds = time.floored(toMillis: 1000)
        let date = CivilTime(unixSeconds: seconds.millis / 1000)
        let millis = time.millis - seconds.millis
        var out = ""
        var rest = layout[...]
        while !rest.isEmpty {
            if let fraction = fraction(of: millis, at: rest, behind: out) {
                out += fraction.text
                rest = rest.dropFirst(fraction.length)
            } else if let part = layoutParts.first(where: { rest.hasPrefix($0) }),
                !(part == "Jan" || part == "Mon") || !isFollowedByLowercase(rest.dropFirst(3))
            {
                out += self.part(part, of: date)
                rest = rest.dropFirst(part.count)
            } else {
                out.append(rest.removeFirst())
            }
        }
        return out
    }

    /// The name of a month, 1 to 12.
    static func month(_ number: Int64) -> String { months[Int((max(1, min(12, number)) - 1))] }

    /// The name of a day, 0 for Sunday.
    static func weekday(_ number: Int64) -> String { weekdays[Int(max(0, min(6, number)))] }

    /// As `time.Duration` prints itself: `1h0m0.5s`, `100µs`.
    static func duration(nanos: Int64) -> String {
        guard nanos != 0 else { return "0s" }
        let sign = nanos < 0 ? "-" : ""
        let magnitude = nanos.magnitude
        if magnitude < 1_000_000_000 {
            let (unit, size): (String, UInt64) =
                magnitude < 1000 ? ("ns", 1) : magnitude < 1_000_000 ? ("µs", 1000) : ("ms", 1_000_000)
            return sign + decimal(magnitude, per: size) + unit
        }
        let seconds = magnitude / 1_000_000_000
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        let part = decimal(magnitude - (seconds - seconds % 60) * 1_000_000_000, per: 1_000_000_000) + "s"
        if hours > 0 { return "\(sign)\(hours)h\(minutes)m\(part)" }
        return minutes > 0 ? "\(sign)\(minutes)m\(part)" : sign + part
    }

    // MARK: - Private

    private static func part(_ part: String, of date: CivilTime) -> String {
        let twelve = date.hour % 12 == 0 ? 12 : date.hour % 12
        switch part {
        case "January": return month(date.month)
        case "Jan": return String(month(date.month).prefix(3))
        case "Monday": return weekday(date.dayOfWeek)
        case "Mon": return String(weekday(date.dayOfWeek).prefix(3))
        case "MST": return "UTC"
        case "2006": return padded(date.year, 4)
        case "-07:00": return "+00:00"
        case "-0700": return "+0000"
        case "-07": return "+00"
        case "Z07:00", "Z0700", "Z07": return "Z"
        case "002": return padded(date.dayOfYear, 3)
        case "__2": return spaced(date.dayOfYear, 3)
        case "01": return padded(date.month, 2)
        case "1": return "\(date.month)"
        case "02": return padded(date.day, 2)
        case "_2": return spaced(date.day, 2)
        case "2": return "\(date.day)"
        case "03": return padded(twelve, 2)
        case "3": return "\(twelve)"
        case "04": return padded(date.minute, 2)
        case "4": return "\(date.minute)"
        case "05": return padded(date.second, 2)
        case "5": return "\(date.second)"
        case "06": return padded(date.year % 100, 2)
        case "15": return padded(date.hour, 2)
        case "PM": return date.hour >= 12 ? "PM" : "AM"
        default: return date.hour >= 12 ? "pm" : "am"
        }
    }

    /// The fraction of a second that `.000` or `.999` asks for right behind a second.
    private static func fraction(of millis: Int64, at rest: Substring, behind out: String) -> (
        text: String, length: Int
    )? {
        guard let point = rest.first, point == "." || point == ",", let digit = rest.dropFirst().first,
            digit == "0" || digit == "9"
        else { return nil }
        let count = rest.dropFirst().prefix { $0 == digit }.count
        if let behind = rest.dropFirst(1 + count).first, behind.isNumber { return nil }
        var digits = String((padded(millis, 3) + String(repeating: "0", count: min(count, 9))).prefix(count))
        if digit == "9" { while digits.hasSuffix("0") { digits.removeLast() } }
        return (digits.isEmpty ? "" : "\(point)\(digits)", 1 + count)
    }

    private static func isFollowedByLowercase(_ rest: Substring) -> Bool {
        rest.first.map { $0 >= "a" && $0 <= "z" } ?? false
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number.magnitude)"
        return (number < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func spaced(_ number: Int64, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: " ", count: max(0, width - digits.count)) + digits
    }

    /// `amount / size` without zeros at the end; `size` is a power of ten.
    private static func decimal(_ amount: UInt64, per size: UInt64) -> String {
        let (whole, rest) = amount.quotientAndRemainder(dividingBy: size)
        guard rest > 0 else { return "\(whole)" }
        var digits = "\(size + rest)".dropFirst()
        while digits.last == "0" { digits.removeLast() }
        return "\(whole).\(digits)"
    }
}
