import Model
import PromQL

/// Times in the bodies that are sent: RFC 3339 in UTC with milliseconds.
enum InstantText {
    /// `time`, such as `2026-11-21T06:07:34.890Z`.
    static func format(_ time: Timestamp) -> String {
        let second = time.floored(toMillis: 1000)
        let civil = CivilTime(unixSeconds: second.millis / 1000)
        let date = [padded(civil.year, 4), padded(civil.month, 2), padded(civil.day, 2)]
        let clock = [civil.hour, civil.minute, civil.second].map { padded($0, 2) }
        let fraction = padded(time.millis &- second.millis, 3)
        return "\(date.joined(separator: "-"))T\(clock.joined(separator: ":")).\(fraction)Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
