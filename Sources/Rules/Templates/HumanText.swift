/// Numbers for people, with four significant digits.
enum HumanText {
    private static let larger = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
    private static let smaller = ["m", "u", "n", "p", "f", "a", "z", "y"]

    /// With a metric prefix: `1.235M`, `123.4u`.
    static func decimal(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return GoNumberText.short(value) }
        return value.magnitude >= 1 ? scaledDown(value, by: 1000, larger) : scaledUp(value)
    }

    /// With a prefix of powers of 1024: `120.6ki`.
    static func binary(_ value: Double) -> String {
        guard value.magnitude > 1, value.isFinite else { return GoNumberText.short(value) }
        return scaledDown(value, by: 1024, larger.map { $0 + "i" })
    }

    /// Seconds as days to seconds: `1d 1h 1m 1s`, `59.12s`, `100us`.
    static func duration(_ value: Double) -> String {
        guard value.isFinite else { return GoNumberText.short(value) }
        guard value != 0 else { return "0s" }
        guard value.magnitude >= 1 else { return scaledUp(value) + "s" }
        let sign = value < 0 ? "-" : ""
        guard let whole = Int64(exactly: value.magnitude.rounded(.towardZero)) else {
            return sign + GoNumberText.short(value.magnitude) + "s"
        }
        let (days, hours, minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60)
        let seconds = whole % 60
        if days > 0 { return "\(sign)\(days)d \(hours)h \(minutes)m \(seconds)s" }
        if hours > 0 { return "\(sign)\(hours)h \(minutes)m \(seconds)s" }
        if minutes > 0 { return "\(sign)\(minutes)m \(seconds)s" }
        return sign + GoNumberText.short(value.magnitude) + "s"
    }

    private static func scaledDown(_ value: Double, by factor: Double, _ prefixes: [String]) -> String {
        var (scaled, prefix) = (value, "")
        for next in prefixes where scaled.magnitude >= factor {
            prefix = next
            scaled /= factor
        }
        return GoNumberText.short(scaled) + prefix
    }

    private static func scaledUp(_ value: Double) -> String {
        var (scaled, prefix) = (value, "")
        for next in smaller where scaled.magnitude < 1 {
            prefix = next
            scaled *= 1000
        }
        return GoNumberText.short(scaled) + prefix
    }
}
