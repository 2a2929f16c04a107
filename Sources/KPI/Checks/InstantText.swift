import Model

/// Points in time as people write them in files.
enum InstantText {
    /// The instant that `text` is, in milliseconds: seconds since 1970, a date such as `2026-03-02` (its
    /// first instant in the zone), or `2026-03-02T10:00:00Z`, also with an offset and without seconds.
    static func millis(_ text: String, in zone: TimeZoneRules) -> Int64? {
        if let date = CivilDate(text) { return zone.start(of: date) * 1000 }
        if let seconds = Double(text) {
            return seconds.magnitude < 1e11 ? Int64((seconds * 1000).rounded()) : nil
        }
        guard text.utf8.count > 11, let date = CivilDate(text.prefix(10)),
            text.utf8.dropFirst(10).first == UInt8(ascii: "T")
        else { return nil }
        var clock = text.dropFirst(11)
        var offset: Int64 = 0
        if clock.hasSuffix("Z") {
            clock = clock.dropLast()
        } else if let sign = clock.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            guard let seconds = seconds(clock[clock.index(after: sign)...]) else { return nil }
            offset = clock[sign] == "+" ? seconds : -seconds
            clock = clock[..<sign]
        } else {
            return nil
        }
        guard let second = seconds(clock) else { return nil }
        return (Int64(date.dayNumber) * 86_400 + second - offset) * 1000
    }

    /// The seconds of `hh:mm` or `hh:mm:ss`.
    private static func seconds(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard (2...3).contains(parts.count), parts.allSatisfy({ $0.utf8.count == 2 }) else { return nil }
        let numbers = parts.compactMap { Int64($0) }
        guard numbers.count == parts.count, numbers[0] <= 24, numbers.dropFirst().allSatisfy({ $0 < 60 })
        else { return nil }
        return numbers.reduce(0) { $0 * 60 + $1 } * (numbers.count == 2 ? 60 : 1)
    }
}
