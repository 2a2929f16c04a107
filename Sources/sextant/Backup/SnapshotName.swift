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
        let date = unsafe padded(parts.tm_year + 1900, 4) + padded(parts.tm_mon + 1, 2) + padded(parts.tm_mday, 2)
        let clock = unsafe padded(parts.tm_hour, 2) + padded(parts.tm_min, 2) + padded(parts.tm_sec, 2)
        return "\(date)T\(clock)Z"
    }
}
