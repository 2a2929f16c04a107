import Glibc
import Model
import Synchronization

/// The present as the field Date has it, such as `Mon, 30 Nov 2026 11:00:31 GMT`, written once a second.
final class HTTPDate: Sendable {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private let last = Mutex<(second: Int, text: String)>((.min, ""))

    /// The text for the present second.
    func now() -> String {
        let second = max(0, time(nil))
        return last.withLock { last in
            if last.second != second { last = (second, HTTPDate.text(second)) }
            return last.text
        }
    }

    /// The text for a second since the epoch.
    ///
    /// Source: RFC 9110, section 5.6.7.
    static func text(_ second: Int) -> String {
        // Such as 2026-11-30T11:00:31Z.
        let parts = TimeText.format(Timestamp(millis: Int64(second) * 1000)).split { "-T:Z".contains($0) }
        guard parts.count == 6, let month = Int(parts[1]), (1...12).contains(month) else { return "" }
        // The epoch was a Thursday.
        let day = days[(second / 86_400 + 4) % 7]
        let clock = parts[3...].joined(separator: ":")
        return "\(day), \(parts[2]) \(months[month - 1]) \(parts[0]) \(clock) GMT"
    }
}
