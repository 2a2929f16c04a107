import Glibc

/// Names of snapshots as Prometheus makes them: the time in UTC, and 16 digits behind it.
///
/// The first eight are the nanoseconds of the second, so that names of one second are in the order of time,
/// too: the newest backup is the one whose name comes last. The others are random.
enum SnapshotName {
    /// A new name, such as `20261130T080000Z-00f1e2d3c4b5a697`.
    static func make() -> String {
        let now = present()
        let random = UInt32.random(in: 0...UInt32.max)
        return "\(time(now))-\(hexadecimal(UInt32(now.tv_nsec)))\(hexadecimal(random))"
    }

    /// The time now, such as `20261130T080000Z`.
    static func time() -> String { time(present()) }

    private static func present() -> timespec {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return now
    }

    private static func hexadecimal(_ number: UInt32) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static func time(_ now: timespec) -> String {
        var seconds = now.tv_sec
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&seconds, &parts)
        func padded(_ number: Int32, _ width: Int) -> String {
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = unsafe [parts.tm_mon + 1, parts.tm_mday].map { padded($0, 2) }.joined()
        let clock = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec].map { padded($0, 2) }.joined()
        return unsafe "\(padded(parts.tm_year + 1900, 4))\(date)T\(clock)Z"
    }

    /// The time in a name.
    static func time(of name: String) -> String { String(name.prefix { $0 != "-" }) }
}
