import Glibc

/// Names of snapshots as Prometheus makes them: the time in UTC and a random number.
enum SnapshotName {
    /// A new name, such as `20261130T080000Z-00f1e2d3c4b5a697`.
    static func make() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max >> 1), radix: 16)
        return "\(time())-\(String(repeating: "0", count: 16 - digits.count))\(digits)"
    }

    /// The time now, such as `20261130T080000Z`.
    static func time() -> String {
        var now = Glibc.time(nil)
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&now, &parts)
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
